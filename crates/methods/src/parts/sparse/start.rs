//! Where a training begins, and how it goes.

use secateur_exec::train::{Optimizer, Schedule, TrainSpec};
use secateur_exec::{ExecError, Params};
use secateur_protocol::{Field, RecipeError};

use crate::Lab;
use crate::parts::fields::{self, Values};

/// Where weights begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Start {
    /// Fresh, drawn by the recipe's seed.
    Initialised,
    /// As in the model that was opened.
    Trained,
}

impl Start {
    /// The setting where the model begins.
    pub fn field(default: &'static str) -> Field {
        Field::choice(
            "start",
            default,
            &["initialised", "trained"],
            "initialised: from fresh weights, drawn by the seed. trained: from the model's own.",
        )
    }

    pub fn read(values: &Values<'_>) -> Result<Self, RecipeError> {
        Ok(if values.text("start")? == "trained" { Self::Trained } else { Self::Initialised })
    }

    pub fn params(self, lab: &Lab<'_>, seed: u64) -> Result<Params, ExecError> {
        match self {
            Self::Initialised => Params::init(lab.compute, lab.graph, seed),
            Self::Trained => Ok(lab.params.clone()),
        }
    }
}

/// Settings of a whole training; for [`descent`].
pub(crate) fn descent_fields(steps: u64, optimizer: &'static str, lr: f64, batch: u64) -> Vec<Field> {
    let optimizer = Field::choice(
        "optimizer",
        optimizer,
        &["adamw", "sgd"],
        "adamw: weight decay 0.05, a learning rate around 0.001. sgd: Nesterov momentum 0.9, weight decay 0.0005, a learning \
         rate around 0.1.",
    );
    [fields::training(steps, lr, batch), vec![optimizer]].concat()
}

/// A training from beginning to end: the learning rate rises for a twentieth of the steps and falls along half a cosine.
pub(crate) fn descent(values: &Values<'_>) -> Result<TrainSpec, RecipeError> {
    let (steps, lr) = (values.number("steps")? as u64, values.number("lr")?);
    let (optimizer, weight_decay) = match values.text("optimizer")?.as_str() {
        "sgd" => (Optimizer::Sgd { momentum: 0.9, nesterov: true }, 5e-4),
        _ => (Optimizer::AdamW, 0.05),
    };
    let shape = TrainSpec { warmup: 0.05, schedule: Schedule::Cosine, optimizer, weight_decay, ..TrainSpec::default() };
    Ok(TrainSpec { steps, lr, ..shape })
}
