use secateur_graph::{Graph, Op};
use secateur_protocol::Unit;

use crate::{Compute, ExecError, Meter, Params, Value, forward};

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
    let input = batch(compute, graph, inputs, samples)?;
    let answers = forward(graph, params, input, &mut ())?.read().await;
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

/// Inputs as the value of the graph's input node: batch axis first.
pub(crate) fn batch(compute: &Compute, graph: &Graph, inputs: &[f32], samples: usize) -> Result<Value, ExecError> {
    let mut shape = vec![samples];
    shape.extend(input_shape(graph));
    if samples == 0 || shape.iter().product::<usize>() != inputs.len() {
        return Err(ExecError::Shape {
            op: "Input",
            node: graph.nodes.first().map_or(String::new(), |node| node.name.clone()),
            want: format!("at least one sample, {shape:?} numbers in all"),
            got: format!("{} numbers", inputs.len()),
        });
    }
    Value::upload(compute, &shape, inputs.to_vec())
}

/// Shape of one sample.
pub(crate) fn input_shape(graph: &Graph) -> &[usize] {
    let input = graph.nodes.iter().find(|node| matches!(node.op, Op::Input(_)));
    input.map_or(&[], |node| &node.shape)
}
