//! The page: Trunk builds both of its programs, the page itself and the worker with the engine, into dist/.

use std::fs;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use crate::setup::{self, PageTools};
use crate::shell::{self, Result, root, step};

/// What dist/ is made of. The command line and these chores are not part of it.
const INPUTS: [&str; 7] = ["Cargo.lock", "Cargo.toml", "Trunk.toml", ".cargo", "web", "shaders", "public"];
const NOT_INPUTS: [&str; 2] = ["crates/cli", "crates/xtask"];

pub fn run() -> Result {
    page(&setup::for_page()?)
}

pub fn dist() -> PathBuf {
    root().join("dist")
}

/// Builds dist/ unless it is of exactly these sources.
pub fn page(tools: &PageTools) -> Result {
    let sources = fingerprint()?;
    let stamp = dist().join(".sources");
    if fs::read_to_string(&stamp).is_ok_and(|built| built == sources) {
        println!("==> page: dist/ is up to date");
        return Ok(());
    }
    step("page: trunk build", || {
        let mut trunk = tools.command("trunk");
        shell::run(trunk.args(["build", "--skip-version-check"]))?;
        Ok(fs::write(&stamp, &sources)?)
    })
}

/// The SHA-256 of every file the page is made of, names included.
fn fingerprint() -> Result<String> {
    let mut files = Vec::new();
    for input in INPUTS {
        collect(&root().join(input), &mut files)?;
    }
    collect(&root().join("crates"), &mut files)?;
    files.sort();
    let mut hash = Sha256::new();
    for file in files {
        let bytes = fs::read(&file)?;
        hash.update(format!("{} {}\n", file.strip_prefix(root())?.display(), bytes.len()));
        hash.update(bytes);
    }
    Ok(hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect())
}

fn collect(path: &Path, files: &mut Vec<PathBuf>) -> Result {
    if NOT_INPUTS.iter().any(|not| path == root().join(not)) {
        return Ok(());
    }
    if path.is_dir() {
        for entry in fs::read_dir(path)? {
            collect(&entry?.path(), files)?;
        }
    } else if path.is_file() {
        files.push(path.to_owned());
    }
    Ok(())
}
