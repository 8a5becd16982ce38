//! What the files themselves tell: shaders nobody listed, sources grown long.

use std::fs;
use std::path::{Path, PathBuf};

use crate::shell::{Result, root};

const LONG: usize = 400;

/// Every WGSL file that is an entry point stands in the table that the build validates; what lies in shared/ is pasted
/// into those by name.
pub fn unlisted_shaders() -> Result<Vec<String>> {
    let folder = root().join("shaders");
    let mut shaders = Vec::new();
    collect(&folder, "wgsl", &mut shaders)?;
    if shaders.is_empty() {
        return Ok(vec!["shaders/ holds no WGSL file".into()]);
    }
    let table = fs::read_to_string(folder.join("variants.toml"))?;
    shaders.retain(|file| !file.starts_with(folder.join("shared")) && !listed(&table, file));
    Ok(shaders.iter().map(|file| format!("{} is not in shaders/variants.toml", file.display())).collect())
}

fn listed(table: &str, shader: &Path) -> bool {
    let stem = shader.file_stem().unwrap_or_default().to_string_lossy();
    table.lines().any(|line| line.split(['=', '[', ']', '"']).any(|word| word.trim() == stem))
}

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
