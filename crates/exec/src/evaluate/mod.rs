//! What each operation computes, on burn tensors. One file for each kind of arithmetic.

mod attention;
mod linear;
mod norms;
mod places;
mod recurrent;
mod tokens;

use burn::tensor::Tensor;
use burn::tensor::activation::{gelu, relu, sigmoid, silu, tanh};
use secateur_graph::ops::{Activation, Affine, Concat, Slice};
use secateur_graph::{Graph, Node, NodeId, Op, ParamId};
use secateur_kernels::simd;

use crate::value::each_rank;
use crate::{ExecError, Inputs, Memory, Params, Value};

pub(crate) use linear::{Multiply, product};

/// The node that is evaluated now, and where everything it needs lies.
#[derive(Clone, Copy)]
pub(crate) struct Moment<'a> {
    pub graph: &'a Graph,
    pub params: &'a Params,
    pub id: NodeId,
    pub given: &'a Inputs,
}

impl Moment<'_> {
    fn node(&self) -> &Node {
        self.graph.node(self.id)
    }

    /// The node's parameter at this place of its op's list; none past the end.
    fn param(&self, at: usize) -> Result<Option<Value>, ExecError> {
        let ids = &self.node().params;
        ids.get(at).map(|id| self.params.get(self.graph, *id).cloned()).transpose()
    }

    /// How the parameter at this place is multiplied with.
    fn multiply(&self, at: usize) -> Multiply<'_> {
        let id = self.node().params.get(at);
        match id.and_then(|id| self.params.packed.get(id.0 as usize)?.as_deref()) {
            Some(packed) => Multiply::Packed(packed),
            None if self.params.own_dense => Multiply::OwnDense,
            None => Multiply::Usual,
        }
    }

    fn vector(&self, at: usize) -> Result<Option<Tensor<1>>, ExecError> {
        Ok(match self.param(at)? {
            Some(Value::R1(vector)) => Some(vector),
            _ => None,
        })
    }

    /// A parameter that must be there, as the vector it is.
    fn need_vector(&self, at: usize) -> Result<Tensor<1>, ExecError> {
        self.vector(at)?.ok_or_else(|| wrong(self.node(), "a vector as parameter", &[]))
    }

    fn need_matrix(&self, at: usize) -> Result<Tensor<2>, ExecError> {
        match self.param(at)? {
            Some(Value::R2(matrix)) => Ok(matrix),
            _ => Err(wrong(self.node(), "a matrix as parameter", &[])),
        }
    }
}

/// New values of the running statistics that batch norms keep, by parameter.
pub(crate) type Statistics = Vec<(ParamId, Value)>;

/// One operation. Exhaustive: a new op in the graph does not compile until it has an arm here.
///
/// `memory` is there where a text is continued, `statistics` in training: batch norms then go by the batch they see.
pub(crate) fn evaluate(
    moment: Moment<'_>,
    inputs: &[Value],
    memory: Option<&mut Memory>,
    statistics: Option<&mut Statistics>,
) -> Result<Value, ExecError> {
    let node = moment.node();
    let misfit = || wrong(node, "inputs of the rank the graph says", inputs);
    let value = match &node.op {
        Op::Loose(_) => return Err(ExecError::Unknown { name: node.name.clone() }),
        Op::Input(input) => moment.given.get(node, input.optional)?,
        Op::Linear(_) => {
            let (weight, bias) = (moment.need_matrix(0)?, moment.vector(1)?);
            let multiply = moment.multiply(0);
            each_rank!(one(inputs).ok_or_else(misfit)?, x -> product(x, weight, multiply, bias))
        }
        Op::Activation(op) => each_rank!(one(inputs).ok_or_else(misfit)?, x -> activate(*op, x)),
        Op::Affine(Affine { scale, shift }) => {
            each_rank!(one(inputs).ok_or_else(misfit)?, x -> x * *scale + *shift)
        }
        Op::Add(_) => elementwise(inputs, |a, b| a + b, |a, b| a + b, |a, b| a + b, |a, b| a + b).ok_or_else(misfit)?,
        Op::Mul(_) => elementwise(inputs, |a, b| a * b, |a, b| a * b, |a, b| a * b, |a, b| a * b).ok_or_else(misfit)?,
        Op::Concat(Concat { axis }) => concat(inputs, axis + 1).ok_or_else(misfit)?,
        Op::Slice(op) => slice(op, one(inputs).ok_or_else(misfit)?),
        Op::LayerNorm(_)
        | Op::RmsNorm(_)
        | Op::GroupNorm(_)
        | Op::BatchNorm(_)
        | Op::Bias(_)
        | Op::LayerScale(_)
        | Op::Normalize(_) => norms::evaluate(moment, inputs, statistics)?,
        Op::Attention(_) | Op::Rotary(_) => attention::evaluate(moment, inputs, memory)?,
        Op::Recurrent(op) => recurrent::evaluate(op, moment, inputs, memory)?,
        Op::Conv2d(_)
        | Op::MaxPool2d(_)
        | Op::AvgPool2d(_)
        | Op::MeanPlaces(_)
        | Op::Upsample(_)
        | Op::Pad2d(_)
        | Op::PadChannels(_)
        | Op::Flatten(_)
        | Op::ToTokens(_)
        | Op::ToPlaces(_)
        | Op::Unpatch(_) => places::evaluate(moment, inputs)?,
        Op::Embedding(_)
        | Op::AddPosition(_)
        | Op::Timestep(_)
        | Op::PrependToken(_)
        | Op::SelectToken(_)
        | Op::SelectHighest(_)
        | Op::MeanTokens(_)
        | Op::SinePositions(_)
        | Op::LastToken(_) => tokens::evaluate(moment, inputs, memory)?,
    };
    expects(node, value)
}

fn one(inputs: &[Value]) -> Option<Value> {
    match inputs {
        [x] => Some(x.clone()),
        _ => None,
    }
}

fn activate<const D: usize>(op: Activation, x: Tensor<D>) -> Tensor<D> {
    if let Some(y) = simd::activate(op, &x) {
        return y;
    }
    match op {
        Activation::Relu => relu(x),
        Activation::Relu6 => x.clamp(0.0, 6.0),
        Activation::Gelu => gelu(x),
        Activation::GeluTanh => {
            let inner = (x.clone() + x.clone().powi_scalar(3) * 0.044715) * (2.0 / std::f64::consts::PI).sqrt();
            x * (tanh(inner) + 1.0) * 0.5
        }
        Activation::QuickGelu => x.clone() * sigmoid(x * 1.702),
        Activation::Silu => silu(x),
        Activation::Tanh => tanh(x),
        Activation::Sigmoid => sigmoid(x),
    }
}

/// Two values of one shape, or the second a vector of features for each sample that meets every token or place.
fn elementwise(
    inputs: &[Value],
    one: impl Fn(Tensor<1>, Tensor<1>) -> Tensor<1>,
    two: impl Fn(Tensor<2>, Tensor<2>) -> Tensor<2>,
    three: impl Fn(Tensor<3>, Tensor<3>) -> Tensor<3>,
    four: impl Fn(Tensor<4>, Tensor<4>) -> Tensor<4>,
) -> Option<Value> {
    let [a, b] = inputs else { return None };
    Some(match (a.clone(), b.clone()) {
        (Value::R1(a), Value::R1(b)) => Value::R1(one(a, b)),
        (Value::R2(a), Value::R2(b)) => Value::R2(two(a, b)),
        (Value::R3(a), Value::R3(b)) => Value::R3(three(a, b)),
        (Value::R3(a), Value::R2(b)) => Value::R3(three(a, b.unsqueeze_dim(1))),
        (Value::R4(a), Value::R4(b)) => Value::R4(four(a, b)),
        (Value::R4(a), Value::R2(b)) => Value::R4(four(a, b.unsqueeze_dims(&[2, 3]))),
        _ => return None,
    })
}

fn concat(inputs: &[Value], axis: usize) -> Option<Value> {
    /// All values, if they have the variant's rank.
    macro_rules! all {
        ($rank:ident) => {
            inputs
                .iter()
                .map(|value| match value {
                    Value::$rank(tensor) => Some(tensor.clone()),
                    _ => None,
                })
                .collect::<Option<Vec<_>>>()
                .map(|tensors| Value::$rank(Tensor::cat(tensors, axis)))
        };
    }
    match inputs.first()? {
        Value::R1(_) => None,
        Value::R2(_) => all!(R2),
        Value::R3(_) => all!(R3),
        Value::R4(_) => all!(R4),
    }
}

fn slice(op: &Slice, x: Value) -> Value {
    each_rank!(x, x -> x.narrow(op.axis + 1, op.start, op.len))
}

pub(crate) fn wrong(node: &Node, want: &str, got: &[Value]) -> ExecError {
    let got = got.iter().map(Value::shape).collect::<Vec<_>>();
    ExecError::Shape { op: node.op.name(), node: node.name.clone(), want: want.to_string(), got: format!("{got:?}") }
}

/// The value, if it has the shape that the graph worked out for it.
fn expects(node: &Node, value: Value) -> Result<Value, ExecError> {
    if value.shape()[1..] == node.shape[..] {
        return Ok(value);
    }
    Err(wrong(node, &format!("a value of {:?} per sample", node.shape), std::slice::from_ref(&value)))
}
