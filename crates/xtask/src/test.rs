//! Everything there is to check, cheapest first. The first stage that fails ends the run.

use std::path::PathBuf;
use std::time::Instant;
use std::{fmt, fs};

use crate::node::node;
use crate::setup::{self, Browser, PageTools};
use crate::shell::{self, Result, command, root, step};
use crate::{build, tidy};

/// What runs in a browser has commands of its own: named together with the rest it would change the features of burn's
/// tree, and burn be compiled again.
const NATIVE: [&str; 4] = ["--workspace", "--exclude=secateur-web", "--exclude=secateur-worker", "--locked"];
const PAGE: [&str; 2] = ["--package=secateur-web", "--locked"];
const DENY: [&str; 3] = ["--all-targets", "--", "--deny=warnings"];

pub fn run() -> Result {
    let start = Instant::now();
    let mut report = Report::default();
    let done = stages(&mut report);
    println!("\n{report}\nwall time: {:.1} min", start.elapsed().as_secs_f64() / 60.0);
    let (passed, failed) = report.total();
    println!("{passed} passed, {} failed", if done.is_err() { failed.max(1) } else { failed });
    done
}

fn stages(report: &mut Report) -> Result {
    let (page, browser) = setup::everything()?;
    step("format", || shell::run(command("cargo").args(["fmt", "--all", "--check"])))?;
    step("layers", tidy::run)?;
    step("lints", || {
        shell::patiently("lints", || {
            shell::run(command("cargo").args(["clippy", "--quiet"]).args(NATIVE).args(DENY))?;
            shell::run(command("cargo").args(["clippy", "--quiet"]).args(PAGE).args(DENY))
        })
    })?;
    step("native tests", || {
        shell::patiently("native tests", || {
            report.native.count(command("cargo").arg("test").args(NATIVE))?;
            report.native.count(command("cargo").arg("test").args(PAGE))
        })
    })?;
    build::page(&page)?;
    step("wasm tests in Chrome", || report.wasm.count(&mut wasm_tests(&page, &browser)))?;
    step("end-to-end tests", || {
        let mut node = node(&browser)?;
        report.end_to_end.count(node.args(["--test", "--test-reporter=spec"]).args(end_to_end_files()?))
    })
}

/// The worker's lints are part of this: they need what compiling burn for wasm gives, and it is compiled here anyway.
fn wasm_tests(page: &PageTools, browser: &Browser) -> std::process::Command {
    let mut cargo = page.linting("cargo");
    cargo
        .args(["test", "--locked", "--package=secateur-worker", "--release", "--target=wasm32-unknown-unknown"])
        .env("CHROMEDRIVER", &browser.driver)
        .env("WASM_BINDGEN_TEST_WEBDRIVER_JSON", root().join("crates/worker/webdriver.json"))
        .env("WASM_BINDGEN_TEST_TIMEOUT", "600") // seconds for a whole test binary: compiling shaders in software is slow
        .env("WASM_BINDGEN_TEST_DRIVER_TIMEOUT", "60")
        .env("WASM_BINDGEN_TEST_NO_ORIGIN_ISOLATION", "1"); // see what a plain static host gives
    cargo
}

fn end_to_end_files() -> Result<Vec<PathBuf>> {
    let mut files: Vec<PathBuf> =
        fs::read_dir(root().join("tests/e2e"))?.map(|entry| Ok(entry?.path())).collect::<Result<_>>()?;
    files.retain(|file| file.to_string_lossy().ends_with(".test.mjs"));
    files.sort();
    if files.is_empty() { Err("tests/e2e holds no *.test.mjs".into()) } else { Ok(files) }
}

#[derive(Default)]
struct Report {
    native: Counts,
    wasm: Counts,
    end_to_end: Counts,
}

impl Report {
    fn total(&self) -> (u64, u64) {
        let all = [&self.native, &self.wasm, &self.end_to_end];
        (all.iter().map(|counts| counts.passed).sum(), all.iter().map(|counts| counts.failed).sum())
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { native, wasm, end_to_end } = self;
        write!(f, "native: {native}\nwasm in Chrome: {wasm}\nend to end: {end_to_end}")
    }
}

#[derive(Default, Debug, PartialEq)]
struct Counts {
    passed: u64,
    failed: u64,
}

impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} passed, {} failed", self.passed, self.failed)
    }
}

impl Counts {
    /// Runs tests and adds up what they report.
    fn count(&mut self, command: &mut std::process::Command) -> Result {
        let before = self.passed;
        shell::watch(command, |line| self.read(line))?;
        if self.passed == before { Err("no test ran".into()) } else { Ok(()) }
    }

    /// Understands `test result: ok. 3 passed; 0 failed; ...` of Rust's harnesses and `ℹ pass 3`, `ℹ fail 0` of Node's.
    fn read(&mut self, line: &str) {
        let words: Vec<&str> = line.split_whitespace().collect();
        match words.as_slice() {
            ["test", "result:", _, passed, "passed;", failed, "failed;", ..] => {
                self.passed += passed.parse().unwrap_or(0);
                self.failed += failed.parse().unwrap_or(0);
            }
            ["ℹ", "pass", passed] => self.passed += passed.parse().unwrap_or(0),
            ["ℹ", "fail", failed] => self.failed += failed.parse().unwrap_or(0),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_harnesses_are_counted() {
        let mut counts = Counts::default();
        counts.read("test result: ok. 12 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.02s");
        counts.read("test result: FAILED. 3 passed; 2 failed; 0 ignored; 0 measured; 0 filtered out");
        counts.read("ℹ pass 5");
        counts.read("ℹ fail 1");
        counts.read("ℹ pass through");
        assert_eq!(counts, Counts { passed: 20, failed: 3 });
    }
}
