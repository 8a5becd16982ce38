use secateur_graph::grouped;
use secateur_protocol::{Command, Event, Level, Recipe, Report, TextTest, Value};
use serde_json::json;

use super::eval::report;
use crate::args::{PruneArgs, RecipeArgs};
use crate::client::{Client, talk};
use crate::model::source;
use crate::out_dir::OutDir;
use crate::progress::Progress;
use crate::{Answer, Result};

/// What somebody is told who names neither.
pub const NO_METHOD: &str = "wanted --method or --recipe; see secateur methods";

/// Tokens that a model sees at once where its perplexity is measured, if it can.
const WINDOW: u32 = 512;

pub fn run(progress: Progress, args: PruneArgs) -> Result<Answer> {
    let source = source(&args.model)?;
    let recipe = recipe(&args.how)?.ok_or(NO_METHOD)?;
    let (device, format) = (args.device.into(), args.format.into());
    let test = args.eval_text.map(|text| Command::EvaluateText(TextTest { text, window: WINDOW, stride: WINDOW }));
    let out = OutDir::new(args.out)?;
    let (level, report) = talk(progress, async |client| {
        client.hello(device).await?;
        client.load(source).await?;
        let (level, _) = client.ask_for(Command::Prune { recipe, amend: false }, level).await?;
        let (mut files, mut measured) = (Vec::new(), None);
        if out.is_some() {
            let ((written, report), blobs) = client.ask_for(Command::Export { format }, exported).await?;
            (files, measured) = (Client::files(written, blobs), Some(report));
        }
        let report = match (test, measured) {
            (None, Some(report)) => report,
            (test, _) => client.ask_for(test.unwrap_or(Command::Evaluate), report).await?.0,
        };
        if let Some(out) = &out {
            let json = serde_json::to_string_pretty(&report)? + "\n";
            files
                .iter_mut()
                .filter(|(name, _)| name == "report.json")
                .for_each(|(_, bytes)| *bytes = json.clone().into());
            out.write(&files)?;
        }
        Ok((level, report))
    })?;
    let mut json = json!(report);
    json["notes"] = json!(level.notes);
    json["out"] = json!(out.as_ref().map(OutDir::path));
    json["peak_bytes"] = json!(peak_bytes());
    Ok(Answer { text: text(&level, &report, out.as_ref()), json })
}

/// The most memory that this process has held at once, where the system tells.
fn peak_bytes() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    Some(line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()? * 1024)
}

/// From a recipe file or from `--method`, `--set` and `--seed`. The engine checks the settings.
/// None where neither is given.
pub fn recipe(args: &RecipeArgs) -> Result<Option<Recipe>> {
    if let Some(path) = &args.recipe {
        let text = std::fs::read(path).map_err(|error| format!("could not read {}: {error}", path.display()))?;
        let recipe = serde_json::from_slice(&text)
            .map_err(|error| format!("{} is not a recipe: {error}; secateur prune -o writes one", path.display()))?;
        return Ok(Some(recipe));
    }
    let Some(method) = args.method.clone() else { return Ok(None) };
    let number = |number: &Option<u32>| number.map(|number| Value::Number(number.into()));
    let budget = args.budget.clone();
    let unit = || Value::Text("unit".into());
    let short = [
        ("pattern", args.pattern.clone().map(Value::Text).or_else(|| budget.is_some().then(unit))),
        ("budget", budget.clone().map(|(what, _)| Value::Text(what))),
        ("target", budget.map(|(_, target)| target)),
        ("calibration", args.calibration.clone().map(Value::Text)),
        ("samples", number(&args.calibration_samples)),
        ("length", number(&args.calibration_length)),
    ];
    let short = short.into_iter().filter_map(|(key, value)| Some((key.to_string(), value?)));
    let values = args.set.iter().cloned().chain(short).collect();
    Ok(Some(Recipe { method, values, seed: args.seed.unwrap_or(0) }))
}

fn text(level: &Level, report: &Report, out: Option<&OutDir>) -> String {
    let mut text = format!(
        "{}: {} of {} prunable weights are zero ({:.2} %)\n{}: dense {}, pruned {} on {}\nfound in {:.2} s on {}\n",
        report.model,
        report.prunable_zero,
        report.prunable_total,
        100.0 * report.sparsity_prunable,
        report.metric_name,
        report.figure(report.metric_dense),
        report.figure(report.metric_pruned),
        report.measured_on(),
        report.seconds,
        report.device
    );
    if report.params_left < report.params_total {
        text += &format!(
            "{} of {} parameters and {} of {} multiply-accumulates are left\n",
            grouped(report.params_left),
            grouped(report.params_total),
            grouped(report.macs_left),
            grouped(report.macs_dense)
        );
    }
    level.notes.iter().for_each(|note| text += &format!("note: {note}\n"));
    if let Some(out) = out {
        text += &format!("written to {}", out.path().display());
        text += &match report.bytes_out {
            0 => "\n".to_string(),
            bytes => format!(", {} bytes of weights\n", grouped(bytes)),
        };
        if let Some(off) = report.reopened {
            text += &format!("opened again: answers differ by at most {off:.1e} of the largest\n");
        }
    }
    text
}

pub fn level(event: Event) -> Option<Level> {
    match event {
        Event::Level(level) => Some(*level),
        _ => None,
    }
}

pub fn exported(event: Event) -> Option<(Vec<secateur_protocol::FileOut>, Report)> {
    match event {
        Event::Exported { files, report } => Some((files, report)),
        _ => None,
    }
}
