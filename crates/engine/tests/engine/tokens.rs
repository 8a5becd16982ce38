//! Tokens that go: the smaller model reads and writes with its own tokenizer, is told by the whole one's numbers, and comes back
//! from its files.

use std::collections::BTreeMap;

use secateur_formats::Tokenizer;
use secateur_graph::groups::UnitKind;
use secateur_protocol::{Choice, Command, Event, Format, Generate, Recipe, Value, Written};
use serde_json::{Value as Json, json};

use crate::families::{golden, loaded};
use crate::host::*;
use crate::texts::perplexity;

const FILES: [&str; 4] = ["model.safetensors", "config.json", "tokenizer.json", "story.txt"];
const STORY: &str =
    "anna lost her red ball in the garden. she looked under the old tree, and there it was. ben laughed.";
/// Written with one token each, in the place of digits.
const PAIRS: [&str; 10] = ["an", "he", "th", "er", "in", "re", "on", "ed", "nd", "ha"];

/// The golden Llama of 53 tokens with a tokenizer of letters, signs and pairs of letters: 48 of them.
fn llama() -> Vec<(&'static str, Vec<u8>)> {
    let [model, config] = ["model.safetensors", "config.json"].map(|name| golden("llama", name));
    let letters = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/golden/letters.json");
    let mut file: Json = serde_json::from_slice(&std::fs::read(letters).unwrap()).unwrap();
    for (digit, pair) in PAIRS.iter().enumerate() {
        let vocabulary = file["model"]["vocab"].as_object_mut().unwrap();
        let id = vocabulary.remove(&digit.to_string()).unwrap();
        vocabulary.insert(pair.to_string(), id);
    }
    file["model"]["merges"] = PAIRS.iter().map(|pair| json!([pair[..1], pair[1..]])).collect();
    FILES.into_iter().zip([model, config, file.to_string().into_bytes(), STORY.into()]).collect()
}

fn cut(method: &str, settings: &str) -> Command {
    let pair = |pair: &str| {
        let (key, value) = pair.split_once('=').unwrap();
        (key.to_string(), Value::Text(value.to_string()))
    };
    let values = format!("pattern=unit units=tokens {settings}").split_whitespace().map(pair).collect();
    Command::Prune { recipe: Recipe { method: method.into(), values, seed: 0 }, amend: false }
}

fn go_on(prompt: &str) -> Command {
    Command::Generate(Generate { prompt: prompt.into(), max_tokens: 12, choice: Choice::Greedy, seed: 0 })
}

/// Opens it and gives these commands; the first of them has the id 3.
fn opened(files: &[(&'static str, Vec<u8>)], commands: Vec<Command>) -> Run {
    run(files, [vec![hello(), load(&FILES[..3])], commands].concat())
}

fn written(run: &Run, id: u32) -> Written {
    run.find(id, |(event, _)| if let Event::Written(written) = event { Some((**written).clone()) } else { None })
}

fn text(written: &Written) -> String {
    written.pruned.iter().map(|token| token.text.as_str()).collect()
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
fn a_smaller_vocabulary_reads_writes_and_comes_back() {
    let commands = vec![
        cut("magnitude", "sparsity=0.2"),
        perplexity("story.txt", 20, 20),
        go_on("the red"),
        Command::Export { format: Format::Uniform },
        Command::Export { format: Format::Ragged },
        Command::Export { format: Format::Zeros },
        Command::Evaluate,
        Command::Time { batch: 1, repeats: 1 },
    ];
    let run = opened(&llama(), commands);
    let gone = &run.level(3).removed[0].units;
    assert_eq!(gone.len(), 11);
    let (told, cut) = (written(&run, 5), run.report(4));
    assert!(told.pruned.iter().all(|token| !gone.contains(&token.id)), "{told:?}");
    assert!(told.pruned.iter().all(|token| token.dense.is_some() && token.pruned.is_some()), "{told:?}");
    // What all of the text surprises the smaller model by, however its tokens are counted.
    let surprise = |perplexity: f64, tokens: u64| perplexity.ln() * tokens as f64;
    for (id, vocabulary) in [(6, 42), (7, 53)] {
        assert!(run.report(id).reopened.unwrap() < 1e-6);
        let files = files(&run, id);
        let config: Json = serde_json::from_slice(&files["config.json"]).unwrap();
        assert_eq!((&config["vocab_size"], &config["eos_token_id"]), (&json!(vocabulary), &json!(2)));
        let again: Vec<_> = FILES[..3].iter().map(|name| (*name, files[*name].clone())).collect();
        let again = [again, vec![("story.txt", STORY.into())]].concat();
        let back = opened(&again, vec![perplexity("story.txt", 20, 20), go_on("the red")]);
        assert_eq!(text(&written(&back, 4)), text(&told));
        let back = back.report(3);
        let [now, then] = [(back.metric_dense, back.metric_samples), (cut.metric_pruned, cut.metric_samples)]
            .map(|(perplexity, tokens)| surprise(perplexity, tokens));
        assert!((now - then).abs() < 1e-3 * then, "{now} {then}");
        assert!(back.metric_samples > cut.metric_samples, "pairs went, letters are read in their place");
    }
    // With zeros all tokens are still there.
    assert!(run.report(8).reopened.unwrap() < 1e-6);
    let whole = Tokenizer::parse(&files(&run, 8)["tokenizer.json"]).unwrap();
    assert_eq!(whole.id_of("\n"), Some(47));
    assert!(run.report(9).metric_pruned.is_finite());
}

#[test]
fn tokens_say_what_they_are_and_needed_ones_stay() {
    let first = loaded(&opened(&llama(), vec![]), 2);
    let groups = first.graph.groups_with(&first.vocabulary);
    let at = groups.iter().position(|group| group.kind == UnitKind::Tokens).unwrap();
    assert_eq!(groups[at].describe(&first.graph, 30), "token 30 ('he'): row 30 of model.embed_tokens, lm_head");
    let run = opened(
        &llama(),
        vec![cut("magnitude", "sparsity=0.99"), cut("magnitude", &format!("sparsity=0 remove={at}:2"))],
    );
    let gone = &run.level(3).removed[0].units;
    assert_eq!(*gone, (29..39).chain(48..53).collect::<Vec<u32>>(), "pairs, and rows that no token has");
    let said = run.error(4);
    assert!(said.contains("token 2 ('</s>') cannot go, because it is a special token"), "{said}");
    assert!(said.contains("the nearest that can go is token 29 ('an')"), "{said}");
}

/// A model that is asked what stands at a place, and compared with itself on texts that mean nothing.
#[test]
fn models_without_a_tokenizer_are_compared_on_the_tokens_that_are_left() {
    let files: Vec<_> = FILES[..2].iter().map(|name| (*name, golden("bert-mlm", name))).collect();
    let commands = vec![
        hello(),
        load(&FILES[..2]),
        cut("magnitude", "sparsity=0.3"),
        Command::Evaluate,
        Command::Export { format: Format::Uniform },
    ];
    let run = run(&files, commands);
    // What is left answers as before.
    assert!(run.report(4).metric_pruned > 0.999_999, "{}", run.report(4).metric_pruned);
    assert!(run.report(5).reopened.unwrap() < 1e-6);
}
