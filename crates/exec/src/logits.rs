use secateur_graph::Graph;
use secateur_protocol::Unit;

use crate::{Compute, ExecError, Inputs, Meter, Params, forward};

/// Samples that are run at once.
pub const BATCH: usize = 64;

/// The model's answers [samples, classes] for one batch of inputs [samples, ...], both row by row.
pub async fn logits(
    compute: &Compute,
    graph: &Graph,
    params: &Params,
    inputs: &[f32],
    samples: usize,
) -> Result<Vec<f32>, ExecError> {
    let inputs = batch(compute, graph, inputs, samples)?;
    let answers = forward(graph, params, inputs, &mut ())?.read().await;
    compute.check()?;
    answers
}

/// [`logits`] of any number of samples, [`BATCH`] at a time.
pub async fn logits_of(
    compute: &Compute,
    graph: &Graph,
    params: &Params,
    inputs: &[f32],
    samples: usize,
    meter: &dyn Meter,
) -> Result<Vec<f32>, ExecError> {
    let each = inputs.len().checked_div(samples).unwrap_or(0);
    let mut answers = Vec::new();
    for start in (0..samples).step_by(BATCH) {
        meter.tick(start as u64, samples as u64, Unit::Samples).await?;
        let end = samples.min(start + BATCH);
        answers.extend(logits(compute, graph, params, &inputs[start * each..end * each], end - start).await?);
    }
    Ok(answers)
}

/// Inputs of a model that takes one thing, as the value of its input node: batch axis first.
pub(crate) fn batch(compute: &Compute, graph: &Graph, data: &[f32], samples: usize) -> Result<Inputs, ExecError> {
    let name = graph.inputs().next().map_or("", |node| &node.name);
    let mut inputs = Inputs::default();
    inputs.upload(compute, graph, name, samples, data.to_vec())?;
    Ok(inputs)
}

/// Shape of one sample.
pub(crate) fn input_shape(graph: &Graph) -> &[usize] {
    graph.inputs().next().map_or(&[], |node| &node.shape)
}
