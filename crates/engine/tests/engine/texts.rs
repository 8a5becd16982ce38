//! What language models do with texts: they go on with them, are measured on them and calibrated on them.

use secateur_formats::safetensors::Dtype;
use secateur_protocol::{Choice, Command, Event, FileOut, Format, Generate, Recipe, TextTest, Token, Value, Written};

use crate::families::{golden, loaded};
use crate::host::*;
use crate::tiny::{CONFIG, TINY, tiny};

const LLAMA: [&str; 4] = ["model.safetensors", "config.json", "tokenizer.json", "story.txt"];
const STORY: &str =
    "anna lost her red ball in the garden. she looked under the old tree, and there it was. ben laughed.";

/// The golden Llama, whose texts have up to 48 tokens, with a tokenizer and a text.
pub fn llama() -> Vec<(&'static str, Vec<u8>)> {
    let [model, config] = ["model.safetensors", "config.json"].map(|name| golden("llama", name));
    LLAMA.into_iter().zip([model, config, letters(), STORY.into()]).collect()
}

/// A tokenizer with a token for every small letter, digit and sign: 48 of them.
fn letters() -> Vec<u8> {
    std::fs::read(concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/golden/letters.json")).unwrap()
}

/// Opens the Llama and gives these commands; the first of them has the id 3.
fn opened(commands: Vec<Command>) -> Run {
    run(&llama(), [vec![hello(), load(&LLAMA[..3])], commands].concat())
}

fn go_on(prompt: &str, max_tokens: u32, choice: Choice, seed: u64) -> Command {
    Command::Generate(Generate { prompt: prompt.into(), max_tokens, choice, seed })
}

fn drawn(temperature: f32, top_k: u32) -> Choice {
    Choice::Drawn { temperature, top_k, top_p: 1.0 }
}

pub fn perplexity(text: &str, window: u32, stride: u32) -> Command {
    Command::EvaluateText(TextTest { text: text.into(), window, stride })
}

fn calibrated(text: &str, samples: f64, length: f64) -> Command {
    let values = [
        ("calibration".to_string(), Value::Text(text.into())),
        ("samples".to_string(), Value::Number(samples)),
        ("length".to_string(), Value::Number(length)),
    ];
    Command::Prune { recipe: Recipe { method: "wanda".into(), values: values.into(), seed: 0 }, amend: false }
}

fn written(run: &Run, id: u32) -> Written {
    run.find(id, |(event, _)| if let Event::Written(written) = event { Some((**written).clone()) } else { None })
}

fn writes(run: &Run) -> bool {
    loaded(run, 2).writes
}

fn text(tokens: &[Token]) -> String {
    tokens.iter().map(|token| token.text.as_str()).collect()
}

#[test]
fn a_text_is_gone_on_with() {
    let run = opened(vec![go_on("Ben had a", 9, Choice::Greedy, 0), go_on("", 4, Choice::Greedy, 0)]);
    assert!(writes(&run));
    let Written { prompt, dense, pruned, tokens_per_second, notes, device } = written(&run, 3);
    assert_eq!((text(&prompt).as_str(), prompt.len(), dense.len()), ("ben had a", 9, 9));
    assert_eq!(dense, pruned, "nothing is cut");
    assert!(tokens_per_second > 0.0 && notes.is_empty() && device.contains("CPU"));
    assert_eq!((prompt[0].dense, prompt[0].pruned), (None, None), "nothing stands before it");
    for token in prompt[1..].iter().chain(&dense) {
        assert!(token.dense.is_some_and(|p| p < 0.0) && token.dense == token.pruned, "{token:?}");
    }
    let from_nothing = written(&run, 4);
    assert_eq!(from_nothing.prompt.iter().map(|token| token.id).collect::<Vec<_>>(), [1], "the token texts begin with");
    assert_eq!(from_nothing.dense.len(), 4);
}

#[test]
fn each_model_is_asked_about_what_the_other_wrote() {
    let ask = || go_on("the cat", 12, Choice::Greedy, 0);
    let cut = opened(vec![ask(), prune("magnitude", 0.8), ask(), Command::Export { format: Format::Zeros }]);
    let (before, after) = (written(&cut, 3), written(&cut, 5));
    let ids = |tokens: &[Token]| tokens.iter().map(|token| token.id).collect::<Vec<_>>();
    assert_eq!(ids(&before.dense), ids(&after.dense), "the dense model is what it was");
    assert_ne!(ids(&after.dense), ids(&after.pruned));

    // The exported model is dense where it is opened.
    let files: Vec<(String, Vec<u8>)> = cut.find(6, |(event, blobs)| match event {
        Event::Exported { files, .. } => {
            let bytes = |file: &FileOut| (file.name.clone(), blobs[file.data.0 as usize].clone());
            Some(files.iter().map(bytes).collect())
        }
        _ => None,
    });
    let files: Vec<_> = files.iter().map(|(name, bytes)| (name.as_str(), bytes.clone())).collect();
    assert!(files.iter().any(|(name, bytes)| *name == "tokenizer.json" && *bytes == letters()));
    let again = written(&run(&files, vec![hello(), load(&LLAMA[..3]), ask()]), 3);
    let close = |a: Option<f32>, b: Option<f32>| (a.unwrap() - b.unwrap()).abs() < 1e-4;
    assert_eq!(ids(&again.dense), ids(&after.pruned));
    assert!(again.dense.iter().zip(&after.pruned).all(|(own, seen)| close(own.dense, seen.pruned)));
    assert!(again.prompt[1..].iter().zip(&after.prompt[1..]).all(|(own, seen)| close(own.dense, seen.pruned)));
    assert!(before.dense.iter().zip(&after.dense).all(|(own, seen)| close(own.dense, seen.dense)));
    assert!(after.pruned.iter().all(|token| token.dense != token.pruned));
}

#[test]
fn the_same_seed_writes_the_same() {
    let free = drawn(3.0, 0);
    let asked = [(free, 1), (free, 1), (free, 2), (Choice::Greedy, 1), (drawn(3.0, 1), 5)];
    let run = opened(asked.map(|(choice, seed)| go_on("a", 20, choice, seed)).into());
    let [one, same, other, greedy, top] = [3, 4, 5, 6, 7].map(|id| text(&written(&run, id).dense));
    assert!(one == same && one != other && greedy == top, "{one:?} {same:?} {other:?} {greedy:?} {top:?}");
}

#[test]
fn a_full_context_ends_a_text() {
    let run =
        opened(vec![go_on(&"ab ".repeat(14), 20, Choice::Greedy, 0), go_on(&"ab ".repeat(16), 1, Choice::Greedy, 0)]);
    let full = written(&run, 3);
    assert!(full.dense.len() == 6 || full.dense.last().is_some_and(|token| token.id == 2));
    assert!(full.dense.len() < 6 || full.notes[0].contains("at most 48 tokens"), "{:?}", full.notes);
    assert!(run.error(4).contains("has 48 tokens, and the model reads at most 48"), "{}", run.error(4));
}

#[test]
fn what_cannot_be_written_is_said() {
    let zero = Choice::Drawn { temperature: 0.0, top_k: 0, top_p: 1.0 };
    let commands = vec![go_on("a", 5, zero, 0), go_on("a", 0, Choice::Greedy, 0)];
    let with = opened(commands.clone());
    assert!(with.error(3).contains("temperature = 0") && with.error(4).contains("max_tokens = 0"));
    let without = run(&llama(), [vec![hello(), load(&LLAMA[..2])], commands.clone()].concat());
    assert!(!writes(&without) && without.error(3).contains("tokenizer.json"), "{}", without.error(3));
    let pictures = run(&tiny(Dtype::F32, 1), [vec![hello(), load(&[TINY, CONFIG])], commands].concat());
    assert!(pictures.error(3).contains("open a language model"), "{}", pictures.error(3));
}

#[test]
fn both_models_are_asked_about_stories() {
    let asked = |run: &Run, id| {
        run.find(id, |(event, _)| if let Event::Asked { items } = event { Some(items.clone()) } else { None })
    };
    let run = opened(vec![Command::Ask, prune("magnitude", 0.95), Command::Ask]);
    let [uncut, cut] = [3, 5].map(|id| asked(&run, id));
    let about: Vec<_> = uncut.iter().map(|item| item.about.as_str()).collect();
    assert_eq!(about, ["name recall", "object recall", "number agreement", "grammar"]);
    assert!(uncut.iter().all(|item| item.questions == 100 && item.dense == item.pruned && item.dense < 1.0));
    assert!(uncut.iter().zip(&cut).all(|(before, after)| before.dense == after.dense));
    assert!(cut.iter().any(|item| item.dense != item.pruned), "{cut:?}");

    let pictures = crate::host::run(&tiny(Dtype::F32, 1), vec![hello(), load(&[TINY, CONFIG]), Command::Ask]);
    assert!(pictures.error(3).contains("open a language model"), "{}", pictures.error(3));
}

#[test]
fn perplexity_counts_what_it_scored() {
    let run = opened(vec![
        perplexity("story.txt", 20, 20),
        perplexity("story.txt", 20, 5),
        prune("magnitude", 0.7),
        perplexity("story.txt", 20, 5),
        perplexity("story.txt", 1000, 1000),
        perplexity("builtin:stories", 48, 48),
    ]);
    let tokens = STORY.len() as u64;
    let [apart, overlapping, cut, clamped, stories] = [3, 4, 6, 7, 8].map(|id| run.report(id));
    assert_eq!(apart.metric_name, "perplexity");
    assert_eq!((apart.metric_samples, overlapping.metric_samples), (tokens - tokens.div_ceil(20), tokens - 1));
    assert_eq!(apart.metric_dense, apart.metric_pruned);
    assert_ne!(apart.metric_dense, overlapping.metric_dense);
    assert_eq!(cut.metric_dense, overlapping.metric_dense);
    assert_ne!(cut.metric_dense, cut.metric_pruned);
    assert_eq!(clamped.metric_samples, tokens - tokens.div_ceil(48), "windows are no longer than the context");
    assert!(stories.metric_samples > 50_000 && stories.metric_pruned.is_finite());
    assert!(stories.prunable_zero > 0 && stories.masks_digest == cut.masks_digest);
}

#[test]
fn without_being_told_a_language_model_is_measured_on_stories() {
    let run = opened(vec![Command::Evaluate, prune("magnitude", 0.7), Command::Evaluate]);
    let (dense, cut) = (run.report(3), run.report(5));
    assert_eq!((dense.metric_name.as_str(), dense.metric_samples), ("perplexity", 4096 - 4096u64.div_ceil(48)));
    assert!(dense.metric_dense == cut.metric_dense && cut.metric_dense != cut.metric_pruned);
}

#[test]
fn texts_that_are_none_are_refused() {
    let bad = [("latin.txt", b"caf\xe9 au lait".to_vec()), ("short.txt", b"a".to_vec())];
    let commands = [
        vec![hello(), load(&LLAMA[..3])],
        ["latin.txt", "short.txt", "gone.txt", "builtin:novels"].map(|name| perplexity(name, 8, 8)).into(),
        vec![perplexity("story.txt", 1, 1), perplexity("story.txt", 8, 0), perplexity("story.txt", 8, 9)],
    ];
    let run = run(&[llama(), bad.to_vec()].concat(), commands.concat());
    let said = [
        (3, "UTF-8, got something else at byte 3"),
        (4, "choose a longer text"),
        (5, "gone.txt"),
        (6, "there is builtin:stories"),
        (7, "window = 1"),
        (8, "stride = 0"),
        (9, "stride = 9"),
    ];
    for (id, words) in said {
        assert!(run.error(id).contains(words), "{}", run.error(id));
    }
}

#[test]
fn a_text_calibrates_a_model_of_texts() {
    let run = opened(vec![
        calibrated("story.txt", 3.0, 8.0),
        calibrated("story.txt", 500.0, 8.0),
        calibrated("", 3.0, 8.0),
        calibrated("story.txt", 3.0, 8.0),
        calibrated("story.txt", 2.0, 1000.0),
        calibrated("story.txt", 3.0, 8.0),
    ]);
    let [three, all, stories, again, long, at_last] = [3, 4, 5, 6, 7, 8].map(|id| run.level(id));
    assert_eq!(three.notes, ["Calibrated on story.txt: 3 samples of 8 tokens."]);
    assert_eq!(all.notes.len(), 2, "{:?}", all.notes);
    assert!(all.notes[1].contains(&format!("{} samples of 8", STORY.len() / 8)), "{:?}", all.notes);
    assert_eq!(stories.notes, ["Calibrated on builtin:stories: 3 samples of 8 tokens."]);
    assert_eq!(long.notes, ["Calibrated on story.txt: 2 samples of 48 tokens, which is all the model reads at once."]);
    assert!(three.digest == again.digest && again.digest == at_last.digest);
    assert!(three.digest != stories.digest && three.digest != all.digest && three.digest != long.digest);
}

#[test]
fn what_cannot_calibrate_is_said() {
    let files = [llama(), vec![("short.txt", b"seven..".to_vec())]].concat();
    let (short, missing) = (calibrated("short.txt", 3.0, 8.0), calibrated("", 3.0, 8.0));
    let run = run(&files, vec![hello(), load(&LLAMA[..3]), short, load(&LLAMA[..2]), missing]);
    assert!(run.error(3).contains("short.txt has 7 tokens, wanted at least the 8 of a sample"), "{}", run.error(3));
    assert!(run.error(5).contains("tokenizer.json"), "{}", run.error(5));
    let pictures = crate::host::run(
        &tiny(Dtype::F32, 1),
        vec![hello(), load(&[TINY, CONFIG]), calibrated("story.txt", 3.0, 8.0), calibrated("", 3.0, 8.0)],
    );
    assert!(pictures.error(3).contains("looks at pictures"), "{}", pictures.error(3));
    assert!(pictures.level(4).zeros() > 0);
}

#[test]
fn encoders_are_calibrated_too() {
    let [model, config] = ["model.safetensors", "config.json"].map(|name| golden("bert-classes", name));
    // The vocabulary has room for 47 tokens; the 48th stands for a new line.
    let files: Vec<_> = LLAMA.into_iter().zip([model, config, letters(), STORY.into()]).collect();
    let commands = vec![hello(), load(&LLAMA[..3]), calibrated("story.txt", 4.0, 6.0), calibrated("", 4.0, 6.0)];
    let run = run(&files, commands);
    assert!(!writes(&run) && run.level(3).zeros() > 0);
    assert!(run.error(4).contains("47 tokens, and its tokenizer gives token 47"), "{}", run.error(4));
}
