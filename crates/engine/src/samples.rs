//! The samples that methods look at: digits for models of pictures, pieces of a text for models of texts.

use std::borrow::Cow;

use secateur_data::digits::{Digits, Split};
use secateur_graph::Graph;
use secateur_models::{Model, Task};
use secateur_protocol::{Card, Need, Recipe, Value};

use crate::Host;
use crate::checkpoint::Checkpoint;
use crate::forward::{inputs, pictures};
use crate::stop::Stop;
use crate::texts::{Purpose, STORIES, text, tokens};

/// What a recipe asks for.
pub(crate) struct Wish {
    count: usize,
    /// Empty where it is left to us.
    text: String,
    /// Tokens of a sample of text.
    length: usize,
    seed: u64,
}

/// Samples as the model takes them; none of them where a method looks at weights only.
#[derive(Default)]
pub(crate) struct Samples {
    /// [count, ...], row by row.
    pub inputs: Vec<f32>,
    pub count: usize,
    /// Tokens of each, if they are texts.
    pub length: Option<usize>,
    /// What they are, for the user.
    pub note: Option<String>,
}

impl Wish {
    /// None where the recipe's method asks for no samples.
    pub fn read(card: &Card, recipe: &Recipe) -> Option<Self> {
        if !card.needs(Need::Samples) {
            return None;
        }
        let number = |key| match recipe.value(card, key) {
            Some(Value::Number(number)) => Some(number as usize),
            _ => None,
        };
        let text = recipe.value(card, "calibration").map_or(String::new(), |text| text.to_string());
        Some(Self { count: number("samples")?, text, length: number("length")?, seed: recipe.seed })
    }

    /// Calibration digits, or pieces of a text.
    pub async fn samples<H: Host>(
        &self,
        host: &H,
        checkpoint: &Checkpoint<H::File>,
        digits: &Digits,
    ) -> Result<Samples, Stop> {
        match checkpoint.model.task {
            Task::NextToken | Task::MaskedToken | Task::TextClasses | Task::TextFeatures => {
                let name = if self.text.is_empty() { STORIES } else { &self.text };
                let text = text(host, name, Purpose::Calibration).await?;
                self.pieces(name, tokens(checkpoint, &text)?, checkpoint.model.context())
            }
            _ => self.digits(&checkpoint.model, digits),
        }
    }

    fn digits(&self, model: &Model, digits: &Digits) -> Result<Samples, Stop> {
        let spec = pictures(model)?;
        if !self.text.is_empty() {
            let what = format!("calibration = {}: this model looks at pictures, not at texts", self.text);
            return Err(Stop::because(format!("{what}; leave calibration empty to take the calibration digits")));
        }
        let split = digits.split(Split::Calibration);
        let count = self.count.min(split.len());
        let inputs = inputs(spec, self.places(count, split.len()).map(|at| digits.grey(split.start + at)));
        Ok(Samples { inputs, count, length: None, note: None })
    }

    /// The first `count` of all there are for seed 0, those that follow for 1, and so on, from the beginning again after the end.
    fn places(&self, count: usize, all: usize) -> impl Iterator<Item = usize> {
        let start = (self.seed % all.max(1) as u64) as usize * count;
        (start..start + count).map(move |at| at % all)
    }

    /// Consecutive pieces of one length that do not overlap, as many as there are and are asked for.
    fn pieces(&self, name: &str, tokens: Vec<u32>, context: Option<usize>) -> Result<Samples, Stop> {
        let length = context.map_or(self.length, |context| self.length.min(context)).max(1);
        let count = self.count.min(tokens.len() / length);
        if count == 0 {
            let what = format!("{name} has {} tokens, wanted at least the {length} of a sample", tokens.len());
            return Err(Stop::because(format!("{what}; choose a longer text or a smaller length")));
        }
        let short = if length < self.length { ", which is all the model reads at once" } else { "" };
        let pieces = self.places(count, tokens.len() / length);
        Ok(Samples {
            inputs: pieces.flat_map(|at| &tokens[at * length..(at + 1) * length]).map(|id| *id as f32).collect(),
            count,
            length: Some(length),
            note: Some(format!("Calibrated on {name}: {count} samples of {length} tokens{short}.")),
        })
    }
}

impl Samples {
    /// No samples, and the length of texts that the model learns from.
    pub fn none(model: &Model, length: Option<usize>) -> Self {
        let reads = matches!(model.task, Task::NextToken | Task::MaskedToken | Task::TextClasses | Task::TextFeatures);
        let fits = |length: usize| model.context().map_or(length, |context| length.min(context)).max(1);
        Self { length: length.filter(|_| reads).map(fits), ..Self::default() }
    }

    /// The model on texts of this length.
    pub fn sized<'a>(&self, graph: &'a Graph) -> Result<Cow<'a, Graph>, Stop> {
        let Some(length) = self.length else { return Ok(Cow::Borrowed(graph)) };
        let first = graph.inputs().next().map_or("", |node| &node.name);
        let sized = graph.resized(|name| (name == first).then(|| vec![length]));
        sized.map(Cow::Owned).map_err(Stop::because)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pieces(count: usize, length: usize, tokens: u32, context: Option<usize>) -> Result<Samples, Stop> {
        let wish = Wish { count, text: String::new(), length, seed: 0 };
        wish.pieces("a text", (0..tokens).collect(), context)
    }

    #[test]
    fn pieces_follow_each_other() {
        let samples = pieces(3, 4, 100, None).unwrap();
        assert_eq!(samples.inputs, (0..12).map(|id| id as f32).collect::<Vec<_>>());
        assert_eq!((samples.count, samples.length), (3, Some(4)));
        assert_eq!(samples.note.as_deref(), Some("Calibrated on a text: 3 samples of 4 tokens."));
    }

    #[test]
    fn another_seed_is_another_draw() {
        let of = |seed| {
            let wish = Wish { count: 3, text: String::new(), length: 4, seed };
            wish.pieces("a text", (0..20).collect(), None)
                .unwrap()
                .inputs
                .iter()
                .map(|id| *id as u32)
                .collect::<Vec<_>>()
        };
        assert_eq!(of(0), (0..12).collect::<Vec<_>>());
        assert_eq!(of(1), [12, 13, 14, 15, 16, 17, 18, 19, 0, 1, 2, 3]);
        assert_eq!((of(5), of(u64::MAX).len()), (of(0), 12));
    }

    #[test]
    fn there_are_no_more_than_fill_a_piece_and_none_longer_than_the_model_reads() {
        assert_eq!(pieces(9, 4, 15, None).unwrap().count, 3);
        let short = pieces(9, 40, 15, Some(5)).unwrap();
        assert_eq!((short.count, short.length), (3, Some(5)));
        assert!(short.note.unwrap().contains("all the model reads at once"));
        let Err(Stop::Failed(error)) = pieces(9, 16, 15, None) else { panic!("too few") };
        assert!(error.contains("a text has 15 tokens, wanted at least the 16 of a sample"), "{error}");
    }
}
