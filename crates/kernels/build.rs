//! Turns `shaders/` into a table of kernels: expands imports and flags, validates every variant with naga, reads
//! its bindings back, and reports every error there is before failing.

#[path = "build/expand.rs"]
mod expand;
#[path = "build/reflect.rs"]
mod reflect;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs};

use reflect::Reflected;

/// Shader stem -> kernel name -> flags.
type Variants = BTreeMap<String, BTreeMap<String, Vec<String>>>;

fn main() {
    let shaders = PathBuf::from("../../shaders");
    println!("cargo::rerun-if-changed={}", shaders.display());
    println!("cargo::rerun-if-changed=src/cpu");
    let mut errors = Vec::new();
    let table = build(&shaders, &mut errors);
    for error in &errors {
        for line in error.lines() {
            println!("cargo::error={line}");
        }
    }
    if errors.is_empty() {
        let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets OUT_DIR"));
        fs::write(out.join("kernels.rs"), table).expect("OUT_DIR can be written to");
    }
}

/// The generated Rust source. A check that found no shaders is an error, not a success.
fn build(shaders: &Path, errors: &mut Vec<String>) -> String {
    let variants = variants(&shaders.join("variants.toml"), errors);
    let shared = wgsl_files(&shaders.join("shared"));
    let mut found: Vec<(String, PathBuf)> = folders(shaders).iter().flat_map(|folder| wgsl_files(folder)).collect();
    found.sort();
    if found.is_empty() {
        errors.push(format!("no shaders found in {}", shaders.display()));
    }
    for stem in variants.keys().filter(|stem| found.iter().all(|(have, _)| have != *stem)) {
        errors.push(format!("variants.toml lists {stem}, but there is no {stem}.wgsl"));
    }
    let (mut table, mut names) = (String::new(), BTreeMap::new());
    let mut twins = Vec::new();
    for (stem, path) in &found {
        let family = path.parent().and_then(Path::file_name).unwrap_or_default().to_string_lossy();
        let twin = format!("src/cpu/{family}/{stem}.rs");
        if !Path::new(&twin).exists() {
            errors.push(format!("{}: has no CPU twin {twin}", path.display()));
        }
        let place = format!("crate::cpu::{family}::{stem}::TWIN");
        twins.push(format!("crate::check::Listed {{ shader: {stem:?}, file: {twin:?}, twin: &{place} }}"));
        let alone = BTreeMap::from([(stem.clone(), Vec::new())]);
        for (name, flags) in variants.get(stem).unwrap_or(&alone) {
            if let Some(other) = names.insert(name.clone(), stem) {
                errors.push(format!("two kernels are called {name}: in {other}.wgsl and {stem}.wgsl"));
            }
            let expanded = expand::expand(path, flags, &shared);
            match expanded.and_then(|source| reflect::reflect(&source).map(|reflected| (source, reflected))) {
                Ok((source, reflected)) => table += &kernel(name, stem, &source, &reflected),
                Err(error) => errors.push(format!("{} as {name}: {error}", path.display())),
            }
        }
    }
    let constants: Vec<String> = names.keys().map(|name| format!("&{}", name.to_uppercase())).collect();
    writeln!(table, "/// Every kernel.\npub const KERNELS: &[&Kernel] = &[{}];", constants.join(", "))
        .expect("a string");
    writeln!(
        table,
        "/// A twin for every shader.\npub(crate) const TWINS: &[crate::check::Listed] = &[{}];",
        twins.join(", ")
    )
    .expect("a string");
    table
}

fn kernel(name: &str, shader: &str, source: &str, reflected: &Reflected) -> String {
    let Reflected { workgroup, bindings, parameters } = reflected;
    format!(
        "pub const {}: Kernel = Kernel {{ name: {name:?}, shader: {shader:?}, source: {source:?}, \
         workgroup: {workgroup:?}, bindings: &{bindings:?}, parameters: {parameters} }};\n",
        name.to_uppercase()
    )
}

fn variants(path: &Path, errors: &mut Vec<String>) -> Variants {
    let text = fs::read_to_string(path).map_err(|error| error.to_string());
    text.and_then(|text| toml::from_str(&text).map_err(|error| error.to_string())).unwrap_or_else(|error| {
        errors.push(format!("{}: {error}", path.display()));
        Variants::new()
    })
}

/// The families: every folder but `shared`, whose files are only imported.
fn folders(shaders: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(shaders).into_iter().flatten().flatten().map(|entry| entry.path());
    entries.filter(|path| path.is_dir() && !path.ends_with("shared")).collect()
}

/// Stem and path of each WGSL file in a folder.
fn wgsl_files(folder: &Path) -> Vec<(String, PathBuf)> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
    let shaders = entries.filter(|path| path.extension().is_some_and(|extension| extension == "wgsl"));
    shaders.map(|path| (path.file_stem().unwrap_or_default().to_string_lossy().into_owned(), path)).collect()
}
