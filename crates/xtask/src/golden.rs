//! The reference numbers of tests/golden come from PyTorch, never from our own code.

use crate::shell::{self, Result, command};

/// Makes a virtual environment from `requirements.txt` beside the build output and runs the scripts in it.
pub fn run() -> Result {
    let folder = crate::setup::tools_folder().join("golden");
    let python = folder.join(if cfg!(windows) { "Scripts/python.exe" } else { "bin/python" });
    if !python.is_file() {
        shell::run(command("python3").args(["-m", "venv"]).arg(&folder))?;
    }
    shell::run(command(&python).args(["-m", "pip", "install", "--quiet", "-r", "tests/golden/requirements.txt"]))?;
    shell::run(command(&python).arg("tests/golden/make.py"))
}
