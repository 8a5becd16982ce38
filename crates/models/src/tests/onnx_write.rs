//! ONNX files of every family and every op. What they compute is compared by tests/golden/onnx_out.py.

use std::collections::{BTreeMap, BTreeSet};
use std::io;

use pollster::block_on;
use secateur_formats::onnx::proto::GraphProto;
use secateur_formats::onnx::{Data, Tensor, decode};
use secateur_graph::ops::{
    Affine, AvgPool2d, BatchNorm, Cell, Conv2d, Input, LayerScale, Loose, MeanPlaces, Recurrent,
};
use secateur_graph::{Builder, Graph, Node, Op, ParamId};

use super::goldens::{golden, goldens};
use crate::onnx::export;

/// Every golden's graph, and one with the ops that none of them has.
fn graphs() -> Vec<Graph> {
    goldens().iter().map(|name| golden(name).graph).chain([rest()]).collect()
}

fn rest() -> Graph {
    let mut g = Builder::default();
    let x = g.add("image", Input::new(&[2, 4, 6]), &[]).unwrap();
    let x = g.add("conv", Conv2d::new(2, 3, 1), &[x]).unwrap();
    let x = g.add("pool", AvgPool2d { kernel: 2 }, &[x]).unwrap();
    let x = g.add("mean", MeanPlaces, &[x]).unwrap();
    let x = g.add("norm", BatchNorm { channels: 3, eps: 1e-5 }, &[x]).unwrap();
    let x = g.add("scale", LayerScale { features: 3 }, &[x]).unwrap();
    let image = g.add("halved", Affine { scale: 0.5, shift: 0.0 }, &[x]).unwrap();
    let relu = |bias| Recurrent { cell: Cell::Relu, inputs: 3, hidden: 2, bias, layer: 0, reverse: true };
    let x = g.add("tokens", Input::new(&[5, 3]), &[]).unwrap();
    let with = g.add("rnn", relu(true), &[x]).unwrap();
    let without = g.add("bare_rnn", relu(false), &[x]).unwrap();
    // A value that is an answer twice, and an input that is one.
    g.finish_with(&[("image", image), ("with", with), ("again", with), ("without", without), ("tokens", x)])
}

/// The file's graph, every parameter's entries being its number.
fn written(graph: &Graph) -> GraphProto {
    let (mut file, mut beside) = (Vec::new(), Vec::new());
    let values = async |id: ParamId| Ok::<_, io::Error>(vec![id.0 as f32; graph.param(id).len()]);
    block_on(export(graph, "model").unwrap().write(graph, &mut file, &mut beside, values)).unwrap();
    assert!(beside.is_empty());
    decode(file.into()).unwrap().1
}

#[test]
fn every_op_is_written_by_one_of_them() {
    let graphs = graphs();
    let met: BTreeSet<&str> = graphs.iter().flat_map(|graph| &graph.nodes).map(|node| node.op.name()).collect();
    let all: BTreeSet<&str> = Op::NAMES.iter().copied().filter(|name| *name != "Loose").collect();
    assert_eq!(met, all);
}

#[test]
fn parameters_are_as_the_checkpoint_stores_them() {
    for graph in graphs() {
        let file = written(&graph);
        let tensors: BTreeMap<_, _> =
            file.initializer.iter().map(|proto| (proto.name.as_str(), Tensor::read(proto).unwrap())).collect();
        for id in graph.param_ids() {
            let (param, tensor) = (graph.param(id), &tensors[graph.param(id).name.as_str()]);
            assert_eq!(tensor.shape, param.stored_shape(), "{}", param.name);
            assert_eq!(tensor.numbers().unwrap(), vec![id.0 as f32; param.len()], "{}", param.name);
        }
    }
}

#[test]
fn entries_come_in_the_checkpoints_order() {
    let graph = golden("gpt2").graph;
    let id = graph.find_param("transformer.h.0.mlp.c_fc.weight").unwrap();
    let param = graph.param(id);
    assert!(param.transposed);
    let mut file = Vec::new();
    let count = async |id: ParamId| Ok::<_, io::Error>((0..graph.param(id).len()).map(|at| at as f32).collect());
    block_on(export(&graph, "gpt2").unwrap().write(&graph, &mut file, &mut Vec::new(), count)).unwrap();
    let (_, file) = decode(file.into()).unwrap();
    let proto = file.initializer.iter().find(|proto| proto.name == param.name).unwrap();
    let stored = Tensor::read(proto).unwrap().numbers().unwrap();
    assert_eq!(stored[..2], [0.0, param.shape()[1] as f32]);
}

/// A value is given once, by an input, an initializer or an operator, and read after that only.
#[test]
fn names_are_unique_and_known() {
    for graph in graphs() {
        let file = written(&graph);
        let mut known: BTreeSet<&str> = file.initializer.iter().map(|proto| proto.name.as_str()).collect();
        assert_eq!(known.len(), file.initializer.len());
        // An optional input has a value and is an input.
        let optional: Vec<bool> = file.input.iter().map(|input| !known.insert(&input.name)).collect();
        assert_eq!(optional, graph.inputs().map(is_optional).collect::<Vec<_>>());
        let mut nodes = BTreeSet::new();
        for node in &file.node {
            assert!(nodes.insert(&node.name), "{} twice", node.name);
            assert!(node.input.iter().all(|input| input.is_empty() || known.contains(input.as_str())), "{node:?}");
            node.output.iter().for_each(|output| assert!(known.insert(output), "{output} twice"));
        }
        assert!(file.output.iter().all(|output| known.contains(output.name.as_str())));
        assert_eq!(file.output.len(), graph.outputs.len());
        for node in graph.nodes.iter().filter(|node| !node.inputs.is_empty()) {
            assert!(nodes.contains(&node.name), "{} is not in the file", node.name);
        }
    }
}

fn is_optional(node: &Node) -> bool {
    matches!(&node.op, Op::Input(input) if input.optional)
}

#[test]
fn large_weights_are_written_beside_the_file() {
    let mut g = Builder::default();
    let x = g.add("x", Input::new(&[1 << 14]), &[]).unwrap();
    let x = g.add("fc", secateur_graph::ops::Linear::new(1 << 14, (1 << 14) + 1, false), &[x]).unwrap();
    let export = export(&g.finish(x), "large").unwrap();
    assert_eq!(export.beside.as_deref(), Some("large.onnx.data"));
    let (_, file) = decode(export.layout.start.into()).unwrap();
    let Data::Beside(place) = Tensor::read(&file.initializer[0]).unwrap().data else { panic!("it is in the file") };
    assert_eq!((place.location.as_str(), place.range), ("large.onnx.data", 0..(4 << 14) * ((1 << 14) + 1)));
}

#[test]
fn a_model_that_cannot_run_is_refused() {
    let mut g = Builder::default();
    let x = g.add("mixer.weight", Loose { shape: vec![2, 3] }, &[]).unwrap();
    let error = export(&g.finish(x), "loose").unwrap_err().to_string();
    assert!(error.contains("mixer.weight") && error.contains("export a model of a known family"), "{error}");
}
