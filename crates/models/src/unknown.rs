//! Files of an architecture that is not known here: a list of tensors, to be looked at and cut, but not run.

use secateur_formats::safetensors::Dtype;
use secateur_graph::ops::Loose;
use secateur_graph::{Builder, Graph, GraphError};
use serde_json::{Value, json};

use crate::error::listed;
use crate::{Model, ModelError, Task, Tensors};
use secateur_graph::grouped;

/// The file as loose tensors; `why` its architecture is not known. A file without numbers to look at is refused.
pub fn model(tensors: &Tensors, config: Option<&Value>, why: &ModelError) -> Result<Option<Model>, ModelError> {
    let (graph, unused) = graph(tensors)?;
    if graph.outputs.is_empty() {
        return Ok(None);
    }
    let (count, params) = (grouped(graph.params.len() as u64), grouped(graph.params_total()));
    let left_out = listed("; not looked at: ", &unused, Clone::clone).unwrap_or_default();
    Ok(Some(Model {
        family: "unknown",
        verdict: format!(
            "A model of unknown architecture with {count} tensors, {params} entries: its weights can be looked at and cut \
             by their size, but it cannot be run, so nothing that needs its answers works{left_out}. ({why})"
        ),
        task: Task::Unknown,
        labels: Vec::new(),
        pictures: None,
        config: config.cloned().unwrap_or_else(|| json!({})),
        graph,
    }))
}

/// One node for each tensor of numbers, a block each, and the names of the rest.
fn graph(tensors: &Tensors) -> Result<(Graph, Vec<String>), GraphError> {
    let mut g = Builder::default();
    let (mut last, mut unused) = (None, Vec::new());
    for tensor in tensors.iter() {
        if matches!(tensor.dtype, Dtype::F32 | Dtype::F16 | Dtype::BF16) && !tensor.shape.contains(&0) {
            g.block();
            last = Some(g.add(&tensor.name, Loose { shape: tensor.shape.clone() }, &[])?);
        } else {
            unused.push(tensor.name.clone());
        }
    }
    Ok((g.finish_with(last.map(|last| ("nothing", last)).as_slice()), unused))
}
