//! Running other programs: what runs is said, what fails is named.

use std::error::Error;
use std::ffi::{OsStr, OsString};
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::sync::LazyLock;
use std::time::Instant;
use std::{env, thread};

pub type Result<T = ()> = std::result::Result<T, Box<dyn Error>>;

/// The top folder of the repository. Cargo says where this package lies when it starts us: the place where we were
/// compiled may be another checkout that shares the target folder.
pub fn root() -> &'static Path {
    static FOLDER: LazyLock<PathBuf> = LazyLock::new(|| {
        env::var_os("CARGO_MANIFEST_DIR").map_or_else(|| env!("CARGO_MANIFEST_DIR").into(), PathBuf::from)
    });
    FOLDER.ancestors().nth(2).expect("crates/xtask lies two folders deep")
}

/// A program that starts in the top folder, free of the names that `cargo run` gave us for this package: build scripts
/// elsewhere would run again for them.
pub fn command(program: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new(program);
    command.current_dir(root());
    for (name, _) in env::vars_os() {
        let text = name.to_string_lossy();
        if text.starts_with("CARGO_PKG_") || text.starts_with("CARGO_MANIFEST_") {
            command.env_remove(&name);
        }
    }
    command
}

/// Runs it with its output on our terminal.
pub fn run(command: &mut Command) -> Result {
    let status = command.status().map_err(|error| unable(command, &error))?;
    ended(command, status)
}

/// Runs it and gives back what it wrote to stdout; `None` when it is not there or fails.
pub fn ask(command: &mut Command) -> Option<String> {
    let output = command.stderr(Stdio::null()).output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// Runs it, shows each line of its output and hands it to `see`.
pub fn watch(command: &mut Command, mut see: impl FnMut(&str)) -> Result {
    let mut child = command.stdout(Stdio::piped()).spawn().map_err(|error| unable(command, &error))?;
    let mut lines = BufReader::new(child.stdout.take().expect("stdout was piped"));
    let mut line = Vec::new();
    while lines.by_ref().read_until(b'\n', &mut line)? > 0 {
        let text = String::from_utf8_lossy(&line);
        print!("{text}");
        see(text.trim_end());
        line.clear();
    }
    ended(command, child.wait()?)
}

/// Does one step of a longer job, with its name before and its time after.
pub fn step<T>(name: &str, work: impl FnOnce() -> Result<T>) -> Result<T> {
    println!("==> {name}");
    let start = Instant::now();
    let done = work().map_err(|error| format!("{name}: {error}"))?;
    println!("    {name}: {:.1} s", start.elapsed().as_secs_f64());
    Ok(done)
}

/// Says every half minute that a silent job is still at work, while `work` runs.
pub fn patiently<T>(what: &str, work: impl FnOnce() -> T) -> T {
    let (finished, wait) = std::sync::mpsc::channel::<()>();
    thread::scope(|scope| {
        scope.spawn(move || {
            let start = Instant::now();
            while wait.recv_timeout(std::time::Duration::from_secs(30))
                == Err(std::sync::mpsc::RecvTimeoutError::Timeout)
            {
                println!("    still at {what}, {} s", start.elapsed().as_secs());
            }
        });
        let done = work();
        drop(finished);
        done
    })
}

/// Where a program lies on `PATH` (or in `first`, looked at before it).
pub fn find(program: &str, first: &[PathBuf]) -> Option<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    let endings: &[&str] = if cfg!(windows) { &[".exe", ".cmd"] } else { &[""] };
    let folders = first.iter().cloned().chain(env::split_paths(&path));
    folders
        .flat_map(|folder| endings.iter().map(move |ending| folder.join(format!("{program}{ending}"))))
        .find(|file| file.is_file())
}

/// `PATH` with these folders before the rest of it.
pub fn path_with(first: &[PathBuf]) -> OsString {
    let path = env::var_os("PATH").unwrap_or_default();
    env::join_paths(first.iter().cloned().chain(env::split_paths(&path))).expect("folders of PATH hold no separator")
}

fn unable(command: &Command, error: &std::io::Error) -> String {
    format!("`{}` did not start: {error}", line(command))
}

fn ended(command: &Command, status: ExitStatus) -> Result {
    if status.success() { Ok(()) } else { Err(format!("`{}` ended with {status}", line(command)).into()) }
}

fn line(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    words.map(OsStr::to_string_lossy).collect::<Vec<_>>().join(" ")
}
