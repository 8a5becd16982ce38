use std::collections::BTreeMap;

use secateur_formats::onnx::proto::{AttributeProto, AttributeType, DataType, NodeProto, TensorProto, ValueInfoProto};
use secateur_graph::{Graph, Node, NodeId};

use super::{BATCH, value_info};
use crate::onnx::names::Names;

/// The operators written so far, and the graph's node that is being written.
pub struct Body<'a> {
    graph: &'a Graph,
    at: NodeId,
    pub nodes: Vec<NodeProto>,
    pub constants: Vec<TensorProto>,
    /// Constants whose name follows from what they hold.
    shared: BTreeMap<String, String>,
    names: Names,
    /// By graph node.
    values: Vec<String>,
}

impl<'a> Body<'a> {
    /// Parameters and inputs keep their names; nodes have theirs unless it is taken, outputs the output's.
    pub fn new(graph: &'a Graph) -> Self {
        let mut names = Names::default();
        let params: Vec<_> = graph.params.iter().map(|param| names.fresh(&param.name)).collect();
        debug_assert!(
            params.iter().eq(graph.params.iter().map(|param| &param.name)),
            "parameters have names of their own"
        );
        graph.inputs().for_each(|node| drop(names.fresh(&node.name)));
        let mut values = vec![None; graph.nodes.len()];
        for output in graph.outputs.iter().filter(|output| !graph.node(output.node).inputs.is_empty()) {
            let word = if names.has(&output.name) { format!("out_{}", output.name) } else { output.name.clone() };
            values[output.node.0 as usize].get_or_insert_with(|| names.fresh(&word));
        }
        let value = |(value, node): (Option<String>, &Node)| {
            value.unwrap_or_else(|| if node.inputs.is_empty() { node.name.clone() } else { names.fresh(&node.name) })
        };
        let values = values.into_iter().zip(&graph.nodes).map(value).collect();
        let (nodes, constants, shared) = (Vec::new(), Vec::new(), BTreeMap::new());
        Self { graph, at: NodeId(0), nodes, constants, shared, names, values }
    }

    pub fn begin(&mut self, id: NodeId) {
        self.at = id;
    }

    /// The node's value is what the last operator gave, which was called `last`.
    pub fn end(&mut self, last: &str) {
        let (value, name) = (self.values[self.at.0 as usize].clone(), self.node().name.clone());
        if let Some(node) = self.nodes.last_mut() {
            debug_assert_eq!(node.output, [last], "the last operator gives the node's value");
            node.output = vec![value];
            node.name = name;
        }
    }

    pub fn node(&self) -> &'a Node {
        self.graph.node(self.at)
    }

    pub fn value(&self, id: NodeId) -> &str {
        &self.values[id.0 as usize]
    }

    /// The name of the node's input at this place, and its shape for one sample.
    pub fn input(&self, at: usize) -> (String, &'a [usize]) {
        let id = self.node().inputs[at];
        (self.value(id).to_string(), &self.graph.node(id).shape)
    }

    /// The name of the node's first input.
    pub fn x(&self) -> String {
        self.input(0).0
    }

    /// The name of the node's parameter at this place of its op's list.
    pub fn param(&self, at: usize) -> &'a str {
        &self.graph.param(self.node().params[at]).name
    }

    /// Whether the checkpoint stores the node's matrix with its axes the other way round.
    pub fn is_transposed(&self) -> bool {
        self.graph.param(self.node().params[0]).transposed
    }

    /// Adds an operator and returns its value's name.
    pub fn op(&mut self, kind: &str, inputs: &[&str]) -> String {
        self.op_with(kind, inputs, Vec::new())
    }

    pub fn op_with(&mut self, kind: &str, inputs: &[&str], attribute: Vec<AttributeProto>) -> String {
        self.outputs_of(kind, inputs, attribute, 1).remove(0)
    }

    /// Adds an operator with several values.
    pub fn outputs_of(
        &mut self,
        kind: &str,
        inputs: &[&str],
        attribute: Vec<AttributeProto>,
        count: usize,
    ) -> Vec<String> {
        let wanted = format!("{}/{kind}", self.node().name);
        let output: Vec<String> = (0..count).map(|_| self.names.fresh(&wanted)).collect();
        self.nodes.push(NodeProto {
            input: inputs.iter().map(|input| input.to_string()).collect(),
            name: output[0].clone(),
            output: output.clone(),
            op_type: kind.into(),
            attribute,
            ..NodeProto::default()
        });
        output
    }

    /// A list of whole numbers, called by what it holds; equal ones are one.
    pub fn ints(&mut self, entries: &[i64]) -> String {
        self.shared(format!("{entries:?}"), |name| TensorProto::of_i64(name, &[entries.len()], entries))
    }

    /// A whole number.
    pub fn int(&mut self, entry: i64) -> String {
        self.shared(format!("{entry}"), |name| TensorProto::of_i64(name, &[], &[entry]))
    }

    /// A number.
    pub fn float(&mut self, entry: f64) -> String {
        self.shared(format!("{:?}", entry as f32), |name| TensorProto::of_f32(name, &[], &[entry as f32]))
    }

    /// A vector of one number.
    pub fn full(&mut self, entry: f32, len: usize) -> String {
        self.shared(format!("{entry:?} × {len}"), |name| TensorProto::of_f32(name, &[len], &vec![entry; len]))
    }

    fn shared(&mut self, content: String, tensor: impl FnOnce(&str) -> TensorProto) -> String {
        if let Some(name) = self.shared.get(&content) {
            return name.clone();
        }
        let name = self.names.fresh(&content);
        self.constants.push(tensor(&name));
        self.shared.insert(content, name.clone());
        name
    }

    /// A fixed table of the node.
    pub fn table(&mut self, word: &str, shape: &[usize], entries: impl Iterator<Item = f64>) -> String {
        let name = self.names.fresh(&format!("{}/{word}", self.node().name));
        let entries: Vec<f32> = entries.map(|entry| entry as f32).collect();
        self.constants.push(TensorProto::of_f32(&name, shape, &entries));
        name
    }

    /// `x` with the batch as it is and then these sizes; one may be -1.
    pub fn reshape(&mut self, x: &str, shape: &[usize]) -> String {
        let shape: Vec<i64> = [0].into_iter().chain(shape.iter().map(|size| *size as i64)).collect();
        let shape = self.ints(&shape);
        self.op("Reshape", &[x, &shape])
    }

    pub fn transpose(&mut self, x: &str, perm: &[i64]) -> String {
        self.op_with("Transpose", &[x], vec![ints("perm", perm)])
    }

    pub fn unsqueeze(&mut self, x: &str, axes: &[i64]) -> String {
        let axes = self.ints(axes);
        self.op("Unsqueeze", &[x, &axes])
    }

    /// `len` entries of an axis of `x` from `start` on.
    pub fn slice(&mut self, x: &str, axis: usize, start: usize, len: usize) -> String {
        let [start, end, axis] = [start, start.saturating_add(len), axis].map(|number| self.ints(&[number as i64]));
        self.op("Slice", &[x, &start, &end, &axis])
    }

    /// The model's outputs; a value that is two of them, or an input, is passed on under the output's name.
    pub fn outputs(&mut self) -> Vec<ValueInfoProto> {
        let mut infos: Vec<ValueInfoProto> = Vec::new();
        for output in &self.graph.outputs {
            self.begin(output.node);
            let value = self.value(output.node).to_string();
            let passed = self.node().inputs.is_empty() || infos.iter().any(|info| info.name == value);
            let name = if passed { self.op("Identity", &[&value]) } else { value };
            infos.push(value_info(name, DataType::Float, BATCH, &self.node().shape));
        }
        infos
    }

    /// An input that is an initializer as well has its value where nothing is given.
    pub fn zeros_where_not_given(&mut self, input: &ValueInfoProto, element: DataType) {
        let of = self.graph.inputs().find(|node| node.name == input.name);
        let shape: Vec<usize> = [1].iter().chain(of.map_or(&[][..], |node| &node.shape)).copied().collect();
        let len = shape.iter().product();
        self.constants.push(match element {
            DataType::Int64 => TensorProto::of_i64(&input.name, &shape, &vec![0; len]),
            _ => TensorProto::of_f32(&input.name, &shape, &vec![0.0; len]),
        });
    }
}

pub fn int(name: &str, i: i64) -> AttributeProto {
    AttributeProto { name: name.into(), r#type: AttributeType::Int as i32, i, ..AttributeProto::default() }
}

pub fn ints(name: &str, ints: &[i64]) -> AttributeProto {
    let ints = ints.into();
    AttributeProto { name: name.into(), r#type: AttributeType::Ints as i32, ints, ..AttributeProto::default() }
}

pub fn float(name: &str, f: f64) -> AttributeProto {
    AttributeProto { name: name.into(), r#type: AttributeType::Float as i32, f: f as f32, ..AttributeProto::default() }
}

pub fn text(name: &str, s: &'static str) -> AttributeProto {
    let s = s.as_bytes().into();
    AttributeProto { name: name.into(), r#type: AttributeType::String as i32, s, ..AttributeProto::default() }
}

pub fn texts(name: &str, strings: &[&'static str]) -> AttributeProto {
    let strings = strings.iter().map(|text| text.as_bytes().into()).collect();
    AttributeProto { name: name.into(), r#type: AttributeType::Strings as i32, strings, ..AttributeProto::default() }
}
