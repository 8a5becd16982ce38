use secateur_protocol::{Field, Filing, RecipeError};

use super::{Grow, Plan, Spread, Start, Swap, descent_fields};
use crate::parts::fields::Values;

/// Training at one sparsity from start to end, while weights are swapped.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Dynamic {
    pub grow: Grow,
    /// See [`Swap::still`].
    pub still: bool,
}

impl Dynamic {
    pub fn fields() -> Vec<Field> {
        let own = vec![
            Field::number(
                "sparsity",
                0.9,
                0.0,
                0.99,
                "Share of all prunable weights that are zero, from start to end.",
            ),
            Field::choice(
                "allocation",
                "erk",
                &["erk", "uniform"],
                "erk: small layers keep more, by shape. uniform: every layer has the same share.",
            ),
            Field::number(
                "alpha",
                0.3,
                0.0,
                1.0,
                "Share of a layer's weights that the first swap takes; 0: nothing is swapped.",
            ),
            Field::whole("every", 20, 1, 100_000, "Steps between two swaps."),
            Field::number("until", 0.75, 0.0, 1.0, "Share of the steps after which no weights are swapped any more."),
            Start::field("initialised"),
        ];
        [own, descent_fields(1000, "adamw", 1e-3, 64)].concat()
    }

    pub fn filing() -> Filing {
        Filing {
            when: "during".into(),
            allocation: "ERK".into(),
            rounds: "dynamic sparse".into(),
            data: "labelled".into(),
            start: "initialised".into(),
            recovery: "scratch".into(),
            family: "MLP,CNN".into(),
            ..Filing::plain()
        }
    }

    pub fn plan(self, values: &Values<'_>, steps: u64) -> Result<Plan, RecipeError> {
        let held = (values.number("sparsity")?, Spread::of(&values.text("allocation")?));
        let swap = Swap {
            grow: self.grow,
            every: values.number("every")? as u64,
            first: values.number("alpha")?,
            last: 0.0,
            until: (values.number("until")? * steps as f64) as u64,
            round: f64::floor,
            still: self.still,
            afresh: false,
        };
        Ok(Plan { start: Start::read(values)?, first: held, last: held, ramp: None, swap: Some(swap) })
    }
}
