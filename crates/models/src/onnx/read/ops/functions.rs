//! Functions of single entries, and the formulas they are part of.

use secateur_graph::ops::Activation;

use super::elementwise::near;
use super::{fixed, part_of};
use crate::onnx::read::constant::Constant;
use crate::onnx::read::flow::{Flow, Mapped, part};
use crate::onnx::read::operator::Operator;
use crate::onnx::read::value::{Cubic, Part, Power, Value, Wave};
use crate::onnx::read::view::View;

/// An elementwise operator that may be part of a formula.
pub fn function(flow: &mut Flow, op: Operator<'_>, inputs: &[Option<Value>]) -> Mapped<Value> {
    let begun = part_of(inputs, 0);
    let value = match (op.kind(), begun) {
        ("Sqrt", Some(Part::MeanSquare { x, centred, eps, step: Power::Square })) => {
            part(Part::MeanSquare { x: x.clone(), centred: *centred, eps: *eps, step: Power::Root })
        }
        ("Reciprocal", Some(Part::MeanSquare { x, centred, eps, step: Power::Root })) => {
            part(Part::MeanSquare { x: x.clone(), centred: *centred, eps: *eps, step: Power::Inverse })
        }
        ("Neg", Some(Part::Half { x, second, negative })) => {
            part(Part::Half { x: x.clone(), second: *second, negative: !negative })
        }
        ("Pow", _) => return power(flow, op, inputs),
        ("Sin" | "Cos", Some(Part::Angles { t, frequencies, wave: None })) => {
            let wave = Some(if op.kind() == "Sin" { Wave::Sine } else { Wave::Cosine });
            part(Part::Angles { t: *t, frequencies: frequencies.clone(), wave })
        }
        ("IsNaN", Some(Part::Scores(_))) => part(Part::NotANumber),
        ("Neg", _) => {
            let x = flow.data(op, 0)?;
            Value::Data(View { scale: -x.scale, shift: -x.shift, label: op.label(), ..x })
        }
        ("Erf", _) => part(Part::Erf { x: flow.data(op, 0)?, plus_one: false }),
        _ => return Err("it belongs to no formula that is known here".into()),
    };
    Ok(value)
}

pub fn squared(flow: &mut Flow, op: Operator<'_>, inputs: &[Option<Value>]) -> Mapped<Value> {
    Ok(match part_of(inputs, 0) {
        Some(Part::Centred { x }) => part(Part::CentredSquare { x: x.clone() }),
        _ => part(Part::Square { x: flow.data(op, 0)? }),
    })
}

fn power(flow: &mut Flow, op: Operator<'_>, inputs: &[Option<Value>]) -> Mapped<Value> {
    let exponent = fixed(inputs, 1).and_then(Constant::single);
    Ok(match (exponent, part_of(inputs, 0)) {
        (Some(2.0), _) => return squared(flow, op, inputs),
        (Some(-0.5), Some(Part::MeanSquare { x, centred, eps, step: Power::Square })) => {
            part(Part::MeanSquare { x: x.clone(), centred: *centred, eps: *eps, step: Power::Inverse })
        }
        (Some(0.5), Some(Part::MeanSquare { x, centred, eps, step: Power::Square })) => {
            part(Part::MeanSquare { x: x.clone(), centred: *centred, eps: *eps, step: Power::Root })
        }
        (Some(3.0), _) => {
            let x = flow.data(op, 0)?;
            let x = flow.settled(&x)?;
            part(Part::Cubic { x, step: Cubic::Cube })
        }
        _ => return Err("its exponent is not 2, 3 or ±0.5".into()),
    })
}

pub fn activation(flow: &mut Flow, op: Operator<'_>, inputs: &[Option<Value>]) -> Mapped<Value> {
    let label = op.label();
    let activation = match (op.kind(), part_of(inputs, 0)) {
        ("Tanh", Some(Part::Cubic { x, step: Cubic::Sum })) if near(x.scale, (2.0 / std::f64::consts::PI).sqrt()) => {
            return Ok(part(Part::Cubic { x: View { scale: 1.0, ..x.clone() }, step: Cubic::Tanh }));
        }
        ("Clip" | "Max", Some(Part::Length { x })) => return Ok(part(Part::Length { x: x.clone() })),
        ("Sigmoid", _) => return Ok(part(Part::Sigmoid { x: flow.data(op, 0)?, label })),
        ("Relu", _) => Activation::Relu,
        ("Tanh", _) => Activation::Tanh,
        ("Gelu", _) if op.text("approximate") == Some("tanh") => Activation::GeluTanh,
        ("Gelu", _) => Activation::Gelu,
        ("Clip", _) => clip(op, inputs)?,
        _ => return Err("it belongs to no formula that is known here".into()),
    };
    let x = flow.data(op, 0)?;
    flow.each(&label, activation, &x).map(Value::Data)
}

fn clip(op: Operator<'_>, inputs: &[Option<Value>]) -> Mapped<Activation> {
    let bound = |at: usize, name: &str, usual: f64| {
        fixed(inputs, at).and_then(Constant::single).unwrap_or_else(|| op.float(name, usual))
    };
    match (bound(1, "min", f64::NEG_INFINITY), bound(2, "max", f64::INFINITY)) {
        (0.0, 6.0) => Ok(Activation::Relu6),
        (0.0, most) if most >= f64::from(f32::MAX) => Ok(Activation::Relu),
        (least, most) => Err(format!("it keeps entries between {least} and {most}").into()),
    }
}
