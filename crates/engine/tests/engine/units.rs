//! Whole units through the engine: the model becomes smaller, is written, and is opened again.

use std::collections::BTreeMap;

use secateur_formats::safetensors::Dtype;
use secateur_protocol::{Command, Event, Format, Recipe, Value};

use crate::host::*;
use crate::tiny::{CONFIG, TINY, tiny};

/// Cuts units of the tiny model: its two channels, or some of its eight neurons.
fn cut(settings: &str) -> Command {
    let pair = |pair: &str| {
        let (key, value) = pair.split_once('=').unwrap();
        (key.to_string(), Value::Text(value.to_string()))
    };
    let values = format!("pattern=unit {settings}").split_whitespace().map(pair).collect();
    Command::Prune { recipe: Recipe { method: "magnitude".into(), values, seed: 0 }, amend: false }
}

fn opened(commands: Vec<Command>) -> Run {
    let all = [hello(), load(&[TINY, CONFIG])].into_iter().chain(commands).collect();
    run(&tiny(Dtype::F32, 1), all)
}

fn files(run: &Run, id: u32) -> BTreeMap<String, Vec<u8>> {
    run.find(id, |(event, blobs)| match event {
        Event::Exported { files, .. } => {
            Some(files.iter().map(|file| (file.name.clone(), blobs[file.data.0 as usize].clone())).collect())
        }
        _ => None,
    })
}

#[test]
fn the_smaller_model_is_told_and_undone() {
    let run = opened(vec![cut("units=neurons sparsity=0.5"), Command::Evaluate, Command::Undo, Command::Evaluate]);
    let level = run.level(3);
    assert_eq!(level.removed.iter().map(|gone| gone.units.len()).collect::<Vec<_>>(), [4]);
    let [smaller, dense] = [4, 6].map(|id| run.report(id));
    assert!(smaller.params_left < dense.params_left && smaller.macs_left < smaller.macs_dense);
    assert_eq!((dense.params_left, dense.macs_left), (dense.params_total, dense.macs_dense));
    assert!(run.level(5).removed.is_empty());
}

#[test]
fn a_ragged_model_comes_back_and_can_be_cut_on() {
    let run =
        opened(vec![cut("units=neurons sparsity=0.5"), Command::Evaluate, Command::Export { format: Format::Ragged }]);
    let (written, report) = (files(&run, 5), run.report(5));
    assert_eq!(report.reopened, Some(0.0));
    assert_eq!(report.bytes_out, written["model.safetensors"].len() as u64);
    assert!(written["model.safetensors"].len() < tiny(Dtype::F32, 1)[0].1.len());

    let again = [(TINY, written["model.safetensors"].clone()), (CONFIG, written["config.json"].clone())];
    let commands = vec![
        hello(),
        load(&[TINY, CONFIG]),
        Command::Evaluate,
        cut("units=channels sparsity=0.5"),
        Command::Export { format: Format::Ragged },
    ];
    let back = crate::host::run(&again, commands);
    assert_eq!(back.report(3).metric_dense, run.report(4).metric_pruned);
    assert_eq!(back.report(3).params_total, run.report(4).params_left);
    let config: serde_json::Value = serde_json::from_slice(&files(&back, 5)["config.json"]).unwrap();
    assert_eq!(config["secateur"]["cuts"].as_array().unwrap().len(), 2, "{config}");
}

#[test]
fn a_uniform_model_has_a_plain_config() {
    let run = opened(vec![cut("units=neurons sparsity=0.5"), Command::Export { format: Format::Uniform }]);
    let written = files(&run, 4);
    let config: serde_json::Value = serde_json::from_slice(&written["config.json"]).unwrap();
    assert!(config.get("secateur").is_none() && config["fc_features"] == serde_json::json!([4]), "{config}");
    let again = [(TINY, written["model.safetensors"].clone()), (CONFIG, written["config.json"].clone())];
    let back = crate::host::run(&again, vec![hello(), load(&[TINY, CONFIG]), Command::Evaluate]);
    assert_eq!(back.report(3).params_total, run.report(4).params_left);
}

#[test]
fn an_onnx_file_comes_back_with_the_same_answers() {
    let run =
        opened(vec![cut("units=neurons sparsity=0.5"), Command::Evaluate, Command::Export { format: Format::Onnx }]);
    let onnx = files(&run, 5)["model.onnx"].clone();
    let commands = vec![
        hello(),
        load(&["model.onnx"]),
        Command::Evaluate,
        cut("units=neurons sparsity=0.5"),
        Command::Export { format: Format::Zeros },
        Command::Export { format: Format::Onnx },
    ];
    let back = crate::host::run(&[("model.onnx", onnx)], commands);
    assert_eq!(back.report(3).params_total, run.report(4).params_left);
    assert!(back.error(5).contains("came as ONNX"), "{}", back.error(5));
    assert!(back.report(6).params_left < back.report(3).params_total);
}

#[test]
fn an_unpruned_model_can_be_written_as_onnx_only() {
    let run = opened(vec![Command::Export { format: Format::Onnx }, Command::Export { format: Format::Ragged }]);
    assert!(files(&run, 3).contains_key("model.onnx") && !files(&run, 3).contains_key("recipe.json"));
    assert!(run.error(4).contains("nothing is pruned yet"));
}

#[test]
fn verdicts_say_what_exports_do() {
    for settings in ["units=neurons sparsity=0.5", "units=neurons counts=0:3"] {
        let exports = Format::ALL.map(|format| Command::Export { format });
        let run = opened([cut(settings), Command::Verdict].into_iter().chain(exports).collect());
        let verdicts = run.find(4, |(event, _)| match event {
            Event::Verdicts { items } => Some(items.clone()),
            _ => None,
        });
        for (id, verdict) in (5..).zip(&verdicts) {
            let written = *run.end(id) == Event::Done;
            assert_eq!(written, verdict.readers.iter().any(|reader| reader.opens), "{settings}: {verdict:?}");
        }
    }
    let run = opened(vec![prune("magnitude", 0.5), Command::Export { format: Format::Uniform }]);
    assert!(run.error(4).contains("weights went one by one"), "{}", run.error(4));
}

#[test]
fn a_sweep_tells_every_point_and_leaves_the_session_alone() {
    let sweep = match cut("units=neurons") {
        Command::Prune { recipe, .. } => Command::Sweep { recipe },
        _ => unreachable!(),
    };
    let run = opened(vec![prune("magnitude", 0.5), Command::Evaluate, sweep, Command::Evaluate]);
    let swept = |(event, _): &Told| match event {
        Event::Swept(swept) => Some((swept.gone, swept.of)),
        _ => None,
    };
    let points: Vec<_> = run.told(5).iter().filter_map(swept).collect();
    assert_eq!(points, [(2, 8), (4, 8), (6, 8)]);
    assert_eq!(run.report(4), run.report(6));
}
