use std::borrow::Cow;

use serde::{Deserialize, Serialize};

type Text = Cow<'static, str>;

/// Where a method stands among all others, on the axes of Cheng, Zhang & Shi (2023, arXiv 2308.06767), criterion and
/// allocation kept apart. Each field holds one word of its axis in [`AXES`], those marked `several` one or more, with commas
/// between them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Filing {
    /// What goes.
    pub unit: Text,
    /// Who computes less: anybody, or only with kernels for the pattern.
    pub speedup: Text,
    pub when: Text,
    pub criterion: Text,
    /// What learns the mask, where one is learnt.
    pub learned_by: Text,
    pub allocation: Text,
    pub rounds: Text,
    pub data: Text,
    pub start: Text,
    pub recovery: Text,
    pub fusion: Text,
    /// Models that the paper prunes.
    pub family: Text,
}

/// An axis and its words.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Axis {
    pub name: &'static str,
    pub words: &'static [&'static str],
    /// A method may carry several words.
    pub several: bool,
}

/// The axes, in the order of [`Filing::words`].
pub const AXES: [Axis; 12] = [
    several("unit", &["W", "N:M", "block", "N", "C/F", "H", "B", "L", "E", "sample", "delta-weight"]),
    one("speedup", &["universal", "semi", "specific"]),
    one("when", &["init", "early", "during", "after", "runtime"]),
    several(
        "criterion",
        &[
            "random",
            "magnitude",
            "group-norm",
            "first-order",
            "second-order",
            "activation",
            "sensitivity",
            "learned gate",
            "search",
        ],
    ),
    one("learned by", &["none", "regulariser", "meta", "gnn", "rl", "evolution"]),
    one("allocation", &["given", "uniform", "ERK", "global", "score-derived", "search", "adaptive"]),
    one("rounds", &["one-shot", "iterative", "gradual", "dynamic sparse"]),
    one("data", &["free", "unlabelled", "labelled"]),
    one("start", &["initialised", "pre-trained", "two checkpoints"]),
    one("recovery", &["none", "closed-form", "fine-tune", "rewind", "scratch", "distil"]),
    several("fusion", &["none", "quant", "decomp", "NAS", "KD"]),
    several("family", &["MLP", "CNN", "RNN", "ViT", "LM", "diffusion", "CLIP", "SR"]),
];

/// What stands for something longer: the survey's letters (its list of units) and the field's abbreviations.
const SHORT: [(&str, &str); 22] = [
    ("W", "single weights"),
    ("N:M", "N of every M neighbouring weights"),
    ("block", "square blocks of weights"),
    ("N", "neurons"),
    ("C/F", "channels and filters"),
    ("H", "attention heads"),
    ("B", "whole blocks"),
    ("L", "layers: an attention, an MLP"),
    ("E", "features of the embedding"),
    ("sample", "samples of the training data"),
    ("delta-weight", "what fine-tuning changed"),
    ("semi", "with kernels for N:M"),
    ("ERK", "small layers keep more, by shape"),
    ("meta", "meta-learning"),
    ("gnn", "graph neural network"),
    ("rl", "reinforcement learning"),
    ("quant", "quantisation"),
    ("decomp", "decomposition"),
    ("NAS", "architecture search"),
    ("KD", "knowledge distillation"),
    ("LM", "language models"),
    ("SR", "super-resolution"),
];

/// What a word of an axis is short for; None where it speaks for itself.
pub fn spelled_out(word: &str) -> Option<&'static str> {
    SHORT.iter().find(|(short, _)| *short == word).map(|(_, long)| *long)
}

const fn one(name: &'static str, words: &'static [&'static str]) -> Axis {
    Axis { name, words, several: false }
}

const fn several(name: &'static str, words: &'static [&'static str]) -> Axis {
    Axis { name, words, several: true }
}

impl Filing {
    /// A cut of single weights of a trained model, from nothing but the weights, all at once: what most methods differ from
    /// in a few words.
    pub fn plain() -> Self {
        Self {
            unit: "W".into(),
            speedup: "specific".into(),
            when: "after".into(),
            criterion: "magnitude".into(),
            learned_by: "none".into(),
            allocation: "uniform".into(),
            rounds: "one-shot".into(),
            data: "free".into(),
            start: "pre-trained".into(),
            recovery: "none".into(),
            fusion: "none".into(),
            family: "CNN".into(),
        }
    }

    /// The words on each axis, in the order of [`AXES`].
    pub fn words(&self) -> [Vec<&str>; 12] {
        let Self {
            unit,
            speedup,
            when,
            criterion,
            learned_by,
            allocation,
            rounds,
            data,
            start,
            recovery,
            fusion,
            family,
        } = self;
        [unit, speedup, when, criterion, learned_by, allocation, rounds, data, start, recovery, fusion, family]
            .map(|words| words.split(',').map(str::trim).collect())
    }

    /// # Errors
    /// A sentence about the first word that its axis does not know, or the first axis with too few or too many.
    pub fn check(&self) -> Result<(), String> {
        for (axis, words) in AXES.iter().zip(self.words()) {
            if let Some(word) = words.iter().find(|word| !axis.words.contains(word)) {
                return Err(format!("{}: wanted one of {}, got {word:?}", axis.name, axis.words.join(", ")));
            }
            if words.len() > 1 && !axis.several {
                return Err(format!("{}: wanted one word, got {}", axis.name, words.join(", ")));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_spelled_out_is_a_word_of_an_axis() {
        for (short, _) in SHORT {
            assert!(AXES.iter().any(|axis| axis.words.contains(&short)), "{short}");
        }
        assert_eq!([spelled_out("H"), spelled_out("uniform")], [Some("attention heads"), None]);
    }

    #[test]
    fn an_unknown_word_and_a_second_one_are_named() {
        let filing = Filing { unit: "W, N:M".into(), family: "CNN,LM".into(), ..Filing::plain() };
        assert_eq!(filing.check(), Ok(()));
        assert_eq!(filing.words()[0], ["W", "N:M"]);
        let error = Filing { when: "after,early".into(), ..filing.clone() }.check().unwrap_err();
        assert_eq!(error, "when: wanted one word, got after, early");
        let error = Filing { data: "labels".into(), ..filing }.check().unwrap_err();
        assert_eq!(error, "data: wanted one of free, unlabelled, labelled, got \"labels\"");
    }
}
