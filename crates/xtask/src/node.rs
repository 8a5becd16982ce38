//! Node programs of ours: end-to-end tests and measurements, which drive a real browser at the served page.

use std::process::Command;

use crate::serve;
use crate::setup::{Browser, tools_folder};
use crate::shell::{Result, command};

/// Node with what tests/e2e reads from the environment: `SECATEUR_URL` is the page as `cargo xtask serve` gives it,
/// `CHROME` the browser to start, and `require("playwright-core")` finds the package through `NODE_PATH`.
pub fn node(browser: &Browser) -> Result<Command> {
    let mut node = command("node");
    node.env("SECATEUR_URL", serve::in_background()?)
        .env("CHROME", &browser.chrome)
        .env("NODE_PATH", tools_folder().join("node_modules"));
    Ok(node)
}
