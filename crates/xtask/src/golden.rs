//! The reference numbers of tests/golden come from PyTorch, never from our own code.

use std::path::PathBuf;

use crate::setup::tools_folder;
use crate::shell::{self, Result, command};

/// Makes a virtual environment from `requirements.txt` among the tools and runs the scripts in it.
pub fn run() -> Result {
    let python = python();
    if !python.is_file() {
        shell::run(command("python3").args(["-m", "venv"]).arg(environment()))?;
    }
    shell::run(command(&python).args(["-m", "pip", "install", "--quiet", "-r", "tests/golden/requirements.txt"]))?;
    shell::run(command(&python).arg("tests/golden/make.py"))
}

/// The Python of that environment; not there before [`run`].
pub fn python() -> PathBuf {
    environment().join(if cfg!(windows) { "Scripts/python.exe" } else { "bin/python" })
}

fn environment() -> PathBuf {
    tools_folder().join("golden")
}
