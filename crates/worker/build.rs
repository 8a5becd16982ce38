//! Embeds the families' goldens in the browser's tests, which have no files: a table of name, weights, config, answers.

use std::fmt::Write as _;
use std::path::PathBuf;
use std::{env, fs};

fn main() {
    let manifest = PathBuf::from(env::var("CARGO_MANIFEST_DIR").expect("cargo sets it"));
    let goldens = manifest.join("../../tests/golden/families");
    println!("cargo::rerun-if-changed={}", goldens.display());
    let mut folders: Vec<PathBuf> = fs::read_dir(&goldens).into_iter().flatten().flatten().map(|e| e.path()).collect();
    folders.retain(|folder| folder.join("model.safetensors").is_file());
    folders.sort();
    let mut table = String::from("&[\n");
    for folder in folders {
        let name = folder.file_name().expect("a folder has a name");
        let [weights, config, expected] =
            ["model.safetensors", "config.json", "expected.safetensors"].map(|file| folder.join(file));
        let bytes = format!("include_bytes!({weights:?}), include_bytes!({config:?}), include_bytes!({expected:?})");
        writeln!(table, "    ({name:?}, {bytes}),").expect("a string takes everything");
    }
    table.push(']');
    let out = PathBuf::from(env::var("OUT_DIR").expect("cargo sets it"));
    fs::write(out.join("families.rs"), table).expect("the build's own folder can be written");
}
