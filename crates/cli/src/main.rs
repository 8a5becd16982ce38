//! `secateur`: the engine on the command line.

mod args;
mod client;
mod commands;
mod host;
mod model;
mod out_dir;
mod progress;

use std::io::{ErrorKind, Write};
use std::process::ExitCode;

use clap::Parser;
use serde_json::{Value, json};

use args::{Args, Command};

/// One sentence for the user.
type Failure = Box<dyn std::error::Error>;
type Result<T = ()> = std::result::Result<T, Failure>;

/// What a command has to say: `text` for people, `json` for `--json`.
struct Answer {
    text: String,
    json: Value,
}

fn main() -> ExitCode {
    quiet_mesa();
    keep_freed_memory();
    work_along();
    let args = Args::parse();
    let json = args.json;
    let answer = run(args);
    let told = match &answer {
        Ok(answer) if json => tell(&answer.json.to_string()),
        Ok(answer) => tell(answer.text.trim_end()),
        Err(error) if json => tell(&json!({ "error": error.to_string() }).to_string()),
        Err(_) => Ok(()),
    };
    match answer.and(told) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("secateur: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Writes to stdout. A reader that has seen enough, as `head` has, is no failure.
fn tell(text: &str) -> Result {
    match writeln!(std::io::stdout(), "{text}") {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(format!("writing to stdout: {error}").into()),
        _ => Ok(()),
    }
}

/// glibc hands large blocks back to the system as they are freed, and a forward pass would get each value's pages anew, which
/// takes longer than its arithmetic. After a block of 31 MB was freed (of 32 MB would be too large) it keeps blocks of up to
/// that size: `mallopt(3)`, dynamic threshold.
fn keep_freed_memory() {
    drop(std::hint::black_box(vec![0_u8; 31 << 20]));
}

/// Lets this thread be one of those that share the work: waking another one for every product takes as long as a small product.
/// Nothing has asked for threads yet, so that nobody is refused.
fn work_along() {
    let _ = rayon::ThreadPoolBuilder::new().use_current_thread().build_global();
}

/// Where there is no desktop, Mesa's choice of device asks Wayland for one and complains on stderr, between our lines.
fn quiet_mesa() {
    if std::env::var_os("XDG_RUNTIME_DIR").is_none() {
        // SAFETY: this is the program's only thread so far.
        unsafe { std::env::set_var("NODEVICE_SELECT", "1") };
    }
}

fn run(args: Args) -> Result<Answer> {
    let progress = progress::Progress::new(args.json);
    match args.command {
        Command::Models => commands::models::run(progress),
        Command::Methods { show } => commands::methods::run(progress, show),
        Command::Inspect { file } => commands::inspect::run(&file),
        Command::Groups(args) => commands::groups::run(progress, args),
        Command::Count(args) => commands::count::run(progress, args),
        Command::Eval(args) if !args.images.is_empty() => commands::classify::run(progress, args),
        Command::Eval(args) if args.questions => commands::questions::run(progress, args),
        Command::Eval(args) => commands::eval::run(progress, args),
        Command::Generate(args) => commands::generate::run(progress, args),
        Command::Prune(args) => commands::prune::run(progress, args),
        Command::Export(args) => commands::export::run(progress, args),
        Command::Verdict(args) => commands::verdict::run(progress, args),
        Command::Sample(args) => commands::sample::run(progress, args),
        Command::Train(args) => commands::train::run(progress, args),
        Command::Run(args) => commands::run::run(progress, args),
        Command::Compare { a, b, device } => commands::compare::run(progress, &a, &b, device.into()),
        Command::Record(args) => commands::record::run(progress, args),
        Command::Sweep(args) => commands::sweep::run(progress, args),
        Command::Bench(what) => commands::bench::run(progress, what),
    }
}
