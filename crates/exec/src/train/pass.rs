//! One forward pass and its gradients.

use std::collections::{BTreeMap, BTreeSet};

use burn::tensor::{Gradients, Tensor};
use secateur_graph::{Graph, ParamId};

use super::chain::{DenoiseStep, by_step};
use super::distil::Distil;
use super::recompute::by_block;
use super::step::Slopes;
use super::{State, Target, View};
use crate::evaluate::Statistics;
use crate::forward::forward_learning;
use crate::value::each_rank;
use crate::{ExecError, Inputs, Params, Value};

/// What a pass found.
pub(super) struct Found {
    /// [1], of the task alone: without penalties.
    pub loss: Tensor<1>,
    pub slopes: Slopes,
    pub statistics: Statistics,
}

/// What a pass is made of.
pub(super) struct Pass<'a> {
    pub graph: &'a Graph,
    pub view: &'a dyn View,
    /// Parameters whose gradients are wanted.
    pub learned: &'a BTreeSet<ParamId>,
    pub teacher: Option<&'a Distil<'a>>,
    pub recompute: bool,
    /// The steps of a sampler that the loss is at the end of; none: the loss is of the model's answer.
    pub chain: Option<&'a [DenoiseStep]>,
}

impl Pass<'_> {
    pub fn run(&self, state: &State, draw: u64, inputs: Inputs, target: Target) -> Result<Found, ExecError> {
        let params = state.params.tracked_only(self.learned);
        let track = |value: &Value| each_rank!(value.clone(), tensor -> tensor.autodiff().require_grad());
        let extra: BTreeMap<String, Value> =
            state.extra.iter().map(|(name, leaf)| (name.clone(), track(&leaf.value))).collect();
        let seen = self.view.seen(draw, &params, &extra)?;
        let (loss, statistics, whole) = if let Some(steps) = self.chain {
            let (loss, surrogate) = by_step(self.graph, steps, self.view, (draw, &params, &extra), &inputs, target)?;
            (loss, Statistics::new(), surrogate)
        } else if self.recompute {
            let (loss, statistics, surrogate) = by_block(self.graph, &seen, inputs, target)?;
            (loss, statistics, surrogate)
        } else {
            let hidden = self.teacher.map_or(Vec::new(), |teacher| teacher.hidden(self.graph));
            let taught = self.teacher.map(|teacher| teacher.answers(self.graph, inputs.clone())).transpose()?;
            let (answers, statistics) = forward_learning(self.graph, &seen.params, &seen.gates, inputs, &hidden)?;
            let mut loss = target.loss(self.graph, answers[0].clone())?;
            let own = loss.clone();
            if let (Some(teacher), Some(taught)) = (self.teacher, taught) {
                loss = teacher.blend(loss, &answers, &taught);
            }
            (own.inner(), statistics, loss)
        };
        let whole = match seen.penalty {
            Some(penalty) => whole + penalty,
            None => whole,
        };
        let mut gradients = whole.backward();
        Ok(Found { loss, slopes: slopes(&params, self.learned, &extra, &mut gradients), statistics })
    }
}

fn slopes(
    params: &Params,
    learned: &BTreeSet<ParamId>,
    extra: &BTreeMap<String, Value>,
    gradients: &mut Gradients,
) -> Slopes {
    let mut slope = |(at, leaf): (usize, &Option<Value>)| {
        let leaf = leaf.as_ref().filter(|_| learned.contains(&ParamId(at as u32)))?;
        leaf.take_gradient(gradients)
    };
    let params = Params::of(params.values.iter().enumerate().map(&mut slope).collect());
    let extra = extra.iter().filter_map(|(name, leaf)| Some((name.clone(), leaf.take_gradient(gradients)?))).collect();
    Slopes { params, extra }
}

impl Slopes {
    /// The sum of both.
    pub(super) fn plus(mut self, other: Self) -> Self {
        for (sum, value) in self.params.values.iter_mut().zip(other.params.values) {
            *sum = match (sum.take(), value) {
                (Some(sum), Some(value)) => Some(added(sum, value)),
                (sum, value) => sum.or(value),
            };
        }
        for (name, value) in other.extra {
            let sum = match self.extra.remove(&name) {
                Some(sum) => added(sum, value),
                None => value,
            };
            self.extra.insert(name, sum);
        }
        self
    }

    pub(super) fn times(mut self, factor: f64) -> Self {
        for value in self.params.values.iter_mut().flatten().chain(self.extra.values_mut()) {
            let scaled = each_rank!(value.clone(), value -> value * factor);
            *value = scaled;
        }
        self
    }
}

/// The sum of two values of one shape.
pub(super) fn added(a: Value, b: Value) -> Value {
    each_rank!(a, a -> {
        let b = each_rank!(b, b => b.reshape(a.dims()));
        a + b
    })
}
