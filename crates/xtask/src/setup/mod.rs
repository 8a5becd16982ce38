//! Everything that building and testing need, found or installed. A second call finds all of it and takes no time.

mod apt;
mod browser;
mod tools;
mod wasm;

use std::path::PathBuf;
use std::process::Command;

pub use browser::Browser;
pub use tools::{folder as tools_folder, onnxruntime_installed};
pub use wasm::WasmToolchain;

use crate::shell::{self, Result, step};

/// What the page is built with.
pub struct PageTools {
    wasm: WasmToolchain,
    /// Folders to look in before `PATH`.
    first: Vec<PathBuf>,
}

impl PageTools {
    /// A program that compiles for the browser, or calls something that does.
    pub fn command(&self, program: &str) -> Command {
        let mut command = shell::command(program);
        self.wasm.apply(&mut command, &self.first);
        command
    }

    /// The same, with clippy in the compiler's place for our own crates, warnings being errors. Debian's compiler has none.
    pub fn linting(&self, program: &str) -> Command {
        let mut command = self.command(program);
        if matches!(self.wasm, WasmToolchain::Rustup) {
            command.env("RUSTC_WORKSPACE_WRAPPER", "clippy-driver").env("CLIPPY_ARGS", "-Dwarnings__CLIPPY_HACKERY__");
        }
        command
    }
}

/// What the page needs to be built.
pub fn for_page() -> Result<PageTools> {
    let wasm = wasm::find_or_install()?;
    tools::node()?;
    tools::cargo_installed()?;
    tools::npm_installed()?;
    Ok(PageTools { wasm, first: tools::folders() })
}

/// What the tests need beyond that.
pub fn everything() -> Result<(PageTools, Browser)> {
    step("setup", || {
        let page = for_page()?;
        Ok((page, browser::find_or_install()?))
    })
}
