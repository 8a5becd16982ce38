use std::collections::BTreeMap;

use burn::tensor::{Tensor, TensorData};
use secateur_graph::Graph;

use crate::forward::outputs;
use crate::value::each_rank;
use crate::{Compute, ExecError, Inputs, Params, Value};

/// Gradients of sum(output * weight) over the outputs named in `weights` (one number per entry of the output, row by
/// row), with respect to every parameter. Parameters that the outputs do not follow from have none.
pub fn backward(
    compute: &Compute,
    graph: &Graph,
    params: &Params,
    inputs: Inputs,
    weights: &BTreeMap<String, Vec<f32>>,
) -> Result<Params, ExecError> {
    let tracked = params.tracked();
    let mut sums: Vec<Tensor<1>> = Vec::new();
    for (name, output) in outputs(graph, &tracked, inputs)? {
        let Some(weight) = weights.get(&name) else { continue };
        sums.push(each_rank!(output, output => weighted(compute, output, weight))?);
    }
    let missing = || ExecError::Missing { name: weights.keys().cloned().collect::<Vec<_>>().join(", ") };
    let loss = sums.into_iter().reduce(|a, b| a + b).ok_or_else(missing)?;
    Ok(gradients_of(&tracked, &loss))
}

/// Gradients of a loss with respect to leaves; none where it does not depend on one.
pub(crate) fn gradients_of(leaves: &Params, loss: &Tensor<1>) -> Params {
    let mut gradients = loss.backward();
    let mut gradient = |leaf: &Option<Value>| leaf.as_ref().and_then(|leaf| leaf.take_gradient(&mut gradients));
    Params::of(leaves.values.iter().map(&mut gradient).collect())
}

fn weighted<const D: usize>(compute: &Compute, output: Tensor<D>, weight: &[f32]) -> Result<Tensor<1>, ExecError> {
    let shape = output.dims();
    if shape.iter().product::<usize>() != weight.len() {
        let (want, got) = (format!("a weight for each of {shape:?}"), format!("{}", weight.len()));
        return Err(ExecError::Shape { op: "backward", node: "an output".into(), want, got });
    }
    let weight = Tensor::<D>::from_data(TensorData::new(weight.to_vec(), shape), compute.device());
    Ok((output * weight.autodiff()).sum())
}
