//! What the files themselves tell: sources grown long.

use std::fs;
use std::path::{Path, PathBuf};

use crate::shell::{Result, root};

const LONG: usize = 400;

/// A hint, no error: a long file often holds two things.
pub fn hint_at_long_files() -> Result {
    let mut sources = Vec::new();
    for folder in ["crates", "web", "tests"] {
        collect(&root().join(folder), "rs", &mut sources)?;
    }
    for file in sources {
        let lines = fs::read_to_string(&file)?.lines().count();
        if lines > LONG {
            println!("    hint: {} has {lines} lines", file.strip_prefix(root())?.display());
        }
    }
    Ok(())
}

fn collect(folder: &Path, ending: &str, files: &mut Vec<PathBuf>) -> Result {
    if !folder.is_dir() {
        return Ok(());
    }
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            collect(&path, ending, files)?;
        } else if path.extension().is_some_and(|found| found == ending) {
            files.push(path);
        }
    }
    files.sort();
    Ok(())
}
