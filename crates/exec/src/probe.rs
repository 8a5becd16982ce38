use secateur_graph::{Graph, GraphError, Node, Op};

use crate::rng::Rng;
use crate::{Compute, ExecError, Inputs};

/// Tokens of a probing text, at most: models answer long texts slowly.
const TOKENS: usize = 64;

/// Diffusion models count their noise levels from 0 to this.
const TIMESTEPS: usize = 1000;

/// The same model on texts that are short enough to probe it with.
pub fn shortened(graph: &Graph) -> Result<Graph, GraphError> {
    let sizes: Vec<_> = graph.inputs().map(|node| (node.name.clone(), node.shape.clone())).collect();
    graph.resized(|name| match sizes.iter().find(|(input, _)| input == name) {
        Some((_, shape)) if shape.len() == 1 => Some(vec![shape[0].min(TOKENS)]),
        _ => None,
    })
}

/// Inputs that mean nothing, for models without data of their own: normal numbers, entries of tables, noise levels.
/// The same for the same seed; they only serve to compare models with each other.
pub fn probe(compute: &Compute, graph: &Graph, seed: u64, samples: usize) -> Result<Inputs, ExecError> {
    drawn(compute, graph, seed, samples, None)
}

/// [`probe`] with texts of some of the tokens only: what a model that has just these draws for itself, by the numbers that
/// they have here.
pub fn probe_among(
    compute: &Compute,
    graph: &Graph,
    seed: u64,
    samples: usize,
    tokens: &[usize],
) -> Result<Inputs, ExecError> {
    drawn(compute, graph, seed, samples, Some(tokens))
}

fn drawn(
    compute: &Compute,
    graph: &Graph,
    seed: u64,
    samples: usize,
    tokens: Option<&[usize]>,
) -> Result<Inputs, ExecError> {
    let table = graph.token_table().map(|id| graph.node(graph.param(id).node));
    let is_text = |node: &Node| table.is_some_and(|table| graph.node(table.inputs[0]).name == node.name);
    let mut inputs = Inputs::default();
    for node in graph.inputs() {
        let mut rng = Rng::keyed(seed, "probe", 0, &node.name);
        let len = samples * node.shape.iter().product::<usize>();
        let data = match entries(graph, node) {
            Some(_) if let Some(tokens) = tokens.filter(|_| is_text(node)) => {
                (0..len).map(|_| tokens[rng.below(tokens.len())] as f32).collect()
            }
            Some(entries) => (0..len).map(|_| rng.below(entries) as f32).collect(),
            None if node.shape.is_empty() => (0..len).map(|_| rng.below(TIMESTEPS) as f32).collect(),
            None => (0..len).map(|_| rng.normal()).collect(),
        };
        inputs.upload(compute, graph, &node.name, samples, data)?;
    }
    Ok(inputs)
}

/// Rows of the smallest table that an input is looked up in.
pub fn entries(graph: &Graph, input: &Node) -> Option<usize> {
    let reads = |node: &Node| node.inputs.iter().any(|id| graph.node(*id).name == input.name);
    let tables = graph.nodes.iter().filter(|node| reads(node)).filter_map(|node| match &node.op {
        Op::Embedding(table) => Some(table.entries),
        _ => None,
    });
    tables.min()
}
