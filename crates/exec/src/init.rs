use secateur_graph::ops::{Conv2d, Linear, Recurrent};
use secateur_graph::{Graph, Op, Param, Role};

use crate::rng::Rng;
use crate::{Compute, ExecError, Params};

impl Params {
    /// Fresh parameters to train from, the same for the same seed.
    ///
    /// Transformers start as Hugging Face's do: weights, tokens and positions from a normal of deviation 0.02 cut at two
    /// deviations. Convolutional nets start as He et al. (2015): deviation sqrt(2 / inputs). Diffusion's U-Nets and recurrent
    /// layers start with the deviations of torch.nn, sqrt(1 / (3 * inputs)), and embeddings with its 1: a U-Net that hardly
    /// hears its classes learns for long to draw any digit before it draws the right one. Biases are 0, norms are the
    /// identity.
    pub fn init(compute: &Compute, graph: &Graph, seed: u64) -> Result<Self, ExecError> {
        let transformer = is_transformer(graph);
        let mut params = Self::empty(graph);
        for id in graph.param_ids() {
            let param = graph.param(id);
            let mut rng = Rng::keyed(seed, "init", 0, &param.name);
            let data = match param.role {
                Role::Weight if !transformer => normal(&mut rng, param.len(), deviation(graph, param)),
                Role::Embedding if !transformer => normal(&mut rng, param.len(), 1.0),
                Role::Weight | Role::Embedding => normal(&mut rng, param.len(), 0.02),
                Role::Norm | Role::Statistic if is_scale(graph, param) => vec![1.0; param.len()],
                Role::Norm | Role::Statistic | Role::Bias => vec![0.0; param.len()],
            };
            params.upload(compute, graph, id, data)?;
        }
        Ok(params)
    }
}

/// Whether features are multiplied or divided by it, and not shifted.
fn is_scale(graph: &Graph, param: &Param) -> bool {
    let scale = |ending: &&str| param.name.ends_with(*ending);
    matches!(graph.node(param.node).op, Op::LayerScale(_)) || ["weight", "running_var"].iter().any(scale)
}

/// A U-Net attends too, among convolutions and group norms.
fn is_transformer(graph: &Graph) -> bool {
    has(graph, |op| matches!(op, Op::Attention(_))) && has(graph, |op| matches!(op, Op::LayerNorm(_) | Op::RmsNorm(_)))
}

fn has(graph: &Graph, wanted: fn(&Op) -> bool) -> bool {
    graph.nodes.iter().any(|node| wanted(&node.op))
}

/// Of the weights of anything but a transformer.
fn deviation(graph: &Graph, param: &Param) -> f32 {
    // Numbers that one output adds up.
    let inputs = match &graph.node(param.node).op {
        Op::Recurrent(Recurrent { hidden, .. }) => return (1.0 / (3 * hidden) as f32).sqrt(),
        Op::Linear(Linear { inputs, .. }) => *inputs,
        Op::Conv2d(conv @ Conv2d { kernel, .. }) => conv.inputs_each() * kernel * kernel,
        _ => param.matrix().1,
    };
    let gain = if has(graph, |op| matches!(op, Op::GroupNorm(_))) { 1.0 / 3.0 } else { 2.0 };
    (gain / inputs as f32).sqrt()
}

/// Normal numbers of the given deviation, none beyond two deviations.
fn normal(rng: &mut Rng, len: usize, deviation: f32) -> Vec<f32> {
    let mut draw = || {
        loop {
            let x = rng.normal();
            if x.abs() <= 2.0 {
                return x * deviation;
            }
        }
    };
    (0..len).map(|_| draw()).collect()
}
