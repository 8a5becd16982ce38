//! What each operator becomes. One file for each kind of arithmetic.

mod attention;
mod elementwise;
mod functions;
mod linear;
mod norms;
mod places;
mod recurrent;
mod rotary;
mod shapes;
mod tokens;

use std::rc::Rc;

use secateur_graph::ops::Mul;

use super::constant::Constant;
use super::flow::{Flow, Mapped};
use super::operator::Operator;
use super::value::{Part, Value};
use super::view::View;

pub use shapes::rearrange;

/// An operator's values.
pub fn map(flow: &mut Flow, op: Operator<'_>, inputs: &[Option<Value>]) -> Mapped<Vec<Value>> {
    let one = |value: Mapped<Value>| value.map(|value| vec![value]);
    match op.kind() {
        "Constant" => one(shapes::constant(op)),
        "Identity" | "Dropout" | "Cast" => one(shapes::same(op, inputs)),
        "Shape" => one(shapes::shape(flow, op, inputs)),
        "Reshape" | "Flatten" | "Squeeze" | "Unsqueeze" | "Transpose" | "Expand" => {
            one(shapes::change(flow, op, inputs))
        }
        "Slice" => one(shapes::slice(flow, op, inputs)),
        "Split" => shapes::split(flow, op, inputs),
        "Concat" => one(tokens::concat(flow, op, inputs)),
        "Gather" => one(tokens::gather(flow, op, inputs)),
        "GatherND" => one(tokens::gather_nd(flow, op, inputs)),
        "ArgMax" => one(tokens::highest(flow, op)),
        "Gemm" => one(linear::gemm(flow, op, inputs)),
        "MatMul" => one(linear::mat_mul(flow, op, inputs)),
        "Add" | "Sub" => one(elementwise::add(flow, op, inputs)),
        "Mul" | "Div" => one(elementwise::mul(flow, op, inputs)),
        "Neg" | "Pow" | "Sqrt" | "Reciprocal" | "Erf" | "Sin" | "Cos" | "IsNaN" => {
            one(functions::function(flow, op, inputs))
        }
        "Relu" | "Gelu" | "Sigmoid" | "Tanh" | "Clip" | "Max" => one(functions::activation(flow, op, inputs)),
        "Where" => one(attention::choose(flow, op, inputs)),
        "Softmax" => one(attention::softmax(flow, op, inputs)),
        "ReduceMean" | "GlobalAveragePool" => one(norms::mean(flow, op, inputs)),
        "ReduceL2" => one(norms::length(flow, op, inputs)),
        "LayerNormalization"
        | "BatchNormalization"
        | "InstanceNormalization"
        | "GroupNormalization"
        | "RMSNormalization" => one(norms::norm(flow, op, inputs)),
        "Conv" | "MaxPool" | "AveragePool" | "Resize" | "Pad" => one(places::map(flow, op, inputs)),
        "LSTM" | "GRU" | "RNN" => one(recurrent::map(flow, op, inputs)),
        _ => Err("it is not known here".into()),
    }
}

/// The value of a formula that nothing more is added to.
pub fn finish(flow: &mut Flow, part: &Part) -> Mapped<View> {
    match part {
        Part::Product { x, weight, label } => linear::product(flow, x, weight, None, [label; 2]),
        Part::Sigmoid { x, label } => flow.each(label, secateur_graph::ops::Activation::Sigmoid, x),
        Part::Square { x } => {
            let x = flow.settled(x)?;
            let label: Rc<str> = format!("{}.square", x.label).into();
            let node = flow.add(&label, Mul, &[x.node, x.node], &[])?;
            Ok(View { node, ..x })
        }
        Part::Rest { x, from } => {
            let tokens = x.dims()[1];
            shapes::taken(flow, &x.label, x, 1, *from, tokens - from)
        }
        Part::Normed { x, norm, eps, scale, label } => {
            norms::finish(flow, (x, *norm, *eps), [scale.as_ref(), None], label)
        }
        _ => Err("it ends a formula that is not known here".into()),
    }
}

/// An input that is fixed.
fn fixed(inputs: &[Option<Value>], at: usize) -> Option<&Constant> {
    match inputs.get(at)? {
        Some(Value::Fixed(constant)) => Some(constant),
        _ => None,
    }
}

/// An input that must be fixed.
fn need(inputs: &[Option<Value>], at: usize) -> Mapped<&Constant> {
    Ok(fixed(inputs, at).ok_or_else(|| format!("its input {at} is not fixed"))?)
}

/// An input that is part of a formula.
fn part_of(inputs: &[Option<Value>], at: usize) -> Option<&Part> {
    match inputs.get(at)? {
        Some(Value::Part(part)) => Some(part),
        _ => None,
    }
}
