//! Node programs of ours: end-to-end tests and measurements, which drive a real browser at the built page.

use std::process::Command;

use crate::build;
use crate::setup::{Browser, tools_folder};
use crate::shell::{command, root};

/// Node with what tests/e2e reads from the environment: `SECATEUR_DIST` is the built page, which they serve as a plain
/// static host would, `CHROME` the browser to start, and `require("playwright-core")` finds the package through
/// `NODE_PATH`.
pub fn node(browser: &Browser) -> Command {
    let mut node = command("node");
    node.env("SECATEUR_DIST", build::dist())
        .env("SECATEUR_ROOT", root())
        .env("CHROME", &browser.chrome)
        .env("NODE_PATH", tools_folder().join("node_modules"));
    node
}
