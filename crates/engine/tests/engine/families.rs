//! Models that classify no pictures: texts, noise, and files of an architecture nobody knows.

use std::borrow::Cow;

use secateur_formats::safetensors::{Dtype, Tensor, write};
use secateur_protocol::{Command, Event, FileRef, Format, Loaded};

use crate::host::*;

/// A file of tests/golden/families.
pub fn golden(family: &str, file: &str) -> Vec<u8> {
    let path = format!("{}/../../tests/golden/families/{family}/{file}", env!("CARGO_MANIFEST_DIR"));
    std::fs::read(&path).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// Opens a golden and gives these commands; the first of them has the id 3.
fn opened(family: &str, commands: Vec<Command>) -> Run {
    let mut files = vec![("model.safetensors", golden(family, "model.safetensors"))];
    files.push(("config.json", golden(family, "config.json")));
    files.push(("in.safetensors", inputs(&[("tokens", &[1, 5], &[1.0, 2.0, 3.0, 4.0, 5.0])])));
    files.push(("odd.safetensors", inputs(&[("tokens", &[1, 2], &[1.0, 1e6])])));
    run(&files, [vec![hello(), load(&["model.safetensors", "config.json"])], commands].concat())
}

fn inputs(tensors: &[(&str, &[usize], &[f32])]) -> Vec<u8> {
    let tensor = |(name, shape, values): &(&str, &[usize], &[f32])| Tensor {
        name: name.to_string(),
        dtype: Dtype::F32,
        shape: shape.to_vec(),
        bytes: Cow::Owned(values.iter().flat_map(|value| value.to_le_bytes()).collect()),
    };
    write(tensors.iter().map(tensor), &Default::default()).unwrap()
}

pub fn loaded(run: &Run, id: u32) -> Loaded {
    run.find(id, |(event, _)| if let Event::Loaded(loaded) = event { Some((**loaded).clone()) } else { None })
}

fn ask(file: &str) -> Command {
    Command::Run { file: FileRef { name: file.into(), bytes: 0 } }
}

fn file(run: &Run, id: u32, name: &str) -> Vec<u8> {
    run.find(id, |(event, blobs)| match event {
        Event::Answered { files } | Event::Exported { files, .. } => {
            let file = files.iter().find(|file| file.name == name)?;
            Some(blobs[file.data.0 as usize].clone())
        }
        _ => None,
    })
}

#[test]
fn a_language_model_is_cut_measured_timed_run_and_exported() {
    let time = Command::Time { batch: 2, repeats: 2 };
    let commands = vec![
        prune("magnitude", 0.5),
        Command::Evaluate,
        time,
        ask("in.safetensors"),
        Command::Export { format: Format::Zeros },
    ];
    let run = opened("gpt2", commands);
    let model = loaded(&run, 2);
    assert!(model.runs && !model.classifies_pictures);
    let report = run.report(4);
    assert_eq!((report.metric_name.as_str(), report.metric_dense), ("similarity", 1.0));
    assert!((0.1..0.9999).contains(&report.metric_pruned), "{}", report.metric_pruned);
    assert!(run.told(5).iter().any(|(event, _)| matches!(event, Event::Timing(_))));

    let answers = tensors(&file(&run, 6, "outputs.safetensors"));
    let vocabulary = model.graph.node(model.graph.output()).shape[1];
    assert_eq!(answers["logits"].len(), 5 * vocabulary);

    // GPT-2 stores its matrices the other way round: masks and zeros must be written as the file has them.
    let (written, masks) = (tensors(&file(&run, 7, "model.safetensors")), tensors(&file(&run, 7, "masks.safetensors")));
    let dense = tensors(&golden("gpt2", "model.safetensors"));
    let mut zeros = 0;
    for (name, mask) in &masks {
        for (at, kept) in mask.iter().enumerate() {
            assert_eq!(written[name][at], if *kept == 1.0 { dense[name][at] } else { 0.0 }, "{name} at {at}");
            zeros += u64::from(*kept == 0.0);
        }
    }
    assert_eq!(zeros, run.level(3).zeros());
}

#[test]
fn what_a_text_model_cannot_do_is_said() {
    let commands = vec![prune("wanda", 0.5), ask("odd.safetensors"), ask("config.json"), prune("magnitude", 0.1)];
    let run = opened("llama", commands);
    assert!(run.error(3).contains("tokenizer.json"), "{}", run.error(3));
    assert!(run.error(4).contains("whole numbers from 0 to"), "{}", run.error(4));
    assert!(run.error(5).contains("safetensors"), "{}", run.error(5));
    assert!(run.level(6).zeros() > 0);
}

#[test]
fn an_unknown_architecture_is_looked_at_and_cut() {
    let file = inputs(&[("who.weight", &[2, 3], &[1.0, -6.0, 3.0, -4.0, 5.0, 2.0]), ("who.bias", &[2], &[0.0, 1.0])]);
    let time = Command::Time { batch: 1, repeats: 1 };
    let commands = [
        vec![
            hello(),
            load(&["who.safetensors"]),
            prune("magnitude", 0.5),
            Command::Evaluate,
            time,
            Command::Export { format: Format::Zeros },
        ],
        vec![prune("wanda", 0.5)],
    ];
    let run = run(&[("who.safetensors", file)], commands.concat());
    let model = loaded(&run, 2);
    assert!(!model.runs && model.verdict.contains("who.weight"), "{}", model.verdict);
    assert_eq!((run.level(3).zeros(), run.level(3).prunable()), (3, 6));
    assert!(run.report(4).metric_pruned.is_nan());
    assert!(run.error(5).contains("its architecture is unknown"), "{}", run.error(5));
    let written = tensors(&self::file(&run, 6, "model.safetensors"));
    assert_eq!(written["who.weight"], [0.0, -6.0, 0.0, -4.0, 5.0, 0.0]);
    assert!(run.error(7).contains("no picture classifier"), "{}", run.error(7));
}

#[test]
fn shards_are_one_model() {
    let tensors_of = tensors(&golden("rnn-classes", "model.safetensors"));
    let header = |shapes: &dyn Fn(&str) -> bool| {
        let bytes = golden("rnn-classes", "model.safetensors");
        let whole = pollster::block_on(secateur_formats::safetensors::read_header(&bytes.as_slice())).unwrap();
        let part = whole.tensors.iter().filter(|tensor| shapes(&tensor.name)).map(|tensor| Tensor {
            name: tensor.name.clone(),
            dtype: Dtype::F32,
            shape: tensor.shape.clone(),
            bytes: Cow::Owned(tensors_of[&tensor.name].iter().flat_map(|value| value.to_le_bytes()).collect()),
        });
        write(part, &Default::default()).unwrap()
    };
    let files = [
        ("m-00001-of-00002.safetensors", header(&|name| name < "f")),
        ("m-00002-of-00002.safetensors", header(&|name| name >= "f")),
        ("config.json", golden("rnn-classes", "config.json")),
    ];
    let names: Vec<_> = files.iter().map(|(name, _)| *name).collect();
    let run =
        run(&files, vec![hello(), load(&names), prune("magnitude", 0.5), Command::Export { format: Format::Zeros }]);
    assert_eq!(loaded(&run, 2).family, "recurrent");
    let written = tensors(&file(&run, 4, "model.safetensors"));
    assert_eq!(written.keys().collect::<Vec<_>>(), tensors_of.keys().collect::<Vec<_>>());
}
