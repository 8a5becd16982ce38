//! A compiler for wasm32. Rustup's own target where it can be had; otherwise Debian's `rustc-web`, which builds the
//! standard library from its sources with the lld of its own LLVM generation.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::apt;
use crate::shell::{self, Result, ask, command, find, step};

const TARGET: &str = "wasm32-unknown-unknown";
const DEBIAN: [&str; 4] = ["rustc-web", "cargo-web", "rust-web-src", "libstd-rust-web-dev"];

pub enum WasmToolchain {
    /// The usual compiler knows the target.
    Rustup,
    /// `/usr/bin/rustc` with build-std; the linker is named after LLVM's generation.
    Debian { linker: String },
}

impl WasmToolchain {
    /// Sets the environment for a program that calls cargo for wasm32. Never use it for host builds:
    /// `RUSTC_BOOTSTRAP` would change what crates' build scripts find there.
    pub fn apply(&self, command: &mut Command, first: &[PathBuf]) {
        let mut first = first.to_vec();
        command.env_remove("RUSTFLAGS"); // would replace the flags of .cargo/config.toml, +simd128 with them
        if let Self::Debian { linker } = self {
            first.push("/usr/bin".into());
            for theirs in ["CARGO", "RUSTUP_TOOLCHAIN", "LD_LIBRARY_PATH"] {
                command.env_remove(theirs);
            }
            command
                .env("RUSTC", "/usr/bin/rustc")
                .env("RUSTC_BOOTSTRAP", "1")
                .env("CARGO_UNSTABLE_BUILD_STD", "std,panic_abort")
                .env("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER", linker);
        }
        command.env("PATH", shell::path_with(&first));
    }
}

/// Finds the target or installs it. `SECATEUR_WASM=debian` asks for Debian's compiler although rustup's is there.
pub fn find_or_install() -> Result<WasmToolchain> {
    let debian = std::env::var("SECATEUR_WASM").is_ok_and(|wish| wish == "debian");
    if !debian && (known() || added()) {
        return Ok(WasmToolchain::Rustup);
    }
    let otherwise = format!("the standard library for {TARGET} is missing: run `rustup target add {TARGET}`");
    apt::install(&DEBIAN, &otherwise)?;
    let llvm = llvm_generation().ok_or("`/usr/bin/rustc --version --verbose` names no LLVM version")?;
    let (package, linker) = (format!("lld-{llvm}"), format!("wasm-ld-{llvm}"));
    apt::install(&[&package], &format!("{linker} is missing: install the package {package}"))?;
    Ok(WasmToolchain::Debian { linker })
}

fn known() -> bool {
    let sysroot = ask(command("rustc").args(["--print", "sysroot"]));
    sysroot.is_some_and(|root| Path::new(&root).join("lib/rustlib").join(TARGET).join("lib").is_dir())
}

fn added() -> bool {
    let add = || shell::run(command("rustup").args(["target", "add", TARGET]));
    find("rustup", &[]).is_some() && step(&format!("rustup target add {TARGET}"), add).is_ok() && known()
}

fn llvm_generation() -> Option<String> {
    let told = ask(command("/usr/bin/rustc").args(["--version", "--verbose"]))?;
    let version = told.lines().find_map(|line| line.strip_prefix("LLVM version: "))?;
    version.split('.').next().map(str::to_owned)
}
