//! The figures this project quotes: each with the device it was taken on.

use std::process::Command;

use clap::{Subcommand, ValueEnum};
use serde_json::{Map, Value};

use crate::shell::{self, Result, command};
use crate::{build, golden, node, setup, size};

/// A part of all there is to measure.
#[derive(Subcommand)]
pub enum Only {
    /// The kernels, natively and in Chrome, beside PyTorch (where `cargo xtask golden` has run) and onnxruntime-web
    Kernels {
        #[arg(long)]
        device: Option<Device>,
        /// The last line of stdout is one JSON object
        #[arg(long)]
        json: bool,
    },
}

/// Where kernels run.
#[derive(Clone, Copy, PartialEq, ValueEnum)]
pub enum Device {
    Cpu,
    Gpu,
    BrowserCpu,
    /// WebGPU by SwiftShader
    BrowserGpu,
}

impl Device {
    /// As `secateur bench` and tests/e2e/kernels.mjs call it.
    fn name(self) -> &'static str {
        match self {
            Self::Cpu | Self::BrowserCpu => "cpu",
            Self::Gpu | Self::BrowserGpu => "gpu",
        }
    }
}

pub fn run(only: Option<Only>) -> Result {
    match only {
        Some(Only::Kernels { device, json }) => kernels(device, json),
        None => everything(),
    }
}

fn everything() -> Result {
    let (page, browser) = setup::everything()?;
    build::page(&page)?;
    size::print()?;
    for what in ["model", "kernels"] {
        shell::run(&mut secateur_bench(what))?;
    }
    shell::run(command("cargo").args(["run", "--quiet", "-p", "secateur-tests", "--example", "drawing"]))?;
    shell::run(node::node(&browser)?.arg("tests/e2e/bench.mjs"))
}

/// On the device asked for, or natively and in Chrome on CPU and GPU.
fn kernels(asked: Option<Device>, json: bool) -> Result {
    let wanted = |device: &Device| asked.is_none_or(|asked| asked == *device);
    let mut figures = json.then(Map::new);
    if [Device::Cpu, Device::Gpu].iter().any(wanted) {
        let mut secateur = secateur_bench("kernels");
        if let Some(device) = asked {
            secateur.args(["--device", device.name()]);
        }
        measure("native", &mut secateur, &mut figures)?;
    }
    if wanted(&Device::Cpu) {
        pytorch(&mut figures)?;
    }
    let in_browser: Vec<Device> = [Device::BrowserCpu, Device::BrowserGpu].into_iter().filter(wanted).collect();
    if !in_browser.is_empty() {
        browser(&in_browser, &mut figures)?;
    }
    if let Some(figures) = figures {
        println!("{}", Value::Object(figures));
    }
    Ok(())
}

fn pytorch(figures: &mut Figures) -> Result {
    let python = golden::python();
    if !python.is_file() {
        println!("==> PyTorch is left out: `cargo xtask golden` makes the Python environment that it takes");
        return Ok(());
    }
    measure("pytorch", command(python).arg("tests/golden/speed.py"), figures)
}

fn browser(devices: &[Device], figures: &mut Figures) -> Result {
    let (page, browser) = setup::everything()?;
    setup::onnxruntime_installed()?;
    build::page(&page)?;
    for device in devices {
        let mut node = node::node(&browser)?;
        node.args(["tests/e2e/kernels.mjs", device.name()]);
        measure(&format!("browser-{}", device.name()), &mut node, figures)?;
    }
    Ok(())
}

/// With `--json`: what was measured, by where.
type Figures = Option<Map<String, Value>>;

/// Runs a program that measures. With `--json` its last line is taken into the figures.
fn measure(place: &str, program: &mut Command, figures: &mut Figures) -> Result {
    let Some(figures) = figures else { return shell::run(program) };
    let mut last = String::new();
    shell::watch(program.arg("--json"), |line| last = line.to_owned())?;
    let measured = serde_json::from_str(&last)
        .map_err(|error| format!("{place}: wanted JSON as the last line of stdout, got {last:?} ({error})"))?;
    figures.insert(place.to_owned(), measured);
    Ok(())
}

fn secateur_bench(what: &str) -> Command {
    let mut cargo = command("cargo");
    cargo.args(["run", "--quiet", "--package=secateur-cli", "--", "bench", what]);
    cargo
}
