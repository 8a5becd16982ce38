use std::ops::Range;

use burn::tensor::activation::{gelu, relu, softmax};
use burn::tensor::module::{conv2d, layer_norm, linear, max_pool2d};
use burn::tensor::ops::{ConvOptions, MaxPoolOptions};
use burn::tensor::{Tensor, s};
use secateur_graph::ops::{Activation, Attention, Conv2d, LayerNorm, MaxPool2d, SelectToken};
use secateur_graph::{Graph, Node, NodeId, Op};

use crate::value::each_rank;
use crate::{ExecError, Params, Value};

/// Looks at values while a model runs.
pub trait Tap {
    /// Called once per node, when its value is there. Values have the batch axis first.
    fn node(&mut self, graph: &Graph, id: NodeId, inputs: &[Value], output: &Value) -> Result<(), ExecError>;
}

/// Looks at nothing.
impl Tap for () {
    fn node(&mut self, _: &Graph, _: NodeId, _: &[Value], _: &Value) -> Result<(), ExecError> {
        Ok(())
    }
}

/// Runs the whole model on `input` [samples, ...] and returns the output node's value.
pub fn forward(graph: &Graph, params: &Params, input: Value, tap: &mut dyn Tap) -> Result<Value, ExecError> {
    let mut walk = Walk::new(graph, input);
    walk.run(graph, params, 0..graph.nodes.len(), tap)?;
    walk.output(graph)
}

/// A run that can stop between nodes. It holds only values that somebody still needs.
#[derive(Clone)]
pub(crate) struct Walk {
    input: Value,
    values: Vec<Option<Value>>,
    /// How many readers of each node's value are still to come; the model's output has one more.
    readers: Vec<usize>,
}

impl Walk {
    pub(crate) fn new(graph: &Graph, input: Value) -> Self {
        let mut readers = vec![0; graph.nodes.len()];
        for id in graph.nodes.iter().flat_map(|node| &node.inputs).chain([&graph.output]) {
            readers[id.0 as usize] += 1;
        }
        Self { input, values: vec![None; graph.nodes.len()], readers }
    }

    /// Evaluates the nodes in `range`; all nodes before it must have been evaluated.
    pub(crate) fn run(
        &mut self,
        graph: &Graph,
        params: &Params,
        range: Range<usize>,
        tap: &mut dyn Tap,
    ) -> Result<(), ExecError> {
        for at in range {
            let node = &graph.nodes[at];
            let inputs: Vec<Value> = node.inputs.iter().map(|id| self.take(node, *id)).collect::<Result<_, _>>()?;
            let output = evaluate(graph, params, node, &self.input, &inputs)?;
            tap.node(graph, NodeId(at as u32), &inputs, &output)?;
            if self.readers[at] > 0 {
                self.values[at] = Some(output);
            }
        }
        Ok(())
    }

    pub(crate) fn output(&mut self, graph: &Graph) -> Result<Value, ExecError> {
        self.take(graph.node(graph.output), graph.output)
    }

    /// A node's value; its last reader gets the value itself.
    fn take(&mut self, reader: &Node, id: NodeId) -> Result<Value, ExecError> {
        let at = id.0 as usize;
        self.readers[at] -= 1;
        let value = if self.readers[at] == 0 { self.values[at].take() } else { self.values[at].clone() };
        value.ok_or_else(|| reader.wrong("inputs that were evaluated before", &[]))
    }
}

/// One operation. Exhaustive: a new op in the graph does not compile until it has an arm here.
fn evaluate(graph: &Graph, params: &Params, node: &Node, input: &Value, inputs: &[Value]) -> Result<Value, ExecError> {
    let param = |at: usize| node.params.get(at).map(|id| params.get(graph, *id).cloned()).transpose();
    let wrong = |want: &str| Err(node.wrong(want, inputs));
    let value = match (&node.op, inputs) {
        (Op::Input(_), []) => input.clone(),
        (Op::Linear(_), [x]) => {
            let (Some(Value::R2(weight)), bias) = (param(0)?, vector(param(1)?)) else { return wrong("a weight") };
            let weight = weight.transpose();
            each_rank!(x.clone(), x -> linear(x, weight, bias))
        }
        (Op::Conv2d(op), [Value::R4(x)]) => {
            let (Some(Value::R4(weight)), bias) = (param(0)?, vector(param(1)?)) else { return wrong("a weight") };
            Value::R4(convolve(op, x.clone(), weight, bias))
        }
        (Op::LayerNorm(LayerNorm { eps, .. }), [x]) => {
            let (Some(scale), shift) = (vector(param(0)?), vector(param(1)?)) else { return wrong("a weight") };
            each_rank!(x.clone(), x -> layer_norm(x, scale, shift, *eps))
        }
        (Op::Attention(op), [Value::R3(q), Value::R3(k), Value::R3(v)]) => {
            Value::R3(attend(op, q.clone(), k.clone(), v.clone()))
        }
        (Op::Activation(Activation::Relu), [x]) => each_rank!(x.clone(), x -> relu(x)),
        (Op::Activation(Activation::Gelu), [x]) => each_rank!(x.clone(), x -> gelu(x)),
        (Op::Add(_), [Value::R2(a), Value::R2(b)]) => Value::R2(a.clone() + b.clone()),
        (Op::Add(_), [Value::R3(a), Value::R3(b)]) => Value::R3(a.clone() + b.clone()),
        (Op::Add(_), [Value::R4(a), Value::R4(b)]) => Value::R4(a.clone() + b.clone()),
        (Op::MaxPool2d(MaxPool2d { kernel }), [Value::R4(x)]) => {
            Value::R4(max_pool2d(x.clone(), MaxPoolOptions::new([*kernel; 2])))
        }
        (Op::Flatten(_), [x]) => Value::R2(each_rank!(x.clone(), x => flatten(x))),
        (Op::ToTokens(_), [Value::R4(x)]) => Value::R3(x.clone().flatten::<3>(2, 3).swap_dims(1, 2)),
        (Op::PrependToken(_), [Value::R3(x)]) => {
            let Some(Value::R3(token)) = param(0)? else { return wrong("a token") };
            let [samples, _, features] = x.dims();
            Value::R3(Tensor::cat(vec![token.expand([samples, 1, features]), x.clone()], 1))
        }
        (Op::AddPosition(_), [Value::R3(x)]) => {
            let Some(Value::R3(position)) = param(0)? else { return wrong("positions") };
            Value::R3(x.clone() + position)
        }
        (Op::SelectToken(SelectToken { index }), [Value::R3(x)]) => {
            Value::R2(x.clone().slice(s![.., *index..*index + 1, ..]).squeeze_dim::<2>(1))
        }
        (
            Op::Input(_)
            | Op::Linear(_)
            | Op::Conv2d(_)
            | Op::LayerNorm(_)
            | Op::Attention(_)
            | Op::Activation(_)
            | Op::Add(_)
            | Op::MaxPool2d(_)
            | Op::Flatten(_)
            | Op::ToTokens(_)
            | Op::PrependToken(_)
            | Op::AddPosition(_)
            | Op::SelectToken(_),
            _,
        ) => return wrong("inputs of the rank the graph says"),
    };
    node.expects(value)
}

fn vector(value: Option<Value>) -> Option<Tensor<1>> {
    match value {
        Some(Value::R1(vector)) => Some(vector),
        _ => None,
    }
}

/// [samples, in, height, width] -> [samples, out, height', width']
fn convolve(op: &Conv2d, x: Tensor<4>, weight: Tensor<4>, bias: Option<Tensor<1>>) -> Tensor<4> {
    conv2d(x, weight, bias, ConvOptions::new([op.stride; 2], [op.padding; 2], [1; 2], 1))
}

/// softmax(q kᵀ / sqrt(head_dim)) v for each head; all [samples, tokens, heads * head_dim].
fn attend(op: &Attention, q: Tensor<3>, k: Tensor<3>, v: Tensor<3>) -> Tensor<3> {
    let heads = |x: Tensor<3>| {
        let [samples, tokens, _] = x.dims();
        x.reshape([samples, tokens, op.heads, op.head_dim]).swap_dims(1, 2)
    };
    let [samples, tokens, width] = q.dims();
    let scale = 1.0 / (op.head_dim as f64).sqrt();
    let weights = softmax((heads(q) * scale).matmul(heads(k).transpose()), 3);
    weights.matmul(heads(v)).swap_dims(1, 2).reshape([samples, tokens, width])
}

fn flatten<const D: usize>(x: Tensor<D>) -> Tensor<2> {
    let shape = x.dims();
    x.reshape([shape[0], shape[1..].iter().product()])
}

/// What the executor adds to the graph's nodes: errors that name them.
trait Checked {
    fn wrong(&self, want: &str, got: &[Value]) -> ExecError;
    fn expects(&self, value: Value) -> Result<Value, ExecError>;
}

impl Checked for Node {
    fn wrong(&self, want: &str, got: &[Value]) -> ExecError {
        let got = got.iter().map(Value::shape).collect::<Vec<_>>();
        ExecError::Shape {
            op: self.op.name(),
            node: self.name.clone(),
            want: want.to_string(),
            got: format!("{got:?}"),
        }
    }

    /// The value, if it has the shape that the graph worked out for it.
    fn expects(&self, value: Value) -> Result<Value, ExecError> {
        if value.shape()[1..] == self.shape[..] {
            return Ok(value);
        }
        Err(self.wrong(&format!("a value of {:?} per sample", self.shape), std::slice::from_ref(&value)))
    }
}
