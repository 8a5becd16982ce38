//! Learning through a whole drawing: the loss is of the last picture, and gradients go back through every step of the sampler
//! (Zhang et al., 2024, "time-step gradient checkpointing"). Only the pictures between the steps are kept; each step is run a
//! second time when its gradients are worked out, with the same gates, so that they are exact.

use std::collections::BTreeMap;

use burn::tensor::Tensor;
use secateur_graph::Graph;

use super::recompute::{Still, leaf, product};
use super::{Seen, Target, View};
use crate::forward::forward_gated;
use crate::{ExecError, Gates, Inputs, Params, Value};

/// One step of a sampler without fresh noise, from x and what the model answers about it: to the picture that the model means,
/// and from there to the next, less noisy one.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct DenoiseStep {
    /// How noisy the picture is that the model is asked about: its input `timestep`.
    pub timestep: f32,
    /// The picture that the model means, out of [x, answer].
    pub meant: [f64; 2],
    /// It is kept within minus and plus this.
    pub clip: Option<f64>,
    /// The next picture out of [what was meant, x, answer].
    pub next: [f64; 3],
}

impl DenoiseStep {
    /// Where it leads from x, if the model answers this about it.
    pub(crate) fn next(&self, x: Tensor<4>, answer: Tensor<4>) -> Tensor<4> {
        let mut meant = x.clone() * self.meant[0] + answer.clone() * self.meant[1];
        if let Some(range) = self.clip {
            meant = meant.clamp(-range, range);
        }
        meant * self.next[0] + x * self.next[1] + answer * self.next[2]
    }
}

/// The last picture of a drawing that begins with the input `sample` [n, channels, height, width].
pub fn drawn(graph: &Graph, params: &Params, steps: &[DenoiseStep], inputs: &Inputs) -> Result<Value, ExecError> {
    let mut x = start(graph, inputs)?;
    for step in steps {
        x = taken(graph, &Still { params: params.clone(), gates: Gates::default() }, step, inputs, x)?;
    }
    Ok(Value::R4(x))
}

/// The number of the pass, the parameters, and what is learnt beside them.
type Learnt<'a> = (u64, &'a Params, &'a BTreeMap<String, Value>);

/// The loss [1] of the last picture, and a number whose gradients with respect to what gates are made of are those of the loss.
/// Gates are drawn anew for every step; parameters are not learnt this way.
pub(crate) fn by_step(
    graph: &Graph,
    steps: &[DenoiseStep],
    view: &dyn View,
    (draw, params, extra): Learnt<'_>,
    inputs: &Inputs,
    target: Target,
) -> Result<(Tensor<1>, Tensor<1>), ExecError> {
    let seen = |at: usize| view.seen(draw * steps.len() as u64 + at as u64, params, extra);
    let mut pictures = vec![start(graph, inputs)?];
    for (at, step) in steps.iter().enumerate() {
        let x = pictures[at].clone();
        pictures.push(taken(graph, &Still::of(&seen(at)?), step, inputs, x)?);
    }
    let last = leaf(Value::R4(pictures.pop().ok_or_else(missing)?));
    let loss = target.loss(graph, last.clone())?;
    let mut upstream = last.take_gradient(&mut loss.backward()).ok_or_else(missing)?;
    let mut surrogate = Tensor::zeros([1], &loss.device());
    for (at, step) in steps.iter().enumerate().rev() {
        let seen = seen(at)?;
        let still = Still::of(&seen);
        let (fresh, x) = (still.learning_gates(), pictures.remove(at).autodiff().require_grad());
        let next = taken(graph, &fresh, step, inputs, x.clone())?;
        let mut found = product(Value::R4(next), upstream).backward();
        upstream = Value::R4(x.grad_remove(&mut found).ok_or_else(missing)?);
        let mut sums = still.nothing();
        sums.add(&fresh, &mut found);
        surrogate = surrogate + sums.against(&seen);
    }
    Ok((loss.inner(), surrogate))
}

/// [`by_step`] with the whole drawing kept, which memory grows with: what it is held beside.
pub(crate) fn at_once(
    graph: &Graph,
    steps: &[DenoiseStep],
    view: &dyn View,
    (draw, params, extra): Learnt<'_>,
    inputs: &Inputs,
    target: Target,
) -> Result<(Tensor<1>, Tensor<1>), ExecError> {
    let mut x = start(graph, inputs)?.autodiff();
    for (at, step) in steps.iter().enumerate() {
        let Seen { params, gates, .. } = view.seen(draw * steps.len() as u64 + at as u64, params, extra)?;
        x = taken(graph, &Still { params, gates }, step, inputs, x)?;
    }
    let loss = target.loss(graph, Value::R4(x))?;
    Ok((loss.clone().inner(), loss))
}

fn start(graph: &Graph, inputs: &Inputs) -> Result<Tensor<4>, ExecError> {
    let node = graph.inputs().find(|node| node.name == SAMPLE).ok_or_else(missing)?;
    match inputs.get(node, false)? {
        Value::R4(x) => Ok(x),
        other => Err(super::unfit("pictures to draw on".into(), format!("{:?}", other.shape()))),
    }
}

/// Where a step leads from x.
fn taken(
    graph: &Graph,
    model: &Still,
    step: &DenoiseStep,
    inputs: &Inputs,
    x: Tensor<4>,
) -> Result<Tensor<4>, ExecError> {
    let times = Value::R1(Tensor::full([x.dims()[0]], step.timestep, &x.device()));
    let asked = inputs.with("timestep", times).with(SAMPLE, Value::R4(x.clone()));
    match forward_gated(graph, &model.params, &model.gates, asked)? {
        Value::R4(answer) if answer.dims() == x.dims() => Ok(step.next(x, answer)),
        other => Err(super::unfit(format!("answers like the pictures {:?}", x.dims()), format!("{:?}", other.shape()))),
    }
}

const SAMPLE: &str = "sample";

fn missing() -> ExecError {
    ExecError::Missing { name: SAMPLE.into() }
}
