//! What fine-tuning changed: the parameters of a fine-tuned model less those of the model that it came from.

use std::collections::{BTreeMap, BTreeSet};

use burn::tensor::Tensor;
use secateur_exec::rng::Rng;
use secateur_exec::{Compute, ExecError, Params, Value};
use secateur_graph::surgery::{Removal, Statistics};
use secateur_graph::{Graph, Mask, Masks, ParamId, Role};

use super::changed;
use crate::{Lab, MethodError, Outcome, Scores};

/// By parameter, each as a matrix [R, C].
pub(crate) type Deltas = BTreeMap<ParamId, Tensor<2>>;

/// Which parameters take part. What makes the model's answers never does: every task keeps its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Over {
    /// Weights of products and convolutions.
    Weights,
    /// All but running statistics.
    All,
}

impl Over {
    pub fn params(self, graph: &Graph) -> Vec<ParamId> {
        let head: BTreeSet<ParamId> = graph.node(graph.output()).params.iter().copied().collect();
        let takes_part = |id: &ParamId| match (self, graph.param(*id).role) {
            (_, Role::Weight) => true,
            (Self::All, role) => role != Role::Statistic,
            (Self::Weights, _) => false,
        };
        graph.param_ids().filter(|id| !head.contains(id) && takes_part(id)).collect()
    }
}

/// `fine` less `base`.
pub(crate) fn deltas(graph: &Graph, fine: &Params, base: &Params, over: Over) -> Result<Deltas, ExecError> {
    let one = |id: ParamId| {
        let matrix = graph.param(id).matrix();
        Ok((id, fine.get(graph, id)?.matrix(matrix) - base.get(graph, id)?.matrix(matrix)))
    };
    over.params(graph).into_iter().map(one).collect()
}

/// 1 where an entry of a parameter stays, 0 where it is dropped: each by itself with chance `p` (Yu et al., 2023, eq. 3).
/// `model`: the place of the fine-tuned model among several.
pub(crate) fn by_chance(
    compute: &Compute,
    graph: &Graph,
    id: ParamId,
    (p, seed, model): (f64, u64, u64),
) -> Result<Tensor<2>, ExecError> {
    let param = graph.param(id);
    let mut rng = Rng::keyed(seed, "drop-delta", model, &param.name);
    let stays = (0..param.len()).map(|_| f32::from(u8::from(f64::from(rng.uniform()) >= p))).collect();
    let (rows, cols) = param.matrix();
    Ok(Value::upload(compute, &[rows, cols], stays)?.matrix((rows, cols)))
}

/// `base` with the deltas on top, and the other parameters of `fine`.
pub(crate) fn applied(graph: &Graph, fine: &Params, base: &Params, deltas: &Deltas) -> Result<Params, ExecError> {
    let one = |(id, delta): (&ParamId, &Tensor<2>)| {
        let value = base.get(graph, *id)?;
        Ok::<_, ExecError>((*id, value.like(value.matrix(graph.param(*id).matrix()) + delta.clone())))
    };
    Ok(fine.with(&deltas.iter().map(one).collect::<Result<_, _>>()?))
}

/// The model that deltas make of their base: nothing of it is 0, so every mask is full. Its scores are the deltas' sizes.
pub(crate) async fn outcome(
    lab: &Lab<'_>,
    base: &Params,
    deltas: Deltas,
    mut notes: Vec<String>,
) -> Result<Outcome, MethodError> {
    let graph = lab.graph;
    let model = applied(graph, lab.params, base, &deltas)?;
    let values = deltas.keys().map(|id| Ok((*id, model.get(graph, *id)?.clone())));
    let values: BTreeMap<ParamId, Value> = values.collect::<Result<_, ExecError>>()?;
    notes.push(left(lab, &deltas).await?);
    let (mut masks, mut scores) = (Masks::default(), BTreeMap::new());
    for id in graph.prunable() {
        let (rows, cols) = graph.param(id).matrix();
        masks.set(graph, id, Mask::full(rows * cols))?;
        let zeros = || Tensor::zeros([rows, cols], lab.compute.device());
        scores.insert(id, deltas.get(&id).map_or_else(zeros, |delta| delta.clone().abs()));
    }
    Ok(Outcome {
        masks,
        removal: Removal::new(),
        statistics: Statistics::default(),
        params: changed(lab, &values),
        scores: Scores::held(scores),
        notes,
    })
}

/// How much of the difference is left, in a sentence.
async fn left(lab: &Lab<'_>, deltas: &Deltas) -> Result<String, MethodError> {
    let all: usize = deltas.keys().map(|id| lab.graph.param(*id).len()).sum();
    let counts: Vec<Tensor<1>> = deltas.values().map(|delta| delta.clone().abs().sign().sum()).collect();
    let counts = if counts.is_empty() { Vec::new() } else { Value::R1(Tensor::cat(counts, 0)).read().await? };
    lab.compute.check()?;
    let left: f64 = counts.into_iter().map(f64::from).sum();
    Ok(format!(
        "{left} of {all} entries of the difference are left ({:.2} %); the others are the base model's.",
        100.0 * left / all.max(1) as f64
    ))
}
