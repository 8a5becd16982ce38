//! Gradient checkpointing (Chen et al., 2016): only what goes from block to block is kept, and each block is run a second time
//! when its gradients are worked out.

use std::collections::BTreeSet;

use burn::tensor::{Gradients, Tensor};
use secateur_graph::Graph;

use super::Target;
use super::pass::added;
use super::view::Seen;
use crate::evaluate::Statistics;
use crate::forward::Walk;
use crate::value::each_rank;
use crate::{ExecError, Gates, Inputs, Params, Value};

/// The loss [1], what batch norms saw, and a number whose gradients with respect to all that `seen` was made of are those of
/// the loss.
pub(super) fn by_block(
    graph: &Graph,
    seen: &Seen,
    inputs: Inputs,
    target: Target,
) -> Result<(Tensor<1>, Statistics, Tensor<1>), ExecError> {
    let still = Still::of(seen);
    let (walks, statistics, answer) = forwards(graph, &still, inputs)?;
    let answer = leaf(answer);
    let loss = target.loss(graph, answer.clone())?;
    let mut found = loss.backward();
    let first = answer.take_gradient(&mut found).ok_or_else(|| ExecError::Missing { name: "a gradient".into() })?;
    let mut upstream = vec![None; graph.nodes.len()];
    upstream[graph.output().0 as usize] = Some(first);
    let mut sums = still.nothing();
    for (block, walk) in walks.into_iter().enumerate().rev() {
        upstream = backwards(graph, &still, block as u32, walk, upstream, &mut sums)?;
    }
    let surrogate = sums.against(seen);
    Ok((loss.inner(), statistics, surrogate))
}

/// Parameters and gates as numbers that nobody tracks.
pub(super) struct Still {
    pub params: Params,
    pub gates: Gates,
}

/// Runs the model and keeps how it stood before each block.
fn forwards(graph: &Graph, still: &Still, inputs: Inputs) -> Result<(Vec<Walk>, Statistics, Value), ExecError> {
    let mut walk = Walk::new(graph, inputs, &[graph.output()]).gated(graph, still.gates.clone()).learning();
    let mut walks = Vec::new();
    for block in 0..graph.blocks() {
        walks.push(walk.clone());
        walk.run(graph, &still.gates.params(&still.params), graph.block_nodes(block), &mut ())?;
    }
    let answer = walk.take_output(graph, graph.output())?;
    Ok((walks, walk.take_statistics(), answer))
}

/// Runs one block again, adds its gradients to `sums`, and gives the gradients of what it began with.
fn backwards(
    graph: &Graph,
    still: &Still,
    block: u32,
    mut walk: Walk,
    upstream: Vec<Option<Value>>,
    sums: &mut Sums,
) -> Result<Vec<Option<Value>>, ExecError> {
    let learns = |at: usize| !graph.nodes[at].params.is_empty();
    if walk.values.iter().all(Option::is_none) && !graph.block_nodes(block).any(learns) {
        return Ok(vec![None; graph.nodes.len()]); // the model's inputs, which nothing learns
    }
    let fresh = Still { params: still.params.tracked(), gates: still.gates.map(|gate| gate.autodiff().require_grad()) };
    let entered: Vec<Option<Value>> = walk.values.iter().map(|value| value.clone().map(leaf)).collect();
    walk.values = entered.clone();
    walk.gates = fresh.gates.clone();
    walk.run(graph, &fresh.gates.params(&fresh.params), graph.block_nodes(block), &mut ())?;
    let pairs = upstream.iter().enumerate().filter_map(|(at, slope)| Some((walk.values[at].clone()?, slope.clone()?)));
    let Some(sum) = pairs.map(|(value, slope)| product(value, slope)).reduce(|a, b| a + b) else {
        return Ok(vec![None; graph.nodes.len()]);
    };
    let mut found = sum.backward();
    sums.add(&fresh, &mut found);
    Ok(entered.into_iter().map(|value| value?.take_gradient(&mut found)).collect())
}

impl Still {
    pub fn of(seen: &Seen) -> Self {
        let params =
            seen.params.values.iter().map(|value| value.clone().map(|value| each_rank!(value, x -> x.inner())));
        Self { params: Params::of(params.collect()), gates: seen.gates.map(|gate| gate.inner()) }
    }

    /// The same with gradients worked out for gates alone.
    pub fn learning_gates(&self) -> Self {
        let params = self.params.tracked_only(&BTreeSet::new());
        Self { params, gates: self.gates.map(|gate| gate.autodiff().require_grad()) }
    }

    pub fn nothing(&self) -> Sums {
        Sums { params: vec![None; self.params.values.len()], gates: vec![None; self.gates.tensors().len()] }
    }
}

/// Gradients with respect to parameters and gates as the model sees them.
pub(super) struct Sums {
    params: Vec<Option<Value>>,
    gates: Vec<Option<Tensor<1>>>,
}

impl Sums {
    pub fn add(&mut self, leaves: &Still, found: &mut Gradients) {
        for (sum, leaf) in self.params.iter_mut().zip(&leaves.params.values) {
            if let Some(slope) = leaf.as_ref().and_then(|leaf| leaf.take_gradient(found)) {
                *sum = Some(match sum.take() {
                    Some(sum) => added(sum, slope),
                    None => slope,
                });
            }
        }
        for (sum, leaf) in self.gates.iter_mut().zip(leaves.gates.tensors()) {
            if let Some(slope) = leaf.grad_remove(found) {
                *sum = Some(match sum.take() {
                    Some(sum) => sum + slope,
                    None => slope,
                });
            }
        }
    }

    /// The sum of each gradient times what it is the gradient of.
    pub fn against(&self, seen: &Seen) -> Tensor<1> {
        let params = self.params.iter().zip(&seen.params.values);
        let params = params.filter_map(|(slope, value)| Some(product(value.clone()?, slope.clone()?)));
        let gates = self.gates.iter().zip(seen.gates.tensors());
        let gates = gates.filter_map(|(slope, gate)| Some((gate.clone() * slope.clone()?.autodiff()).sum()));
        let device = seen.params.values.iter().flatten().next().map(Value::device).unwrap_or_default();
        params.chain(gates).reduce(|a, b| a + b).unwrap_or_else(|| Tensor::zeros([1], &device))
    }
}

pub(super) fn leaf(value: Value) -> Value {
    each_rank!(value, x -> x.autodiff().require_grad())
}

/// The sum of products of entries; the second one is not tracked.
pub(super) fn product(value: Value, slope: Value) -> Tensor<1> {
    each_rank!(value, value => {
        let slope = each_rank!(slope, slope => slope.reshape(value.dims())).autodiff();
        (value * slope).sum()
    })
}
