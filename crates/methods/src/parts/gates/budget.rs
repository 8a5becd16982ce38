use std::collections::BTreeMap;

use burn::tensor::Tensor;
use secateur_exec::train::{Leaf, State};
use secateur_exec::{Compute, ExecError, Value};
use secateur_protocol::Field;

use super::{Bank, Measure, Size};
use crate::parts::fields::Values;
use crate::{Lab, MethodError};

/// How much is to go, as a constraint with two multipliers that climb while it is not met (augmented Lagrangian; Wang, Wohlwend
/// and Lei, 2020; Xia et al., 2022): linear (gone - target) + square (gone - target)^2.
pub struct Budget {
    pub size: Size,
    /// The share that is to go, 0 to 1.
    pub target: f64,
    /// Share of all steps in which the target rises to its full height.
    pub ramp: f64,
    /// Learning rate of the multipliers, in those of the training.
    pub rate: f64,
}

const LINEAR: &str = "budget.linear";
const SQUARE: &str = "budget.square";

/// How much is to go; for [`Budget::read`].
pub fn fields(sparsity: f64) -> Vec<Field> {
    vec![
        Field::number(
            "sparsity",
            sparsity,
            0.0,
            0.99,
            "Share of the weights, multiply-accumulates or units that is to go.",
        ),
        Field::choice(
            "budget",
            "params",
            &["params", "macs", "units"],
            "What the sparsity counts. params: weights of layers, embeddings left out. macs: multiply-accumulates. units: gates.",
        ),
    ]
}

impl Budget {
    /// # Errors
    /// If so much cannot go with these gates.
    pub async fn read(
        lab: &Lab<'_>,
        bank: &Bank,
        values: &Values<'_>,
        [ramp, rate]: [f64; 2],
    ) -> Result<Self, MethodError> {
        let target = values.number("sparsity")?;
        let size = Size::new(lab.graph, bank, Measure::read(values)?);
        let most = size.most(lab, bank).await?;
        if target > most {
            return Err(MethodError::TooMuch { target, most });
        }
        Ok(Self { size, target, ramp, rate })
    }

    /// With the multipliers, which begin at 0.
    pub fn start(&self, compute: &Compute, state: State) -> Result<State, ExecError> {
        let zero = || Value::upload(compute, &[1], vec![0.0]);
        let leaf = |value| Leaf::new(value, self.rate).ascending();
        Ok(state.with(LINEAR, leaf(zero()?)).with(SQUARE, leaf(zero()?)))
    }

    /// The share that is to go when so much of all steps is done.
    pub fn target_at(&self, done: f64) -> f64 {
        self.target * (done / self.ramp.max(1e-9)).min(1.0)
    }

    /// What missing the target costs [1]. `left`: the expected share that stays [1]; `target`: the share that is to go now.
    pub fn price(&self, left: Tensor<1>, target: f64, extra: &BTreeMap<String, Value>) -> Result<Tensor<1>, ExecError> {
        let apart = left.neg() + (1.0 - target);
        let [linear, square] = [multiplier(extra, LINEAR)?, multiplier(extra, SQUARE)?];
        Ok(linear * apart.clone() + square * apart.square())
    }
}

fn multiplier(extra: &BTreeMap<String, Value>, name: &str) -> Result<Tensor<1>, ExecError> {
    match extra.get(name) {
        Some(Value::R1(value)) => Ok(value.clone()),
        _ => Err(ExecError::Missing { name: name.into() }),
    }
}
