//! An ONNX file as a graph of our operations.
//!
//! Operators are walked in the file's order. What follows from fixed numbers is worked out; reshapes and transpositions
//! are views of the value they change; formulas such as GELU, norms and attention are put together from the operators
//! that exporters write them with. What remains is listed, and the file's tensors are then shown loose.

mod constant;
mod flow;
mod fold;
mod index;
mod operator;
mod ops;
mod task;
mod value;
mod view;
mod weights;

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use bytes::Bytes;
use secateur_formats::onnx::proto::{
    DataLocation, DataType, GraphProto, ModelProto, NodeProto, ValueInfoProto, dimension,
};
use secateur_formats::onnx::{Data, OnnxError, Tensor, decode};
use secateur_formats::safetensors::{Header, Shards};
use secateur_formats::{MemoryFile, ReadAt, ReadError, quote};
use secateur_graph::Graph;
use secateur_graph::ops::Input;

use crate::error::listed;
use crate::model::{LARGEST_VALUE, within_bounds};
use crate::{Model, ModelError, Tensors, unknown};
use constant::{Constant, Values};
use flow::Flow;
use value::Value;
use weights::{Listing, Side};

/// Versions of the operators that are understood.
const OPSETS: std::ops::RangeInclusive<i64> = 11..=24;

/// A file whose messages have been read.
pub struct Onnx<F> {
    file: F,
    bytes: Bytes,
    model: ModelProto,
    graph: GraphProto,
}

/// A model, and its parameters as if they stood in one safetensors file: `header` says where in `file` they are.
pub struct Imported<F> {
    pub model: Model,
    pub header: Header,
    pub file: Shards<Piece<F>>,
}

/// A file of the host's, or numbers that were worked out from one.
pub enum Piece<F> {
    File(F),
    Made(MemoryFile),
}

impl<F: ReadAt> ReadAt for Piece<F> {
    fn len(&self) -> u64 {
        match self {
            Self::File(file) => file.len(),
            Self::Made(made) => made.len(),
        }
    }

    async fn read(&self, range: Range<u64>) -> Result<Vec<u8>, ReadError> {
        match self {
            Self::File(file) => file.read(range).await,
            Self::Made(made) => made.read(range).await,
        }
    }
}

impl<F: ReadAt> Onnx<F> {
    /// Reads the whole file, but none of those beside it.
    pub async fn open(file: F) -> Result<Self, ModelError> {
        let bytes = Bytes::from(file.read(0..file.len()).await.map_err(OnnxError::from)?);
        let (model, graph) = decode(bytes.clone())?;
        let own = model.opset_import.iter().find(|opset| matches!(opset.domain.as_str(), "" | "ai.onnx"));
        match own.map(|opset| opset.version) {
            Some(version) if OPSETS.contains(&version) => Ok(Self { file, bytes, model, graph }),
            version => {
                let version = version.map_or("no version".into(), |version| format!("version {version}"));
                let (least, most) = (OPSETS.start(), OPSETS.end());
                let what = format!("the ONNX file uses {version} of the operators, wanted {least} to {most}");
                Err(ModelError::unsupported(what, "export it again with opset_version=20"))
            }
        }
    }

    /// The paths of the files beside it that hold its weights, from where it is.
    pub fn files_beside(&self) -> Result<BTreeSet<String>, ModelError> {
        let outside = |proto: &&_| is_outside(proto);
        let place = |proto| match Tensor::read(proto)?.data {
            Data::Beside(place) => Ok(place.location),
            Data::Here(_) => Ok(String::new()),
        };
        self.graph.initializer.iter().filter(outside).map(place).collect()
    }

    /// The model. `beside` are the files of [`Self::files_beside`] by their paths.
    pub async fn import(self, beside: Vec<(String, F)>) -> Result<Imported<F>, ModelError> {
        let mut len = self.file.len();
        let mut sides = Vec::new();
        for (name, file) in beside {
            let start = len;
            len += file.len();
            sides.push(Side { name, start, file });
        }
        let constants = weights::constants(&self.graph.initializer, &self.bytes, &sides).await?;
        let (model, listing) = self.model(constants, len)?;
        let header = Header { tensors: listing.tensors, metadata: BTreeMap::new() };
        let files = [self.file].into_iter().chain(sides.into_iter().map(|side| side.file)).map(Piece::File);
        let made = (!listing.made.is_empty()).then(|| Piece::Made(MemoryFile::new(listing.made)));
        Ok(Imported { model, header, file: Shards::join(files.chain(made).collect()) })
    }

    /// `len`: bytes of all files.
    fn model(&self, constants: BTreeMap<String, Constant>, len: u64) -> Result<(Model, Listing), ModelError> {
        let batch = self.samples(&constants)?;
        let fixed = constants.iter().map(|(name, constant)| (name.clone(), Value::Fixed(constant.clone()))).collect();
        let mut flow = Flow::new(batch, fixed);
        let mut assumed = Vec::new();
        let mut taken = Vec::new();
        for info in self.inputs(&constants) {
            self.input(&mut flow, info, constants.contains_key(&info.name), &mut taken, &mut assumed)?;
        }
        for node in self.needed() {
            flow.step(node);
        }
        let outputs = self.outputs(&mut flow);
        if !flow.troubles.is_empty() || outputs.is_empty() {
            return self.loose(&constants, &flow.troubles, len);
        }
        let names: Vec<_> = outputs.iter().map(|(name, node)| (name.as_str(), *node)).collect();
        let mut graph = flow.g.finish_with(&names);
        let listing = list(&mut graph, flow.params, len)?;
        within_bounds(&graph)?;
        let made_by = format!("{} {}", self.model.producer_name, self.model.producer_version);
        match task::model(graph, made_by.trim(), assumed) {
            Some(model) => Ok((model, listing)),
            None => self.loose(&constants, &["the input (neither a picture nor a text)".to_string()], len),
        }
    }

    /// Inputs that are given when the model runs: initializers may be listed among them, as first versions did.
    fn inputs(&self, constants: &BTreeMap<String, Constant>) -> impl Iterator<Item = &ValueInfoProto> {
        let given = |info: &&ValueInfoProto| {
            let own = constants.get(&info.name);
            own.is_none_or(|own| own.is_whole() && self.model.ir_version > 3)
        };
        self.graph.input.iter().filter(given)
    }

    /// How many samples the file says it takes, one where it leaves that open.
    fn samples(&self, constants: &BTreeMap<String, Constant>) -> Result<usize, ModelError> {
        let mut samples = None;
        for info in self.inputs(constants).filter(|info| !constants.contains_key(&info.name)) {
            let (batch, _) = sizes(info)?;
            if *samples.get_or_insert(batch) != batch {
                let what = format!("the first axes of its inputs differ, {} has {batch}", quote(&info.name));
                return Err(ModelError::unsupported(
                    what,
                    "export the model with the samples as the first axis of every input",
                ));
            }
        }
        Ok(samples.unwrap_or(1))
    }

    /// Adds an input node, or fixes an attention mask: here every token counts.
    fn input(
        &self,
        flow: &mut Flow,
        info: &ValueInfoProto,
        optional: bool,
        taken: &mut Vec<String>,
        assumed: &mut Vec<String>,
    ) -> Result<(), ModelError> {
        let (_, shape) = sizes(info)?;
        if info.name.contains("attention_mask") && shape.len() == 1 {
            let shape = vec![flow.batch, shape[0]];
            let ones = vec![1; shape.iter().product()];
            flow.values.insert(info.name.clone(), Value::Fixed(Constant::whole(shape, ones)));
            assumed.push(format!("{} is 1 everywhere", quote(&info.name)));
            return Ok(());
        }
        let name = task::input_name(&info.name, &shape, is_whole(info), taken, self.denoises());
        let node = flow.g.add(&name, Input { shape, optional }, &[])?;
        taken.push(name);
        let view = flow.whole(node, &info.name.as_str().into());
        flow.values.insert(info.name.clone(), Value::Data(view));
        Ok(())
    }

    /// Whether it takes a noisy picture and a time step.
    fn denoises(&self) -> bool {
        ["sample", "timestep"].iter().all(|name| self.graph.input.iter().any(|input| input.name == *name))
    }

    /// The operators that outputs follow from, in the file's order.
    fn needed(&self) -> Vec<&NodeProto> {
        let mut wanted: BTreeSet<&str> = self.graph.output.iter().map(|output| output.name.as_str()).collect();
        let mut needed = Vec::new();
        for node in self.graph.node.iter().rev() {
            if node.output.iter().any(|output| wanted.contains(output.as_str())) {
                wanted.extend(node.input.iter().map(String::as_str));
                needed.push(node);
            }
        }
        needed.reverse();
        needed
    }

    /// Outputs' names and nodes.
    fn outputs(&self, flow: &mut Flow) -> Vec<(String, secateur_graph::NodeId)> {
        let mut outputs: Vec<(String, _)> = Vec::new();
        for info in &self.graph.output {
            let proto = NodeProto { input: vec![info.name.clone()], name: info.name.clone(), ..NodeProto::default() };
            let op = operator::Operator { proto: &proto };
            match flow.data(op, 0).and_then(|view| flow.plain(&view)) {
                Ok(node) => {
                    let name = task::output_name(&info.name, flow.g.shape(node), outputs.is_empty(), self.denoises());
                    outputs.push((name, node));
                }
                Err(flow::Trouble::Lost) => {}
                Err(flow::Trouble::Because(why)) => flow.troubles.push(format!("the output {} ({why})", info.name)),
            }
        }
        outputs
    }

    /// The file's tensors without their connections, because of these troubles.
    fn loose(
        &self,
        constants: &BTreeMap<String, Constant>,
        troubles: &[String],
        len: u64,
    ) -> Result<(Model, Listing), ModelError> {
        let mut listing = Listing::new(len);
        // Single numbers belong to operators.
        let is_weight = |constant: &Constant| matches!(constant.values, Values::Stored(..)) && constant.len() > 1;
        for (name, constant) in constants.iter().filter(|(_, constant)| is_weight(constant)) {
            let pushed = listing.push(name, constant.shape.clone(), &constant.values);
            pushed.map_err(|why| ModelError::unsupported(why, "export the model in f32"))?;
        }
        let header = Header { tensors: listing.tensors.clone(), metadata: BTreeMap::new() };
        let (are, count) = if troubles.len() == 1 { ("operator is", 1) } else { ("operators are", troubles.len()) };
        let what = match listed("", troubles, String::clone) {
            Some(list) => format!("{count} {are} not known here: {list}"),
            None => "the ONNX file names no outputs".into(),
        };
        let why = ModelError::unsupported(what, "export the model otherwise, or open its safetensors file");
        match unknown::model(&Tensors::new(&header), None, &why)? {
            Some(model) => Ok((model, listing)),
            None => Err(why),
        }
    }
}

fn is_outside(proto: &secateur_formats::onnx::proto::TensorProto) -> bool {
    proto.data_location == DataLocation::External as i32
}

fn is_whole(info: &ValueInfoProto) -> bool {
    let element = info.r#type.as_ref().and_then(|kind| kind.tensor_type.as_ref()).map(|tensor| tensor.elem_type);
    element.is_some_and(|element| element == DataType::Int64 as i32 || element == DataType::Int32 as i32)
}

/// Samples, one where they are left open, and the shape of one.
fn sizes(info: &ValueInfoProto) -> Result<(usize, Vec<usize>), ModelError> {
    let name = quote(&info.name);
    let again = |what: String| ModelError::unsupported(what, "export the model with fixed sizes but for the samples");
    let tensor = info.r#type.as_ref().and_then(|kind| kind.tensor_type.as_ref());
    let shape = tensor.and_then(|tensor| tensor.shape.as_ref());
    let dims = &shape.ok_or_else(|| again(format!("the input {name} has no shape")))?.dim;
    let size = |value: &Option<dimension::Value>| match value {
        Some(dimension::Value::DimValue(size)) => usize::try_from(*size).ok().filter(|size| *size > 0),
        _ => None,
    };
    let [samples, rest @ ..] = dims.as_slice() else { return Err(again(format!("the input {name} has no axis"))) };
    let open = |at: usize| again(format!("axis {} of the input {name} is open or empty", at + 1));
    let shape = rest.iter().enumerate().map(|(at, dim)| size(&dim.value).ok_or_else(|| open(at)));
    let (samples, shape) = (size(&samples.value).unwrap_or(1), shape.collect::<Result<Vec<_>, _>>()?);
    match shape.iter().fold(samples, |product, size| product.saturating_mul(*size)) {
        ..=LARGEST_VALUE => Ok((samples, shape)),
        _ => Err(again(format!(
            "the input {name} has {samples} times {shape:?} numbers, wanted at most {LARGEST_VALUE}"
        ))),
    }
}

/// Names the graph's parameters and lists their values.
fn list(graph: &mut Graph, params: Vec<(Option<std::rc::Rc<str>>, Values)>, len: u64) -> Result<Listing, ModelError> {
    let mut listing = Listing::new(len);
    let mut names = crate::onnx::names::Names::default();
    params.iter().filter_map(|(name, _)| name.as_deref()).for_each(|name| drop(names.fresh(name)));
    for (param, (name, values)) in graph.params.iter_mut().zip(params) {
        param.name = name.map_or_else(|| names.fresh(&param.name), |name| name.to_string());
        let pushed = listing.push(&param.name, param.stored_shape(), &values);
        pushed.map_err(|why| ModelError::unsupported(why, "export the model in f32"))?;
    }
    Ok(listing)
}
