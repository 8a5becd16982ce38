//! Graphs out of ONNX files. What they compute is compared by tests/golden/onnx_in.py.

use std::collections::BTreeSet;
use std::io;

use pollster::block_on;
use proptest::prelude::*;
use proptest::sample::Index;
use secateur_formats::MemoryFile;
use secateur_formats::onnx::proto::{
    AttributeProto, DataLocation, DataType, Dimension, GraphProto, ModelProto, NodeProto, OperatorSetIdProto,
    StringStringEntryProto, TensorProto, TensorShapeProto, TensorType, TypeProto, ValueInfoProto, dimension,
};
use secateur_formats::onnx::{Layout, decode};
use secateur_formats::safetensors::read_f32;
use secateur_graph::ops::{Activation, Attention};
use secateur_graph::{Graph, Node, Op, ParamId};

use super::goldens::{golden, goldens};
use crate::onnx::{Imported, Onnx, export};
use crate::{ModelError, Task};

fn read(file: Vec<u8>) -> Result<Imported<MemoryFile>, ModelError> {
    let onnx = block_on(Onnx::open(MemoryFile::new(file)))?;
    block_on(onnx.import(Vec::new()))
}

/// A graph's file with its parameters' numbers counted through.
fn file_of(graph: &Graph) -> Vec<u8> {
    let mut file = Vec::new();
    let values =
        async |id: ParamId| Ok::<_, io::Error>((0..graph.param(id).len()).map(|at| (at as f32).sin()).collect());
    block_on(export(graph, "model").unwrap().write(graph, &mut file, &mut Vec::new(), values)).unwrap();
    file
}

/// A node in words: its place among the others, and what it holds.
fn line(graph: &Graph, node: &Node) -> String {
    let inputs: Vec<_> = node.inputs.iter().map(|id| &graph.node(*id).name).collect();
    let params: Vec<_> =
        node.params.iter().map(|id| graph.param(*id)).map(|param| (&param.name, &param.dims)).collect();
    // Angles may come out of other settings.
    let op = match &node.op {
        Op::Rotary(op) => format!("{:.4?} of {} heads", op.frequencies(), op.heads),
        op => format!("{op:?}"),
    };
    format!("{} {op} {inputs:?} {params:?} {:?}", node.name, node.shape)
}

#[test]
fn every_family_comes_back() {
    for name in goldens() {
        let want = golden(&name);
        let Imported { model: got, header, file } = read(file_of(&want.graph)).unwrap();
        let lines = |graph: &Graph| -> BTreeSet<String> { graph.nodes.iter().map(|node| line(graph, node)).collect() };
        let (ours, theirs) = (lines(&want.graph), lines(&got.graph));
        let lost: Vec<_> = ours.difference(&theirs).collect();
        let new: Vec<_> = theirs.difference(&ours).collect();
        assert!(lost.is_empty() && new.is_empty(), "{name}: {lost:#?} became {new:#?}");
        let outputs = |graph: &Graph| -> Vec<(String, String)> {
            graph.outputs.iter().map(|output| (output.name.clone(), graph.node(output.node).name.clone())).collect()
        };
        assert_eq!((outputs(&got.graph), got.task), (outputs(&want.graph), want.task), "{name}");
        for id in want.graph.param_ids() {
            let param = want.graph.param(id);
            let values: Vec<f32> = (0..param.len()).map(|at| (at as f32).sin()).collect();
            let stored = block_on(read_f32(&file, header.tensor(&param.name).unwrap())).unwrap();
            assert_eq!(param.from_stored(stored), values, "{name}: {}", param.name);
        }
    }
}

/// A size that is written in a file, or left open under a name.
fn dim(size: &str) -> Dimension {
    let named = || dimension::Value::DimParam(size.into());
    Dimension { value: Some(size.parse().map(dimension::Value::DimValue).unwrap_or_else(|_| named())) }
}

fn info(name: &str, element: DataType, sizes: &[&str]) -> ValueInfoProto {
    let shape = Some(TensorShapeProto { dim: sizes.iter().map(|size| dim(size)).collect() });
    let tensor_type = Some(TensorType { elem_type: element as i32, shape });
    ValueInfoProto { name: name.into(), r#type: Some(TypeProto { tensor_type }) }
}

/// An operator whose value goes by its name.
fn node(name: &str, kind: &str, inputs: &[&str]) -> NodeProto {
    let input = inputs.iter().map(|input| input.to_string()).collect();
    NodeProto { name: name.into(), op_type: kind.into(), input, output: vec![name.into()], ..NodeProto::default() }
}

/// Pictures [2, 4, 4] through these operators; `w` are two numbers.
fn model(nodes: Vec<NodeProto>) -> ModelProto {
    let graph = GraphProto {
        output: nodes.last().map(|last| info(&last.output[0], DataType::Float, &["n", "2"])).into_iter().collect(),
        input: vec![info("x", DataType::Float, &["n", "2", "4", "4"])],
        initializer: vec![TensorProto::of_f32("net.w", &[2, 1, 1], &[0.5, 2.0])],
        node: nodes,
        ..GraphProto::default()
    };
    let opset_import = vec![OperatorSetIdProto { version: 17, ..OperatorSetIdProto::default() }];
    ModelProto { ir_version: 8, opset_import, graph: Some(graph), ..ModelProto::default() }
}

fn read_model(model: ModelProto) -> Result<Imported<MemoryFile>, ModelError> {
    read(Layout::inline(model, &[]).start)
}

/// What is said when a file is not what it should be.
fn refused(change: impl FnOnce(&mut ModelProto)) -> String {
    let mut model = model(vec![node("y", "GlobalAveragePool", &["x"])]);
    change(&mut model);
    read_model(model).err().expect("it is refused").to_string()
}

#[test]
fn what_is_not_known_is_listed_by_operator_and_name() {
    let nodes = vec![node("a", "Einsum", &["x"]), node("b", "Softplus", &["x"]), node("y", "Add", &["a", "b"])];
    let Imported { model, header, .. } = read_model(model(nodes)).unwrap();
    assert_eq!(model.task, Task::Unknown);
    let want = "2 operators are not known here: Einsum at a (it is not known here), Softplus at b";
    assert!(model.verdict.contains(want), "{}", model.verdict);
    assert_eq!(header.tensors.iter().map(|tensor| tensor.name.as_str()).collect::<Vec<_>>(), ["net.w"]);
    // What nobody needs may be anything.
    let nodes = vec![node("a", "Einsum", &["x"]), node("y", "GlobalAveragePool", &["x"]), node("z", "Flatten", &["y"])];
    assert_eq!(read_model(self::model(nodes)).unwrap().model.task, Task::ImageClasses);
}

#[test]
fn each_fault_has_its_sentence() {
    let input = |sizes: &'static [&'static str]| {
        move |model: &mut ModelProto| {
            let graph = model.graph.as_mut().unwrap();
            graph.input = vec![info("x", DataType::Float, sizes)];
        }
    };
    let outside = |model: &mut ModelProto| {
        let tensor = &mut model.graph.as_mut().unwrap().initializer[0];
        tensor.data_location = DataLocation::External as i32;
        tensor.external_data = vec![StringStringEntryProto { key: "location".into(), value: "w.data".into() }];
    };
    for (said, sentence) in [
        (refused(|model| model.opset_import.clear()), "uses no version of the operators, wanted 11 to 24"),
        (refused(|model| model.opset_import[0].version = 99), "uses version 99 of the operators"),
        (refused(|model| model.graph = None), "the ONNX file names no outputs"),
        (refused(input(&["n", "2", "height", "4"])), "axis 2 of the input \"x\" is open or empty"),
        (refused(input(&["n", "2", "0", "4"])), "axis 2 of the input \"x\" is open or empty"),
        (refused(input(&[])), "the input \"x\" has no axis"),
        (refused(input(&["1000000", "2", "4000", "4"])), "numbers, wanted at most"),
        (refused(|model| model.graph.as_mut().unwrap().input[0].r#type = None), "the input \"x\" has no shape"),
        (refused(outside), "keeps tensor \"net.w\" in \"w.data\", which is not here"),
    ] {
        assert!(said.contains(sentence), "wanted {sentence:?} in {said:?}");
    }
    assert!(read(b"PK\x03\x04".to_vec()).err().unwrap().to_string().contains("cannot be decoded"));
}

#[test]
fn weights_beside_the_file_are_read_there() {
    let mut proto = model(vec![node("m", "ReduceMean", &["x", "places"]), node("y", "Mul", &["m", "w"])]);
    let graph = proto.graph.as_mut().unwrap();
    graph.initializer = vec![TensorProto::of_i64("places", &[2], &[2, 3])];
    graph.node[0].attribute = vec![AttributeProto { name: "keepdims".into(), ..AttributeProto::default() }];
    let weight = secateur_formats::onnx::Weight { name: "w".into(), shape: vec![2] };
    let onnx = block_on(Onnx::open(MemoryFile::new(Layout::beside(proto, &[weight], "w.data").start))).unwrap();
    assert_eq!(onnx.files_beside().unwrap(), BTreeSet::from(["w.data".to_string()]));
    let bytes: Vec<u8> = [3.0f32, 4.0].iter().flat_map(|number| number.to_le_bytes()).collect();
    let beside = vec![("w.data".to_string(), MemoryFile::new(bytes))];
    let Imported { model, header, file } = block_on(onnx.import(beside)).unwrap();
    let param = &model.graph.params[0];
    assert_eq!(block_on(read_f32(&file, header.tensor(&param.name).unwrap())).unwrap(), [3.0, 4.0]);
}

/// GELU as exporters wrote it before ONNX had it, in either order.
#[test]
fn formulas_become_operations() {
    let constants = [("half", 0.5), ("root", 2f32.sqrt()), ("one", 1.0)];
    let constants = constants.map(|(name, number)| TensorProto::of_f32(name, &[], &[number]));
    let orders: [[&[&str]; 2]; 2] = [[&["x", "half"], &["a", "d"]], [&["x", "half"], &["d", "a"]]];
    for [first, last] in orders {
        let mut proto = model(vec![
            node("a", "Mul", first),
            node("b", "Div", &["x", "root"]),
            node("c", "Erf", &["b"]),
            node("d", "Add", &["one", "c"]),
            node("gelu", "Mul", last),
            node("mean", "GlobalAveragePool", &["gelu"]),
            node("y", "Flatten", &["mean"]),
        ]);
        proto.graph.as_mut().unwrap().initializer.extend(constants.clone());
        let graph = read_model(proto).unwrap().model.graph;
        let ops: Vec<_> = graph.nodes.iter().map(|node| node.op.name()).collect();
        assert_eq!(ops, ["Input", "Activation", "MeanPlaces"]);
        assert_eq!(graph.nodes[1].op, Op::Activation(Activation::Gelu));
    }
}

#[test]
fn heads_masks_and_windows_are_found() {
    let graph = read(file_of(&golden("mistral").graph)).unwrap().model.graph;
    let attention = graph.nodes.iter().find_map(|node| match &node.op {
        Op::Attention(op) => Some(op.clone()),
        _ => None,
    });
    let Attention { heads, kv_heads, causal, window, .. } = attention.unwrap();
    assert!(heads > kv_heads && causal && window.is_some(), "{heads} {kv_heads} {causal} {window:?}");
}

#[derive(Clone, Debug)]
enum Damage {
    Kind(Index, Index),
    Input(Index, Index),
    NoInput(Index),
    Ints(Index, i64),
    Constant(Index, i64),
    Dims(Index, i64),
    Gone(Index),
}

fn damage() -> impl Strategy<Value = Damage> {
    let number = || prop::sample::select(vec![i64::MIN, -2, -1, 0, 1, 2, 3, 1 << 31, 1 << 62, i64::MAX]);
    prop_oneof![
        (any::<Index>(), any::<Index>()).prop_map(|(at, kind)| Damage::Kind(at, kind)),
        (any::<Index>(), any::<Index>()).prop_map(|(at, from)| Damage::Input(at, from)),
        any::<Index>().prop_map(Damage::NoInput),
        (any::<Index>(), number()).prop_map(|(at, number)| Damage::Ints(at, number)),
        (any::<Index>(), number()).prop_map(|(at, number)| Damage::Constant(at, number)),
        (any::<Index>(), number()).prop_map(|(at, number)| Damage::Dims(at, number)),
        any::<Index>().prop_map(Damage::Gone),
    ]
}

/// Operators that are known, and one that is not.
const KINDS: &str = "Add Sub Mul Div MatMul Gemm Conv Concat Split Slice Gather GatherND Reshape Transpose Squeeze Unsqueeze \
                     Expand Softmax ReduceMean ReduceL2 LayerNormalization BatchNormalization InstanceNormalization \
                     GlobalAveragePool MaxPool AveragePool Resize Pad LSTM GRU RNN Where Range ConstantOfShape Tile CumSum \
                     Trilu GatherElements Cast Shape Neg Pow Sqrt Erf Sigmoid Clip ArgMax Identity Flatten IsNaN Einsum";

impl Damage {
    fn apply(&self, graph: &mut GraphProto) {
        let count = graph.node.len();
        if count == 0 {
            return;
        }
        match self {
            Self::Kind(at, kind) => {
                let kinds: Vec<&str> = KINDS.split_whitespace().collect();
                graph.node[at.index(count)].op_type = kinds[kind.index(kinds.len())].into();
            }
            Self::Input(at, from) => {
                let names: Vec<String> = graph.node.iter().flat_map(|node| node.output.clone()).collect();
                if let Some(input) = graph.node[at.index(count)].input.last_mut() {
                    *input = names[from.index(names.len())].clone();
                }
            }
            Self::NoInput(at) => drop(graph.node[at.index(count)].input.pop()),
            Self::Ints(at, number) => {
                let all: Vec<_> = graph.node.iter_mut().flat_map(|node| &mut node.attribute).collect();
                let len = all.len().max(1);
                if let Some(attribute) = all.into_iter().nth(at.index(len)) {
                    attribute.i = *number;
                    attribute.ints.iter_mut().for_each(|int| *int = *number);
                }
            }
            Self::Constant(at, number) => {
                let whole = graph.initializer.iter_mut().filter(|tensor| tensor.data_type == DataType::Int64 as i32);
                let all: Vec<_> = whole.collect();
                let len = all.len().max(1);
                if let Some(tensor) = all.into_iter().nth(at.index(len)) {
                    let entries = tensor.raw_data.len() / 8;
                    tensor.raw_data = number.to_le_bytes().repeat(entries).into();
                }
            }
            Self::Dims(at, number) => {
                let len = graph.initializer.len().max(1);
                if let Some(size) = graph.initializer.get_mut(at.index(len)).and_then(|tensor| tensor.dims.first_mut())
                {
                    *size = *number;
                }
            }
            Self::Gone(at) => drop(graph.node.remove(at.index(count))),
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_damaged_model_gives_a_graph_or_a_sentence(
        name in prop::sample::select(vec!["llama", "qwen3", "lstm-classes", "unet2d-condition", "clip", "dit", "resnet-cifar"]),
        damages in prop::collection::vec(damage(), 1..4),
    ) {
        let (mut model, mut graph) = decode(file_of(&golden(name).graph).into()).unwrap();
        damages.iter().for_each(|damage| damage.apply(&mut graph));
        model.graph = Some(graph);
        match read_model(model) {
            Ok(Imported { model, header, file }) => {
                prop_assert!(model.verdict.contains(' '));
                for param in &model.graph.params {
                    let values = block_on(read_f32(&file, header.tensor(&param.name).unwrap()));
                    prop_assert!(values.map_or(0, |values| values.len()) <= param.len());
                }
            }
            Err(error) => prop_assert!(error.to_string().len() > 20, "{error}"),
        }
    }
}
