//! Texts and their tokens: what language models are measured, calibrated and trained on.

use secateur_data::stories::story;
use secateur_exec::entries;
use secateur_exec::rng::Rng;
use secateur_formats::Tokenizer;
use secateur_graph::grouped;
use secateur_models::Task;

use crate::checkpoint::{Checkpoint, read_small};
use crate::session::Runnable;
use crate::stop::Stop;
use crate::{Asset, Host};

/// The one text that ships with the playground.
pub(crate) const STORIES: &str = "builtin:stories";
/// What stands between texts, where a tokenizer knows it.
pub(crate) const END: &str = "<|endoftext|>";
/// Stories in it.
const COUNT: usize = 200;
/// Longest text file, in bytes.
const LIMIT: u64 = 64 << 20;

/// What a text is for. Built-in texts are different ones for each purpose.
#[derive(Clone, Copy)]
pub(crate) enum Purpose {
    Test,
    Calibration,
    Training,
}

/// `builtin:stories`, or a text file.
pub(crate) async fn text<H: Host>(host: &H, name: &str, purpose: Purpose) -> Result<String, Stop> {
    if name == STORIES {
        return Ok(stories(purpose, COUNT));
    }
    if name.starts_with("builtin:") {
        return Err(Stop::because(format!("there is no text {name}; there is {STORIES}, or choose a text file")));
    }
    let bytes = read_small(host, Asset::User(name), LIMIT, "a text of at most 64 MiB; choose a part of it").await?;
    String::from_utf8(bytes).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        Stop::because(format!("{name}: wanted a text in UTF-8, got something else at byte {at}; save it as UTF-8"))
    })
}

/// The first stories of the built-in text, a blank line between them.
pub(crate) fn stories(purpose: Purpose, count: usize) -> String {
    let told = (0..count.min(COUNT)).map(|at| told(purpose, at as u64).0);
    told.collect::<Vec<_>>().join("\n\n")
}

/// One of any number of stories, and the randomness that told it.
pub(crate) fn told(purpose: Purpose, at: u64) -> (String, Rng) {
    let purpose = match purpose {
        Purpose::Test => "stories-test",
        Purpose::Calibration => "stories-calibration",
        Purpose::Training => "stories-train",
    };
    let mut rng = Rng::keyed(0, purpose, at, "");
    (story(&mut |n| rng.below(n)).text, rng)
}

/// A text as the model reads it.
pub(crate) fn tokens<F>(checkpoint: &Checkpoint<F>, text: &str) -> Result<Vec<u32>, Stop> {
    let tokens = tokenizer(checkpoint)?.encode(text).map_err(Stop::because)?;
    let graph = &checkpoint.model.graph;
    let vocabulary = graph.inputs().next().and_then(|node| entries(graph, node)).unwrap_or(0);
    match tokens.iter().find(|id| **id as usize >= vocabulary) {
        None => Ok(tokens),
        Some(id) => Err(Stop::because(format!(
            "{} knows {} tokens, and its tokenizer gives token {id}; choose the tokenizer.json that belongs to the model",
            checkpoint.name,
            grouped(vocabulary as u64)
        ))),
    }
}

/// A text as the pruned model reads it, which may have lost tokens.
pub(crate) fn own_tokens<F>(checkpoint: &Checkpoint<F>, pruned: &Runnable, text: &str) -> Result<Vec<u32>, Stop> {
    match pruned.tokenizer() {
        Some(tokenizer) => tokenizer.encode(text).map_err(Stop::because),
        None => tokens(checkpoint, text),
    }
}

/// The tokenizer of a model that goes on with texts.
pub(crate) fn writer<F>(checkpoint: &Checkpoint<F>) -> Result<&Tokenizer, Stop> {
    match checkpoint.model.task {
        Task::NextToken => tokenizer(checkpoint),
        _ => Err(Stop::because(format!(
            "{} does not tell how a text goes on: {}; open a language model",
            checkpoint.name, checkpoint.model.verdict
        ))),
    }
}

fn tokenizer<F>(checkpoint: &Checkpoint<F>) -> Result<&Tokenizer, Stop> {
    checkpoint.tokenizer.as_ref().ok_or_else(|| {
        let what = format!("{} came without a tokenizer, so texts cannot be read", checkpoint.name);
        Stop::because(format!("{what}; open it together with its tokenizer.json"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stories_are_the_same_each_time_and_others_for_each_purpose() {
        let test = stories(Purpose::Test, COUNT);
        assert_eq!(test, stories(Purpose::Test, 10_000));
        assert!(test.starts_with(&stories(Purpose::Test, 3)));
        assert_eq!(test.split("\n\n").count(), COUNT);
        let calibration = stories(Purpose::Calibration, COUNT);
        assert!(calibration.split("\n\n").all(|story| !test.contains(story)));
    }
}
