//! Low-rank adapters that leave pruned entries at 0 (Zimmer et al., 2023).

use std::collections::BTreeMap;

use burn::tensor::{Tensor, TensorData};
use secateur_exec::rng::Rng;
use secateur_exec::train::{Leaf, Seen, State, View};
use secateur_exec::{Compute, ExecError, Gates, Params, Value};
use secateur_graph::{Graph, Masks, ParamId};

/// How an adapter changes a weight W [R, C] by B [R, rank] and A [rank, C]; M is its mask.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// MaskLoRA: W + alpha / rank * M * (B A), while it learns and after.
    Mask,
    /// ScaleLoRA: W * (B A), which begins at 1.
    Scale,
    /// W + alpha / rank * B A while it learns; masked only when it is merged, so that the model jumps there.
    Late,
}

/// Adapters on weights, which are what is learnt of them.
pub(crate) struct Adapters<'a> {
    graph: &'a Graph,
    kind: Kind,
    rank: usize,
    /// alpha / rank
    scale: f64,
    /// The masks of the weights with an adapter, as numbers [R, C] with 1 = kept.
    keep: BTreeMap<ParamId, Tensor<2>>,
}

impl<'a> Adapters<'a> {
    /// On every weight that `masks` holds, at most of the rank that the weight has.
    pub fn new(compute: &Compute, graph: &'a Graph, masks: &Masks, kind: Kind, rank: usize, alpha: f64) -> Self {
        let weights = graph.prunable().filter_map(|id| Some((id, masks.get(id)?)));
        let keep = weights.map(|(id, mask)| {
            let (rows, cols) = graph.param(id).matrix();
            (id, Tensor::from_data(TensorData::new(mask.to_f32(), [rows, cols]), compute.device()))
        });
        Self { graph, kind, rank, scale: alpha / rank as f64, keep: keep.collect() }
    }

    /// Adds what is learnt. Nothing changes the model before the first step.
    pub fn begin(&self, compute: &Compute, mut state: State, seed: u64) -> Result<State, ExecError> {
        for id in self.keep.keys() {
            let param = self.graph.param(*id);
            let (rows, cols) = param.matrix();
            let rank = self.rank.min(rows).min(cols);
            let (a, b) = match self.kind {
                Kind::Scale => {
                    let begin = (rank as f32).sqrt().recip();
                    (vec![begin; rank * cols], vec![begin; rows * rank])
                }
                Kind::Mask | Kind::Late => {
                    let (mut rng, most) = (Rng::keyed(seed, "adapter", 0, &param.name), (cols as f32).sqrt().recip());
                    ((0..rank * cols).map(|_| rng.between(-most, most)).collect(), vec![0.0; rows * rank])
                }
            };
            let [a, b] = [Value::upload(compute, &[rank, cols], a)?, Value::upload(compute, &[rows, rank], b)?];
            let [a_name, b_name] = names(&param.name);
            state = state.with(a_name, Leaf::new(a, 1.0)).with(b_name, Leaf::new(b, 1.0));
        }
        Ok(state)
    }

    /// The parameters with their adapters folded in; what masks prune is as it was.
    pub fn merged(&self, state: &State) -> Result<Params, ExecError> {
        let extra = state.extra.iter().map(|(name, leaf)| (name.clone(), leaf.value.clone())).collect();
        self.adapted(&state.params, &extra, |id| Some(self.keep[&id].clone()))
    }

    fn adapted(
        &self,
        params: &Params,
        extra: &BTreeMap<String, Value>,
        keep: impl Fn(ParamId) -> Option<Tensor<2>>,
    ) -> Result<Params, ExecError> {
        let mut adapted = BTreeMap::new();
        for id in self.keep.keys() {
            let (param, value) = (self.graph.param(*id), params.get(self.graph, *id)?);
            let [a, b] = names(&param.name).map(|name| match extra.get(&name) {
                Some(Value::R2(factor)) => Ok(factor.clone()),
                _ => Err(ExecError::Missing { name }),
            });
            let weight = effective(self.kind, self.scale, value.matrix(param.matrix()), a?, b?, keep(*id));
            adapted.insert(*id, value.like(weight));
        }
        Ok(params.with(&adapted))
    }
}

impl View for Adapters<'_> {
    fn seen(&self, _: u64, params: &Params, extra: &BTreeMap<String, Value>) -> Result<Seen, ExecError> {
        let keep = |id| (self.kind != Kind::Late).then(|| self.keep[&id].clone().autodiff());
        Ok(Seen { params: self.adapted(params, extra, keep)?, gates: Gates::default(), penalty: None })
    }
}

/// A weight [R, C] with its adapter; without a mask all entries take part.
fn effective(
    kind: Kind,
    scale: f64,
    weight: Tensor<2>,
    a: Tensor<2>,
    b: Tensor<2>,
    keep: Option<Tensor<2>>,
) -> Tensor<2> {
    let product = b.matmul(a);
    if kind == Kind::Scale {
        return weight * product;
    }
    let product = match keep {
        Some(keep) => product * keep,
        None => product,
    };
    weight + product * scale
}

fn names(param: &str) -> [String; 2] {
    [format!("{param}.lora_a"), format!("{param}.lora_b")]
}

#[cfg(test)]
mod tests {
    use secateur_exec::Compute;

    use super::*;
    use crate::parts::golden::{self, numbers, tensor};

    fn read(tensor: Tensor<2>) -> Vec<f32> {
        pollster::block_on(Value::R2(tensor).read()).unwrap()
    }

    #[test]
    fn adapters_answer_as_the_references() {
        let json = &golden::sparse()["adapters"];
        let [rows, cols] = golden::shape(json);
        let rank = json["rank"].as_u64().unwrap() as usize;
        let scale = json["alpha"].as_f64().unwrap() / rank as f64;
        let [weight, keep] = ["weight", "mask"].map(|key| tensor(&json[key], [rows, cols]));
        let (a, b) = (tensor(&json["a"], [rank, cols]), tensor(&json["b"], [rows, rank]));
        let x = tensor(&json["x"], [3, cols]);
        for (kind, masked, key) in [
            (Kind::Mask, true, "mask_lora"),
            (Kind::Scale, true, "scale_lora"),
            (Kind::Late, false, "late_seen"),
            (Kind::Late, true, "late_merged"),
        ] {
            let keep = masked.then(|| keep.clone());
            let found = effective(kind, scale, weight.clone(), a.clone(), b.clone(), keep);
            let found = read(x.clone().matmul(found.transpose()));
            let worst = found
                .iter()
                .zip(numbers(&json[key]))
                .map(|(a, b)| (a - b).abs() / b.abs().max(1.0))
                .fold(0.0, f32::max);
            assert!(worst < 1e-5, "{key}: {worst:e}");
        }
    }

    /// Whatever the rank, and where it is more than a weight has.
    #[test]
    fn before_the_first_step_nothing_changes() {
        let compute = Compute::cpu(String::new());
        let graph = crate::tests::world::lenet().unwrap();
        let params = Params::init(&compute, &graph, 3).unwrap();
        let mut masks = Masks::default();
        for id in graph.prunable() {
            let len = graph.param(id).len();
            masks.set(&graph, id, secateur_graph::Mask::from_kept((0..len).map(|at| at % 3 > 0))).unwrap();
        }
        let params = params.masked(&compute, &graph, &masks).unwrap();
        for (kind, rank) in [(Kind::Mask, 4), (Kind::Scale, 1), (Kind::Scale, 5), (Kind::Late, 64)] {
            let adapters = Adapters::new(&compute, &graph, &masks, kind, rank, 32.0);
            let state = adapters.begin(&compute, State::new(&graph, params.clone()), 1).unwrap();
            let merged = adapters.merged(&state).unwrap();
            for id in graph.param_ids() {
                let [now, before] =
                    [&merged, &params].map(|params| pollster::block_on(params.read(&graph, id)).unwrap());
                let near = |(a, b): (&f32, &f32)| (a - b).abs() <= 1e-6 * b.abs();
                assert!(now.iter().zip(&before).all(near), "{kind:?} {}", graph.param(id).name);
            }
        }
    }
}
