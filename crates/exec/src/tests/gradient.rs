//! Gradients through every operation against differences of the loss.

use burn::tensor::Tensor;
use secateur_graph::Graph;

use super::{cpu, numbers, random_params, read, tiny_cnn, tiny_vit};
use crate::value::each_rank;
use crate::{Params, Value, forward};

/// Sum of answers times fixed numbers: every answer counts, none the same.
fn loss(graph: &Graph, params: &Params, x: &Value) -> Tensor<1> {
    let Value::R2(answers) = forward(graph, params, x.clone(), &mut ()).unwrap() else { panic!("not classes") };
    let [samples, classes] = answers.dims();
    let Ok(Value::R2(weights)) = Value::upload(&cpu(), &[samples, classes], numbers(samples * classes, "weights"))
    else {
        panic!("not a matrix")
    };
    (answers * weights).sum()
}

fn check(graph: &Graph, shape: &[usize]) {
    let x = Value::upload(&cpu(), shape, numbers(shape.iter().product(), "input")).unwrap();
    let params = random_params(graph);
    let value_of = |params: &Params| pollster::block_on(Value::R1(loss(graph, params, &x)).read()).unwrap()[0];
    let leaves = Params(
        params.0.iter().cloned().map(|value| value.map(|v| each_rank!(v, t -> t.autodiff().require_grad()))).collect(),
    );
    let mut gradients = loss(graph, &leaves, &x).backward();
    for id in graph.param_ids() {
        let param = graph.param(id);
        let gradient = each_rank!(leaves.get(graph, id).unwrap(), leaf -> leaf.grad_remove(&mut gradients).unwrap());
        let gradient = pollster::block_on(gradient.read()).unwrap();
        let at = param.len() / 2;
        let nudged = |by: f32| {
            let mut data = read(&params, graph, &param.name);
            data[at] += by;
            let mut params = params.clone();
            params.upload(&cpu(), graph, id, data).unwrap();
            value_of(&params)
        };
        let step = 1e-2;
        let slope = (nudged(step) - nudged(-step)) / (2.0 * step);
        let got = gradient[at];
        assert!((got - slope).abs() < 0.02 * slope.abs().max(0.5), "{}: wanted {slope}, got {got}", param.name);
    }
}

#[test]
fn of_every_transformer_parameter() {
    check(&tiny_vit(), &[2, 2, 4, 4]);
}

#[test]
fn of_every_convolutional_parameter() {
    check(&tiny_cnn(), &[2, 1, 6, 6]);
}
