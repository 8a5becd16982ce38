//! The figures this project quotes: each with the device it was taken on.

use crate::shell::{self, Result, command};
use crate::{build, node, setup, size};

pub fn run() -> Result {
    let (page, browser) = setup::everything()?;
    build::page(&page)?;
    size::print()?;
    for what in ["model", "kernels"] {
        shell::run(command("cargo").args(["run", "--quiet", "--package", "secateur-cli", "--", "bench", what]))?;
    }
    shell::run(node::node(&browser)?.arg("tests/e2e/bench.mjs"))
}
