//! Batch norms in training, beside PyTorch's (tests/golden/batch_norm.py).

use secateur_graph::{Builder, Graph, ops};

use super::{cpu, read};
use crate::logits::batch;
use crate::{ExecError, Gates, Params, Value, forward, forward::forward_learning};

fn net(side: usize) -> Graph {
    let mut g = Builder::default();
    let image = g.add("image", ops::Input::new(&[1, side, side]), &[]).unwrap();
    let conv = ops::Conv2d { inputs: 1, outputs: 2, kernel: 2, stride: 1, padding: 0, groups: 1, bias: true };
    let x = g.add("conv", conv, &[image]).unwrap();
    let x = g.add("norm", ops::BatchNorm { channels: 2, eps: 1e-3 }, &[x]).unwrap();
    g.finish(x)
}

fn params(graph: &Graph) -> Params {
    let values = [
        ("conv.weight", sequence(8, 5, 7, 3)),
        ("conv.bias", vec![0.5, -0.25]),
        ("norm.weight", vec![1.5, -0.5]),
        ("norm.bias", vec![0.25, 1.0]),
        ("norm.running_mean", vec![0.1, -0.2]),
        ("norm.running_var", vec![2.0, 0.5]),
    ];
    let mut params = Params::empty(graph);
    for (name, values) in values {
        params.upload(&cpu(), graph, graph.find_param(name).unwrap(), values).unwrap();
    }
    params
}

fn sequence(count: usize, times: usize, modulo: usize, less: i32) -> Vec<f32> {
    (0..count).map(|at| (((times * at) % modulo) as i32 - less) as f32 / 4.0).collect()
}

fn close(name: &str, got: &[f32], want: &[f32]) {
    assert_eq!(got.len(), want.len(), "{name}");
    let far = got.iter().zip(want).find(|(got, want)| (*got - *want).abs() > 2e-5);
    assert_eq!(far, None, "{name}: wanted {want:?}, got {got:?}");
}

#[test]
fn a_training_step_is_pytorchs() {
    let graph = net(3);
    let params = params(&graph);
    let tracked = params.tracked();
    let inputs = batch(&cpu(), &graph, &sequence(27, 7, 11, 5), 3).unwrap();
    let (answers, statistics) = forward_learning(&graph, &tracked, &Gates::default(), inputs, &[]).unwrap();
    let [answers] = <[Value; 1]>::try_from(answers).unwrap();
    let wanted = Value::upload(&cpu(), &[3, 2, 2, 2], sequence(24, 3, 13, 6)).unwrap();
    let (Value::R4(answers), Value::R4(wanted)) = (answers, wanted) else { panic!("pictures have four axes") };
    let loss = (answers - wanted).square().mean();
    let mut gradients = loss.backward();
    let loss = pollster::block_on(Value::R1(loss.inner()).read()).unwrap();
    close("loss", &loss, &[2.504608]);

    let mut after = params.clone();
    for (id, value) in statistics {
        after.values[id.0 as usize] = Some(value);
    }
    close("running mean", &read(&after, &graph, "norm.running_mean"), &[0.1373958, -0.2216667]);
    close("running variance", &read(&after, &graph, "norm.running_var"), &[1.859265, 0.5473958]);

    let leaves = tracked.values.iter().map(|leaf| leaf.as_ref().and_then(|leaf| leaf.take_gradient(&mut gradients)));
    let gradients = Params::of(leaves.collect());
    let conv = [-0.4887689, -0.1459958, 0.5458095, 0.5800012, -0.1375762, 0.2070208, 0.03065024, -0.07925264];
    close("gradient of the convolution", &read(&gradients, &graph, "conv.weight"), &conv);
    close("gradient of the scale", &read(&gradients, &graph, "norm.weight"), &[1.298246, -0.6256907]);
    close("gradient of the shift", &read(&gradients, &graph, "norm.bias"), &[0.3125, 1.041667]);
}

/// Outside training a picture's answer does not depend on those beside it.
#[test]
fn elsewhere_running_statistics_hold() {
    let graph = net(3);
    let pictures = sequence(27, 7, 11, 5);
    let answer = |pictures: &[f32], n| {
        let inputs = batch(&cpu(), &graph, pictures, n).unwrap();
        pollster::block_on(forward(&graph, &params(&graph), inputs, &mut ()).unwrap().read()).unwrap()
    };
    close("the first picture", &answer(&pictures[..9], 1), &answer(&pictures, 3)[..8]);
}

#[test]
fn one_number_of_each_channel_teaches_nothing() {
    let graph = net(2);
    let inputs = batch(&cpu(), &graph, &[1.0, 2.0, 3.0, 4.0], 1).unwrap();
    let error = forward_learning(&graph, &params(&graph).tracked(), &Gates::default(), inputs, &[]).unwrap_err();
    assert!(matches!(&error, ExecError::Shape { op: "BatchNorm", .. }), "{error}");
}
