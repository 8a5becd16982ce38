//! Programs of a pinned version, installed into a folder of our own: nothing outside it changes.

use std::path::PathBuf;
use std::{env, fs};

use serde_json::{Value, json};

use super::apt;
use crate::shell::{self, Result, ask, command, find, patiently, root, step};

const TRUNK: &str = "0.21.14";
const NPM: [(&str, &str); 2] = [("binaryen", "132.0.0"), ("playwright-core", "1.65.1")];
const ONNXRUNTIME: (&str, &str) = ("onnxruntime-web", "1.30.0");

/// `$SECATEUR_TOOLS`, or `secateur/tools` in the user's cache folder.
pub fn folder() -> PathBuf {
    let set = |name| env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    set("SECATEUR_TOOLS").unwrap_or_else(|| {
        let home = || env::home_dir().unwrap_or_else(env::temp_dir);
        let cache = if cfg!(windows) {
            set("LOCALAPPDATA")
        } else if cfg!(target_os = "macos") {
            Some(home().join("Library/Caches"))
        } else {
            set("XDG_CACHE_HOME")
        };
        cache.unwrap_or_else(|| home().join(".cache")).join("secateur/tools")
    })
}

/// Where its programs lie.
pub fn folders() -> Vec<PathBuf> {
    vec![folder().join("bin"), folder().join("node_modules/.bin")]
}

/// Node runs wasm-opt and the end-to-end tests.
pub fn node() -> Result {
    if find("node", &[]).is_some() && find("npm", &[]).is_some() {
        return Ok(());
    }
    apt::install(&["nodejs", "npm"], "Node.js and npm are missing: install Node.js 18 or newer (https://nodejs.org)")
}

/// Trunk, and wasm-bindgen at exactly the version of the crate in Cargo.lock.
pub fn cargo_installed() -> Result {
    let bindgen = locked_version("wasm-bindgen")?;
    if !has("wasm-bindgen", &bindgen) {
        // Its lock file may name a version that a registry mirror does not carry yet: then without.
        let install = |locked| cargo_install("wasm-bindgen-cli", &bindgen, locked, "3 minutes on two cores");
        install(true).or_else(|_| install(false))?;
    }
    if !has("trunk", TRUNK) {
        cargo_install("trunk", TRUNK, true, "6 minutes on two cores")?;
    }
    Ok(())
}

/// wasm-opt (in the package `binaryen`) and playwright-core.
pub fn npm_installed() -> Result {
    npm_install(&NPM)
}

/// What our kernels are measured beside in a browser: 140 MB that nothing else needs.
pub fn onnxruntime_installed() -> Result {
    npm_install(&[&NPM[..], &[ONNXRUNTIME]].concat())
}

/// Installs exactly these packages unless they are there; others go.
fn npm_install(packages: &[(&str, &str)]) -> Result {
    if packages.iter().all(|(package, version)| npm_version(package).as_deref() == Some(version)) {
        return Ok(());
    }
    let names: Vec<_> = packages.iter().map(|(name, _)| *name).collect();
    step(&format!("npm install {}", names.join(" ")), || {
        fs::create_dir_all(folder())?;
        let wanted: serde_json::Map<String, Value> =
            packages.iter().map(|(name, version)| (name.to_string(), json!(version))).collect();
        fs::write(folder().join("package.json"), json!({ "private": true, "dependencies": wanted }).to_string())?;
        let npm = find("npm", &[]).ok_or("npm is missing")?;
        shell::run(command(npm).args(["install", "--no-audit", "--no-fund", "--loglevel=error"]).current_dir(folder()))
    })
}

fn has(program: &str, version: &str) -> bool {
    let found = find(program, &folders()).and_then(|file| ask(command(file).arg("--version")));
    found.is_some_and(|told| told.split_whitespace().nth(1) == Some(version))
}

fn cargo_install(package: &str, version: &str, locked: bool, about: &str) -> Result {
    let lock = if locked { " --locked" } else { "" };
    step(&format!("cargo install {package} {version}{lock} (about {about})"), || {
        let mut cargo = command("cargo");
        // Quick to build matters here, quick to run does not. Its own temporary target folder leaves nothing behind.
        cargo.env("CARGO_PROFILE_RELEASE_LTO", "off").env("CARGO_PROFILE_RELEASE_OPT_LEVEL", "1");
        cargo.env("CARGO_PROFILE_RELEASE_CODEGEN_UNITS", "16").env_remove("CARGO_TARGET_DIR");
        cargo.args(["install", "--quiet", package, "--version", version]).arg("--root").arg(folder());
        if locked {
            cargo.arg("--locked");
        }
        cargo.current_dir(env::temp_dir()); // away from this workspace's flags and profiles
        patiently(package, || shell::run(&mut cargo))
    })
}

fn npm_version(package: &str) -> Option<String> {
    let text = fs::read_to_string(folder().join("node_modules").join(package).join("package.json")).ok()?;
    let manifest: Value = serde_json::from_str(&text).ok()?;
    Some(manifest["version"].as_str()?.to_owned())
}

fn locked_version(package: &str) -> Result<String> {
    let lock = fs::read_to_string(root().join("Cargo.lock"))?;
    let heading = format!("name = \"{package}\"");
    let mut lines = lock.lines().skip_while(|line| *line != heading);
    let version = lines.nth(1).and_then(|line| line.strip_prefix("version = \"")?.strip_suffix('"'));
    Ok(version.ok_or_else(|| format!("Cargo.lock names no {package}"))?.to_owned())
}
