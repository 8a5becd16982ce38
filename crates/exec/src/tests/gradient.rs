//! Gradients against differences of the loss. Those of every op are held beside PyTorch's in the families' goldens.

use std::collections::BTreeMap;

use secateur_graph::Graph;

use super::{cpu, numbers, random_params, read, tiny_cnn, tiny_vit};
use crate::logits::{batch, input_shape};
use crate::{Params, backward, forward};

const SAMPLES: usize = 2;

fn check(graph: &Graph) {
    let data = numbers(SAMPLES * input_shape(graph).iter().product::<usize>(), "input");
    let inputs = || batch(&cpu(), graph, &data, SAMPLES).unwrap();
    let params = random_params(graph);
    let answers =
        |params: &Params| pollster::block_on(forward(graph, params, inputs(), &mut ()).unwrap().read()).unwrap();
    // Every answer counts, none the same.
    let weights = numbers(answers(&params).len(), "weights");
    let loss =
        |params: &Params| answers(params).iter().zip(&weights).map(|(answer, weight)| answer * weight).sum::<f32>();

    let all = BTreeMap::from([("logits".to_string(), weights.clone())]);
    let gradients = backward(&cpu(), graph, &params, inputs(), &all).unwrap();
    for id in graph.param_ids() {
        let param = graph.param(id);
        let at = param.len() / 2;
        let nudged = |by: f32| {
            let mut data = read(&params, graph, &param.name);
            data[at] += by;
            let mut params = params.clone();
            params.upload(&cpu(), graph, id, data).unwrap();
            loss(&params)
        };
        let step = 1e-2;
        let slope = (nudged(step) - nudged(-step)) / (2.0 * step);
        let got = read(&gradients, graph, &param.name)[at];
        assert!((got - slope).abs() < 0.02 * slope.abs().max(0.5), "{}: wanted {slope}, got {got}", param.name);
    }
}

#[test]
fn of_every_transformer_parameter() {
    check(&tiny_vit());
}

#[test]
fn of_every_convolutional_parameter() {
    check(&tiny_cnn());
}

#[test]
fn of_an_output_that_is_not_there() {
    let (graph, params) = (tiny_cnn(), random_params(&tiny_cnn()));
    let inputs = batch(&cpu(), &graph, &[0.0; 36], 1).unwrap();
    let error =
        backward(&cpu(), &graph, &params, inputs, &BTreeMap::from([("hidden".to_string(), vec![])])).unwrap_err();
    assert!(error.to_string().contains("hidden"), "{error}");
}
