use secateur_graph::ops::{Conv2d, Linear};
use secateur_graph::{Graph, Op, Param, Role};

use crate::rng::Rng;
use crate::{Compute, ExecError, Params};

impl Params {
    /// Fresh parameters to train from, the same for the same seed.
    ///
    /// Models with attention start as Hugging Face's ViT does: weights, tokens and positions from a normal of
    /// deviation 0.02 cut at two deviations. Others start as He et al. (2015): deviation sqrt(2 / inputs).
    /// Biases are 0, norms are the identity.
    pub fn init(compute: &Compute, graph: &Graph, seed: u64) -> Result<Self, ExecError> {
        let vit = graph.nodes.iter().any(|node| matches!(node.op, Op::Attention(_)));
        let mut params = Self::empty(graph);
        for id in graph.param_ids() {
            let param = graph.param(id);
            let mut rng = Rng::keyed(seed, "init", 0, &param.name);
            let data = match param.role {
                Role::Weight if !vit => normal(&mut rng, param.len(), (2.0 / inputs(graph, param) as f32).sqrt()),
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

/// Numbers that one output adds up.
fn inputs(graph: &Graph, param: &Param) -> usize {
    match &graph.node(param.node).op {
        Op::Linear(Linear { inputs, .. }) => *inputs,
        Op::Conv2d(conv @ Conv2d { kernel, .. }) => conv.inputs_each() * kernel * kernel,
        _ => param.matrix().1,
    }
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
