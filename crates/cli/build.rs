//! Embeds the built-in models and data: a table of every file in `public/models` and `public/digits`.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs};

fn main() {
    let manifest = PathBuf::from(env::var("CARGO_MANIFEST_DIR").expect("cargo sets it"));
    let public = manifest.join("../../public").canonicalize().expect("the repository has a public/ folder");
    let mut table = String::from("&[\n");
    for folder in ["digits", "models"] {
        println!("cargo::rerun-if-changed={}", public.join(folder).display());
        for file in files_below(&public.join(folder)) {
            let name = file.strip_prefix(&public).expect("found below it").to_string_lossy().replace('\\', "/");
            writeln!(table, "    ({name:?}, include_bytes!({file:?})),").expect("a string takes everything");
        }
    }
    table.push(']');
    let out = PathBuf::from(env::var("OUT_DIR").expect("cargo sets it"));
    fs::write(out.join("public.rs"), table).expect("the build's own folder can be written");
}

/// All files below a folder, sorted; none when there is no such folder.
fn files_below(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut files: Vec<PathBuf> = entries
        .flat_map(|entry| {
            let path = entry.path();
            if path.is_dir() { files_below(&path) } else { vec![path] }
        })
        .collect();
    files.sort();
    files
}
