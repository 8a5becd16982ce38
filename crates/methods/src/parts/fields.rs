//! The settings that methods share, and how they are read from a recipe.

use secateur_graph::select::check_n_of_m;
use secateur_protocol::{Card, Field, Recipe, RecipeError, Value};

use super::{Allocation, Pattern};
use crate::MethodError;

/// How much goes and in which pattern; for [`Pattern`]. `allocation` is the method's default.
pub fn cut(allocation: &'static str) -> Vec<Field> {
    vec![
        Field::number("sparsity", 0.5, 0.0, 0.99, "Share of all prunable weights, or of a layer's blocks, to remove.")
            .only_if("pattern", &["unstructured", "blocks"]),
        Field::choice(
            "pattern",
            "unstructured",
            &["unstructured", "n:m", "blocks"],
            "unstructured: weights go one by one. n:m: N of every M neighbours in a row stay, as sparse tensor cores \
             want it. blocks: blocks of B x B weights go as a whole, those with the lowest sum of scores, the same \
             share of every layer.",
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
            "allocation",
            allocation,
            &["uniform", "row", "global", "erk", "lamp"],
            "How the cut is shared out. uniform: every layer loses the same share. row: every output of every layer \
             does. global: the lowest scores anywhere. erk: small layers keep more, by shape. lamp: each layer's \
             weights against those larger than themselves.",
        )
        .only_if("pattern", &["unstructured"]),
        Field::number("floor", 0.0, 0.0, 10.0, "Every layer keeps at least this percentage of all prunable weights.")
            .only_if("allocation", &["global"]),
    ]
}

/// What statistics are gathered on; for [`Calibration`]. Which texts or pictures the samples are is the engine's affair:
/// it reads `calibration` and `length`.
pub fn calibration() -> Vec<Field> {
    vec![
        Field::whole("samples", 128, 1, 1000, "Calibration samples to run through the model."),
        Field::words(
            "calibration",
            "Text to run through a language model: builtin:stories or a text file. Empty: builtin:stories.",
        ),
        Field::whole("length", 128, 1, 4096, "Tokens in a sample of text."),
        Field::choice(
            "statistics",
            "pruned",
            &["pruned", "dense"],
            "pruned: later layers see what earlier ones give after their cut. dense: the untouched model throughout.",
        ),
    ]
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
struct Values<'a> {
    card: &'a Card,
    recipe: &'a Recipe,
}

impl Values<'_> {
    fn number(&self, key: &str) -> Result<f64, RecipeError> {
        match self.recipe.value(self.card, key) {
            Some(Value::Number(number)) => Ok(number),
            other => Err(wrong(key, other, "a number")),
        }
    }

    fn text(&self, key: &str) -> Result<String, RecipeError> {
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
