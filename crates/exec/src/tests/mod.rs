//! Everything runs on flex here; the same checks on a GPU are in the kernels crate and in the browser's tests.

mod batch_norm;
mod calibrate;
mod chain;
mod courses;
mod gpu;
mod gradient;
mod gradients;
mod learn;
mod memory;
mod operations;
mod packed;
mod params;
mod text;
mod train;

use secateur_graph::{Builder, Graph, NodeId, Op, ops};

use crate::rng::Rng;
use crate::{Compute, Params};

fn cpu() -> Compute {
    Compute::cpu("a test".into())
}

/// Standard normal numbers.
fn numbers(len: usize, name: &str) -> Vec<f32> {
    let mut rng = Rng::keyed(1, "test", 0, name);
    (0..len).map(|_| rng.normal()).collect()
}

/// Parameters of normal numbers, each keyed by its name.
fn random_params(graph: &Graph) -> Params {
    let mut params = Params::empty(graph);
    for id in graph.param_ids() {
        let param = graph.param(id);
        params.upload(&cpu(), graph, id, numbers(param.len(), &param.name)).unwrap();
    }
    params
}

fn read(params: &Params, graph: &Graph, name: &str) -> Vec<f32> {
    pollster::block_on(params.read(graph, graph.find_param(name).unwrap())).unwrap()
}

/// Sizes of the tiny transformer: it has every op that ViTs need.
const VIT_CLASSES: usize = 3;

/// A ViT of width 4 on pictures of 2 x 4 x 4.
fn tiny_vit() -> Graph {
    let mut g = Builder::default();
    let add = |g: &mut Builder, name: &str, op: Op, inputs: &[NodeId]| g.add(name, op, inputs).unwrap();
    let linear = |inputs, outputs| ops::Linear::new(inputs, outputs, true).into();
    let norm = || ops::LayerNorm::new(4, 1e-12).into();
    let image = add(&mut g, "image", ops::Input::new(&[2, 4, 4]).into(), &[]);
    g.block();
    let patch = ops::Conv2d { inputs: 2, outputs: 4, kernel: 2, stride: 2, padding: 0, groups: 1, bias: true };
    let x = add(&mut g, "patch", patch.into(), &[image]);
    let x = add(&mut g, "tokens", ops::ToTokens.into(), &[x]);
    let x = add(&mut g, "cls", ops::PrependToken::one(4).into(), &[x]);
    let x = add(&mut g, "position", ops::AddPosition::parameter(5, 4).into(), &[x]);
    g.block();
    let n = add(&mut g, "before", norm(), &[x]);
    let q = add(&mut g, "query", linear(4, 4), &[n]);
    let k = add(&mut g, "key", linear(4, 4), &[n]);
    let v = add(&mut g, "value", linear(4, 4), &[n]);
    let a = add(&mut g, "attention", ops::Attention::full(2, 2).into(), &[q, k, v]);
    let a = add(&mut g, "output", linear(4, 4), &[a]);
    let x = add(&mut g, "residual", ops::Add.into(), &[x, a]);
    let n = add(&mut g, "after", norm(), &[x]);
    let h = add(&mut g, "up", linear(4, 8), &[n]);
    let h = add(&mut g, "gelu", ops::Activation::Gelu.into(), &[h]);
    let h = add(&mut g, "down", linear(8, 4), &[h]);
    let x = add(&mut g, "residual2", ops::Add.into(), &[x, h]);
    g.block();
    let x = add(&mut g, "pick", ops::SelectToken { index: 0 }.into(), &[x]);
    let x = add(&mut g, "classifier", linear(4, VIT_CLASSES), &[x]);
    g.finish(x)
}

/// conv 3x3 -> ReLU -> pool -> flatten -> linear on pictures of 1 x 6 x 6.
fn tiny_cnn() -> Graph {
    let mut g = Builder::default();
    let image = g.add("image", ops::Input::new(&[1, 6, 6]), &[]).unwrap();
    g.block();
    let conv = ops::Conv2d { inputs: 1, outputs: 4, kernel: 3, stride: 1, padding: 1, groups: 1, bias: true };
    let x = g.add("conv", conv, &[image]).unwrap();
    let x = g.add("relu", ops::Activation::Relu, &[x]).unwrap();
    let x = g.add("pool", ops::MaxPool2d::tiled(2), &[x]).unwrap();
    let x = g.add("flat", ops::Flatten, &[x]).unwrap();
    g.block();
    let x = g.add("fc", ops::Linear::new(36, 2, true), &[x]).unwrap();
    g.finish(x)
}
