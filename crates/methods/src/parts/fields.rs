//! The settings that methods share, and how they are read from a recipe.

use secateur_graph::select::check_n_of_m;
use secateur_protocol::{Card, Field, Recipe, RecipeError, Value};

use super::units::UNITS;
use super::{Allocation, Pattern};
use crate::MethodError;

/// What a method takes for [`cut`] unless somebody says otherwise.
#[derive(Clone, Copy, Debug)]
pub struct Defaults {
    pub pattern: &'static str,
    pub units: &'static str,
    /// How units are shared out.
    pub share: &'static str,
    /// How single weights are shared out.
    pub allocation: &'static str,
    /// Percent of all weights that each layer keeps at least, where weights compete.
    pub floor: f64,
}

impl Default for Defaults {
    fn default() -> Self {
        Self { pattern: "unstructured", units: "neurons", share: "uniform", allocation: "uniform", floor: 0.0 }
    }
}

/// How much goes and in which pattern; for [`Pattern`]. `allocation` is the method's default.
pub fn cut(allocation: &'static str) -> Vec<Field> {
    cut_by(Defaults { allocation, ..Defaults::default() })
}

/// [`cut`] with other defaults.
pub fn cut_by(defaults: Defaults) -> Vec<Field> {
    vec![
        Field::number("sparsity", 0.5, 0.0, 0.99, "Share of all prunable weights, of a layer's blocks, or of units, to remove.")
            .only_if("pattern", &["unstructured", "blocks", "unit"]),
        Field::choice(
            "pattern",
            defaults.pattern,
            &["unstructured", "n:m", "blocks", "unit"],
            "unstructured: weights go one by one. n:m: N of every M neighbours in a row stay, as sparse tensor cores \
             want it. blocks: blocks of B x B weights go as a whole, those with the lowest sum of scores, the same \
             share of every layer. unit: whole heads, neurons, channels or layers go with all that belongs to them, and \
             the model becomes smaller.",
        ),
        Field::whole("n", 2, 1, 15, "Weights kept in each group of M.").only_if("pattern", &["n:m"]),
        Field::whole("m", 4, 2, 16, "Neighbouring inputs of a row that form a group.").only_if("pattern", &["n:m"]),
        Field::choice(
            "block",
            "16",
            &["16", "32"],
            "B: so many neighbouring outputs and inputs form a block, fewer at the edge of a layer.",
        )
        .only_if("pattern", &["blocks"]),
        Field::choice(
            "units",
            defaults.units,
            &UNITS,
            "What goes as a whole. neurons: hidden features of MLPs. heads: of attention. kv-groups: keys and values with the \
             heads that share them. head-dims: the same place in all heads. channels: of convolutions. width: features \
             of the residual stream. sublayers: attentions or MLPs. blocks: whole layers. tokens: of a language \
             model's vocabulary, but for those that texts cannot do without.",
        )
        .only_if("pattern", &["unit"]),
        Field::choice(
            "budget",
            "units",
            &["units", "params", "macs", "bytes", "ms"],
            "What decides how much goes. units: the sparsity. params, macs, bytes, ms: as few units as it takes to meet the \
             target.",
        )
        .only_if("pattern", &["unit"]),
        Field::number(
            "target",
            0.5,
            0.0,
            1e12,
            "What may be left: the share of parameters or multiply-accumulates, bytes, or milliseconds of a forward pass of \
             8 inputs on this device.",
        )
        .only_if("budget", &["params", "macs", "bytes", "ms"]),
        Field::choice(
            "share",
            defaults.share,
            &["uniform", "global"],
            "uniform: every group loses the same share, as stock libraries want it. global: the lowest scores anywhere, \
             unless the method says otherwise relative to their group's mean.",
        )
        .only_if("pattern", &["unit"]),
        Field::choice(
            "norms",
            "kept",
            &["kept", "recomputed"],
            "What norms measure when features go. kept: all features as before, those that are gone as zeros, so that the \
             smaller model answers as the one with zeros. recomputed: those that are left, as stock libraries do.",
        )
        .only_if("pattern", &["unit"]),
        Field::words("counts", "How many go of some groups, whatever the rest says: GROUP:COUNT;GROUP:COUNT, groups by their \
             place in the list of secateur groups.")
        .only_if("pattern", &["unit"]),
        Field::words("remove", "Units that go in any case: GROUP:UNIT,UNIT;GROUP:UNIT.").only_if("pattern", &["unit"]),
        Field::words("protect", "Units that stay in any case, written alike.").only_if("pattern", &["unit"]),
        Field::whole("multiple", 1, 1, 64, "What stays of a group is a multiple of this.").only_if("pattern", &["unit"]),
        Field::choice(
            "allocation",
            defaults.allocation,
            &["uniform", "row", "global", "erk", "lamp"],
            "How the cut is shared out. uniform: every layer loses the same share. row: every output of every layer \
             does. global: the lowest scores anywhere. erk: small layers keep more, by shape. lamp: each layer's \
             weights against those larger than themselves.",
        )
        .only_if("pattern", &["unstructured"]),
        Field::number("floor", defaults.floor, 0.0, 10.0, "Every layer keeps at least this percentage of all prunable weights.")
            .only_if("allocation", &["global"]),
    ]
}

/// What makes up for the cut; for [`Compensation`](super::Compensation), of methods with the fields of [`calibration`].
pub fn compensation(default: &'static str) -> Field {
    Field::choice(
        "compensation",
        default,
        &["none", "bias", "update"],
        "What makes up for the cut. bias: what pruned weights gave on the average goes into the biases. update: the weights \
         that stay are fitted anew to each layer's dense outputs.",
    )
}

/// What batch norms remember when units are gone, of methods with the fields of [`calibration`].
pub fn batch_norms(default: &'static str) -> Field {
    Field::choice(
        "batch_norms",
        default,
        &["kept", "recalibrated"],
        "What batch norms remember of their inputs. recalibrated: mean and variance of the calibration samples in the smaller \
         model.",
    )
    .only_if("pattern", &["unit"])
}

/// What the model is looked at with: so many samples, texts of so many tokens. Which texts or pictures they are is the
/// engine's affair: it reads `calibration` and `length`.
pub fn samples(count: u64, length: u64) -> Vec<Field> {
    vec![
        Field::whole(
            "samples",
            count,
            1,
            1000,
            "Calibration samples to run through the model: the first ones for seed 0, others for another seed.",
        ),
        Field::words(
            "calibration",
            "Text to run through a language model: builtin:stories or a text file. Empty: builtin:stories.",
        ),
        Field::whole("length", length, 1, 4096, "Tokens in a sample of text."),
    ]
}

/// What statistics are gathered on; for [`Calibration`].
pub fn calibration() -> Vec<Field> {
    let statistics = Field::choice(
        "statistics",
        "pruned",
        &["pruned", "dense"],
        "pruned: later layers see what earlier ones give after their cut. dense: the untouched model throughout.",
    );
    samples(128, 128).into_iter().chain([statistics]).collect()
}

/// Which model this one was fine-tuned from, and which of their parameters are compared; `over` is the default. The engine
/// opens the checkpoint that `base` names, and those in `others` where a method has that too.
pub fn base(over: &'static str) -> Vec<Field> {
    vec![
        Field::words(
            "base",
            "The checkpoint that this model was fine-tuned from: builtin:ID or a .safetensors file; on the page, the name of one that \
             was dropped before this model.",
        ),
        Field::choice(
            "over",
            over,
            &["weights", "all"],
            "weights: those of products and convolutions. all: embeddings, biases and norms too. Never the layer that answers.",
        ),
    ]
}

/// How long and how fast a method learns; for [`Training`]. What it learns from is the engine's affair: it reads `batch` and
/// `length`.
pub fn training(steps: u64, lr: f64, batch: u64) -> Vec<Field> {
    vec![
        Field::whole("steps", steps, 1, 1_000_000, "Steps to learn for."),
        Field::number("lr", lr, 0.0, 10.0, "Highest learning rate."),
        Field::whole("batch", batch, 1, 1024, "Samples in each step."),
        Field::whole("length", 128, 1, 4096, "Tokens in a sample of text."),
    ]
}

/// How long and how fast a method learns.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Training {
    pub steps: u64,
    pub lr: f64,
}

impl Training {
    /// `recipe` has been checked against `card`, and the card has the fields of [`training`].
    pub fn read(card: &Card, recipe: &Recipe) -> Result<Self, RecipeError> {
        let values = Values { card, recipe };
        Ok(Self { steps: values.number("steps")? as u64, lr: values.number("lr")? })
    }

    /// And how many times as fast something learns that has a rate of its own: the trainer knows other rates as multiples of
    /// `lr`, which becomes so small, where it is 0, that no weight moves.
    pub fn beside(self, own: f64) -> (Self, f64) {
        let lr = self.lr.max(1e-12);
        (Self { lr, ..self }, own / lr)
    }
}

/// What statistics are gathered on.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Calibration {
    pub samples: usize,
    /// Statistics of a block see the pruning of the blocks before it.
    pub sequential: bool,
}

impl Pattern {
    /// `recipe` has been checked against `card`, and the card has the fields of [`cut`].
    pub fn read(card: &Card, recipe: &Recipe) -> Result<Self, MethodError> {
        let values = Values { card, recipe };
        let pattern = values.text("pattern")?;
        if pattern == "n:m" {
            let (n, m) = (values.number("n")? as usize, values.number("m")? as usize);
            check_n_of_m(n, m)?;
            return Ok(Self::NOfM { n, m });
        }
        let sparsity = values.number("sparsity")?;
        if pattern == "blocks" {
            let side = match values.text("block")?.as_str() {
                "32" => 32,
                _ => 16,
            };
            return Ok(Self::Blocks { sparsity, side });
        }
        let allocation = match values.text("allocation")?.as_str() {
            "row" => return Ok(Self::Rows { sparsity }),
            "global" => Allocation::Global { floor: values.number("floor")? },
            "erk" => Allocation::Erk,
            "lamp" => Allocation::Lamp,
            _ => Allocation::Uniform,
        };
        Ok(Self::Layers { sparsity, allocation })
    }
}

impl Calibration {
    /// `recipe` has been checked against `card`, and the card has the fields of [`calibration`].
    pub fn read(card: &Card, recipe: &Recipe) -> Result<Self, RecipeError> {
        let values = Values { card, recipe };
        Ok(Self { samples: values.number("samples")? as usize, sequential: values.text("statistics")? == "pruned" })
    }
}

/// A checked recipe's values. That a field is missing or of another kind is a mistake in the method's card.
pub struct Values<'a> {
    pub card: &'a Card,
    pub recipe: &'a Recipe,
}

impl Values<'_> {
    pub fn number(&self, key: &str) -> Result<f64, RecipeError> {
        match self.recipe.value(self.card, key) {
            Some(Value::Number(number)) => Ok(number),
            other => Err(wrong(key, other, "a number")),
        }
    }

    pub fn text(&self, key: &str) -> Result<String, RecipeError> {
        match self.recipe.value(self.card, key) {
            Some(Value::Text(text)) => Ok(text),
            other => Err(wrong(key, other, "a word")),
        }
    }
}

fn wrong(key: &str, got: Option<Value>, want: &str) -> RecipeError {
    let got = got.map_or("nothing".into(), |value| value.to_string());
    RecipeError::Value { key: key.into(), got, want: want.into() }
}
