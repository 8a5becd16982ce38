//! `cargo run -p secateur-tests --example drawing`: gradients through a whole drawing of digits-unet, step by step and at once,
//! with the most memory that a process of its own needed for each (on Linux) and its seconds.

use std::process::Command;
use std::time::Instant;

use pollster::block_on;
use secateur_exec::train::DenoiseStep;
use secateur_exec::{DrawingBench, Way};
use secateur_models::{Schedule, Step};
use secateur_tests::{Opened, public_path};
use serde_json::{Value, json};

/// Steps of the drawings.
const STEPS: [usize; 4] = [2, 4, 8, 16];
const WAYS: [(&str, Way); 2] = [("by-step", Way::ByStep), ("at-once", Way::AtOnce)];

fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    match &args[..] {
        [] => table(),
        [steps, way] => {
            let way = WAYS.iter().find(|(name, _)| name == way).expect("by-step or at-once").1;
            println!("{}", measured(steps.parse().expect("a number of steps"), way));
        }
        other => panic!("wanted nothing, or STEPS WAY, got {other:?}"),
    }
}

/// One drawing in this process.
fn measured(steps: usize, way: Way) -> Value {
    let folder = public_path("models/digits-unet");
    let opened = Opened::new(&folder.join("model.safetensors"), Some(&folder.join("config.json")));
    let config = std::fs::read(folder.join("scheduler_config.json")).expect("digits-unet has a schedule");
    let schedule = Schedule::read(&serde_json::from_slice(&config).expect("it is JSON")).unwrap();
    let plain = |step: &Step| {
        let (meant, clip, next) = step.plain();
        DenoiseStep { timestep: step.timestep as f32, meant, clip, next }
    };
    let steps: Vec<DenoiseStep> = schedule.ddim(steps).unwrap().iter().map(plain).collect();
    let bench = DrawingBench::new(&opened.compute, &opened.model.graph, &opened.params);
    let before = peak_mb();
    let began = Instant::now();
    let (loss, slopes) = block_on(bench.run(&steps, way)).unwrap();
    json!({ "loss": loss, "slopes": slopes, "seconds": began.elapsed().as_secs_f64(), "mb": peak_mb() - before })
}

/// The most memory that this process has held at once.
fn peak_mb() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kb = line.and_then(|line| line.trim().strip_suffix("kB")?.trim().parse::<f64>().ok());
    kb.map_or(f64::NAN, |kb| kb / 1024.0)
}

fn table() {
    println!("{:>5} {:>12} {:>12} {:>9} {:>9} {:>9}", "steps", "by step, MB", "at once, MB", "s", "s", "off");
    for steps in STEPS {
        let [by_step, at_once] = WAYS.map(|(name, _)| alone(steps, name));
        let slopes = |of: &Value| -> Vec<f64> { serde_json::from_value(of["slopes"].clone()).expect("numbers") };
        let (found, want) = (slopes(&by_step), slopes(&at_once));
        let most = want.iter().fold(0.0, |most: f64, slope| most.max(slope.abs()));
        let off = found.iter().zip(&want).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max) / most;
        let [mb, seconds] =
            ["mb", "seconds"].map(|key| [&by_step, &at_once].map(|of| of[key].as_f64().unwrap_or(f64::NAN)));
        println!("{steps:>5} {:>12.1} {:>12.1} {:>9.2} {:>9.2} {off:>9.1e}", mb[0], mb[1], seconds[0], seconds[1]);
        assert!(found.len() == want.len() && off < 1e-4, "gradients step by step are those of the whole drawing");
    }
}

/// In a process of its own, which has not needed any memory before.
fn alone(steps: usize, way: &str) -> Value {
    let own = std::env::current_exe().expect("this program has a path");
    let done = Command::new(own).args([&steps.to_string(), way]).output().expect("it starts again");
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    serde_json::from_slice(&done.stdout).expect("it prints JSON")
}
