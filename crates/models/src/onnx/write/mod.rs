//! A graph as ONNX operators. One file for each kind of arithmetic, as the executor has them.

mod attention;
mod body;
mod elementwise;
mod norms;
mod places;
mod recurrent;
mod tokens;

use std::io::{self, Write};

use secateur_formats::onnx::proto::{
    DataType, Dimension, GraphProto, ModelProto, OperatorSetIdProto, TensorShapeProto, TensorType, TypeProto,
    ValueInfoProto, dimension,
};
use secateur_formats::onnx::{Layout, Weight};
use secateur_graph::{Graph, Node, NodeId, Op, ParamId};

use crate::ModelError;
use body::Body;

/// The first with one operator for GELU; its group norms are still made of others.
const OPSET: i64 = 20;
/// The version of the messages that goes with it.
const IR_VERSION: i64 = 9;
/// Weights of more bytes go to a file of their own: a protobuf message ends at 2 GiB.
const MOST_INLINE: u64 = 1 << 30;

/// What the number of samples is called.
const BATCH: &str = "batch";

/// An ONNX file that only lacks its weights. Initializers are named and shaped as the checkpoint's tensors, nodes as
/// the graph's; the first axis of every input and output is `batch`, of any size.
#[derive(Clone, Debug, PartialEq)]
pub struct Export {
    /// The file, and what stands before each parameter's entries, in graph order and as the checkpoint stores them.
    pub layout: Layout,
    /// The name of the file beside it that the entries go to instead, if they are too many.
    pub beside: Option<String>,
}

/// The graph as the file `{name}.onnx`, with the sizes of texts and pictures that it has. Fails for a model that cannot
/// be run.
pub fn export(graph: &Graph, name: &str) -> Result<Export, ModelError> {
    let weight = |id| Weight { name: graph.param(id).name.clone(), shape: graph.param(id).stored_shape() };
    let weights: Vec<Weight> = graph.param_ids().map(weight).collect();
    let large = weights.iter().map(Weight::size).fold(0, u64::saturating_add) > MOST_INLINE;
    let beside = large.then(|| format!("{name}.onnx.data"));
    let model = model(graph, name)?;
    let layout = match &beside {
        Some(location) => Layout::beside(model, &weights, location),
        None => Layout::inline(model, &weights),
    };
    Ok(Export { layout, beside })
}

impl Export {
    /// Writes the file and, where there is one, that beside it. `values` gives each parameter's entries in the graph's
    /// order; they are asked for one at a time.
    pub async fn write<E: From<io::Error>>(
        &self,
        graph: &Graph,
        file: &mut impl Write,
        beside: &mut impl Write,
        mut values: impl AsyncFnMut(ParamId) -> Result<Vec<f32>, E>,
    ) -> Result<(), E> {
        file.write_all(&self.layout.start)?;
        for (id, before) in graph.param_ids().zip(&self.layout.before) {
            let entries = graph.param(id).to_stored(values(id).await?);
            let bytes: Vec<u8> = entries.iter().flat_map(|entry| entry.to_le_bytes()).collect();
            file.write_all(before)?;
            match &self.beside {
                None => file.write_all(&bytes)?,
                Some(_) => beside.write_all(&bytes)?,
            }
        }
        Ok(())
    }
}

/// Everything but the weights.
fn model(graph: &Graph, name: &str) -> Result<ModelProto, ModelError> {
    let mut body = Body::new(graph);
    for id in graph.node_ids() {
        lower(&mut body, id)?;
    }
    let input = graph.node_ids().filter_map(|id| {
        let Op::Input(input) = &graph.node(id).op else { return None };
        let (name, element) = (body.value(id).to_string(), element(graph, id));
        // One that may be left out is there for one sample then, not for as many as the others.
        let batch = if input.optional { "batch_or_1" } else { BATCH };
        Some((value_info(name, element, batch, &input.shape), input.optional.then_some(element)))
    });
    let (input, optional): (Vec<_>, Vec<_>) = input.unzip();
    let output = body.outputs();
    for (info, element) in input.iter().zip(optional) {
        if let Some(element) = element {
            body.zeros_where_not_given(info, element);
        }
    }
    let graph = GraphProto { name: name.into(), node: body.nodes, initializer: body.constants, input, output };
    Ok(ModelProto {
        ir_version: IR_VERSION,
        producer_name: "secateur".into(),
        producer_version: env!("CARGO_PKG_VERSION").into(),
        graph: Some(graph),
        opset_import: vec![OperatorSetIdProto { domain: String::new(), version: OPSET }],
        metadata_props: Vec::new(),
    })
}

/// What an input holds: numbers of table entries are whole.
fn element(graph: &Graph, input: NodeId) -> DataType {
    let numbers = |node: &Node| match node.op {
        Op::Embedding(_) => node.inputs[0] == input,
        Op::SelectHighest(_) => node.inputs[1] == input,
        _ => false,
    };
    if graph.nodes.iter().any(numbers) { DataType::Int64 } else { DataType::Float }
}

/// An input or output with this shape per sample, and what the number of samples is called.
fn value_info(name: String, element: DataType, batch: &str, shape: &[usize]) -> ValueInfoProto {
    let batch = dimension::Value::DimParam(batch.into());
    let sizes = shape.iter().map(|size| dimension::Value::DimValue(*size as i64));
    let dim = [batch].into_iter().chain(sizes).map(|value| Dimension { value: Some(value) }).collect();
    let tensor = TensorType { elem_type: element as i32, shape: Some(TensorShapeProto { dim }) };
    ValueInfoProto { name, r#type: Some(TypeProto { tensor_type: Some(tensor) }) }
}

/// One operation. Exhaustive: a new op in the graph does not compile until it has an arm here.
fn lower(body: &mut Body<'_>, id: NodeId) -> Result<(), ModelError> {
    body.begin(id);
    let node = body.node();
    let last = match &node.op {
        Op::Input(_) => return Ok(()),
        Op::Loose(_) => {
            let what = format!("the model holds the tensor {} whose place in it is not known", node.name);
            return Err(ModelError::unsupported(what, "export a model of a known family"));
        }
        Op::Linear(op) => elementwise::linear(body, op),
        Op::Activation(op) => elementwise::activation(body, *op),
        Op::Affine(op) => elementwise::affine(body, op),
        Op::Add(_) => elementwise::pair(body, "Add"),
        Op::Mul(_) => elementwise::pair(body, "Mul"),
        Op::Concat(op) => elementwise::concat(body, op),
        Op::Slice(op) => elementwise::slice(body, op),
        Op::LayerNorm(op) => norms::layer_norm(body, op),
        Op::RmsNorm(op) => norms::rms_norm(body, op),
        Op::GroupNorm(op) => norms::group_norm(body, op),
        Op::BatchNorm(op) => norms::batch_norm(body, op),
        Op::Bias(_) => norms::with_param(body, "Add"),
        Op::LayerScale(_) => norms::with_param(body, "Mul"),
        Op::Normalize(_) => norms::normalize(body),
        Op::Attention(op) => attention::attention(body, op),
        Op::Rotary(op) => attention::rotary(body, op),
        Op::Recurrent(op) => recurrent::recurrent(body, op),
        Op::Conv2d(op) => places::conv2d(body, op),
        Op::MaxPool2d(op) => places::max_pool2d(body, op),
        Op::AvgPool2d(op) => places::avg_pool2d(body, op),
        Op::MeanPlaces(_) => places::mean_places(body),
        Op::Upsample(op) => places::upsample(body, op),
        Op::Pad2d(op) => places::pad2d(body, op),
        Op::PadChannels(op) => places::pad_channels(body, op),
        Op::Flatten(_) => places::flatten(body),
        Op::ToTokens(_) => places::to_tokens(body),
        Op::ToPlaces(op) => places::to_places(body, op),
        Op::Unpatch(op) => places::unpatch(body, op),
        Op::Embedding(_) => tokens::embedding(body),
        Op::AddPosition(op) => tokens::add_position(body, op),
        Op::SinePositions(op) => tokens::sine_positions(body, op),
        Op::Timestep(op) => tokens::timestep(body, op),
        Op::PrependToken(op) => tokens::prepend_token(body, op),
        Op::SelectToken(op) => tokens::select(body, op.index as i64),
        Op::LastToken(_) => tokens::select(body, -1),
        Op::SelectHighest(_) => tokens::select_highest(body),
        Op::MeanTokens(op) => tokens::mean_tokens(body, op),
    };
    body.end(&last);
    Ok(())
}
