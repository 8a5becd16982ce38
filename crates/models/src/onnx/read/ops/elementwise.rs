//! Sums and products, and the formulas they are part of.

use std::rc::Rc;

use secateur_graph::ops::{Activation, Add, AddPosition, Bias, LayerScale, Mul, Normalize, SinePositions};
use secateur_graph::{NodeId, Op};

use super::{attention, fixed, functions, linear, norms, part_of, rotary};
use crate::onnx::read::constant::{Change, Constant, Values};
use crate::onnx::read::flow::{Flow, Mapped, part, stored_matrix};
use crate::onnx::read::operator::{Operator, short};
use crate::onnx::read::value::{Cubic, Part, Power, Value};
use crate::onnx::read::view::View;

/// Both orders of an operator's two inputs.
const ORDERS: [(usize, usize); 2] = [(0, 1), (1, 0)];

/// Whether two numbers are one, as files round them.
pub fn near(a: f64, b: f64) -> bool {
    (a - b).abs() <= 1e-4 * b.abs()
}

fn same(a: &View, b: &View) -> bool {
    (a.node, &a.axes) == (b.node, &b.axes)
}

/// A value that comes from the graph already.
fn known(inputs: &[Option<Value>], at: usize) -> Option<&View> {
    match inputs.get(at)? {
        Some(Value::Data(view)) => Some(view),
        _ => None,
    }
}

pub fn add(flow: &mut Flow, op: Operator<'_>, inputs: &[Option<Value>]) -> Mapped<Value> {
    let minus = op.kind() == "Sub";
    if let (Some(x), Some(Part::Mean { x: of }), true) = (known(inputs, 0), part_of(inputs, 1), minus)
        && same(x, of)
    {
        return Ok(part(Part::Centred { x: x.clone() }));
    }
    for (first, second) in ORDERS.into_iter().take(if minus { 1 } else { 2 }) {
        if let Some(value) = formula_sum(flow, op, inputs, (first, second))? {
            return Ok(value);
        }
        if let Some(constant) = fixed(inputs, second) {
            let x = flow.data(op, first)?;
            return plus_fixed(flow, &op.label(), x, constant, if minus { -1.0 } else { 1.0 }).map(Value::Data);
        }
    }
    if let (Some(number), true) = (fixed(inputs, 0).and_then(Constant::single), minus) {
        let x = flow.data(op, 1)?;
        return Ok(Value::Data(View { scale: -x.scale, shift: number - x.shift, label: op.label(), ..x }));
    }
    let (a, b) = (flow.data(op, 0)?, flow.data(op, 1)?);
    let b = if minus { View { scale: -b.scale, shift: -b.shift, ..b } } else { b };
    pair(flow, &op.label(), Add, a, b).map(Value::Data)
}

/// A sum that goes on with a formula.
fn formula_sum(
    flow: &mut Flow,
    op: Operator<'_>,
    inputs: &[Option<Value>],
    (first, second): (usize, usize),
) -> Mapped<Option<Value>> {
    let Some(begun) = part_of(inputs, first) else { return Ok(None) };
    let number = fixed(inputs, second).and_then(Constant::single);
    let label = op.label();
    Ok(Some(match (begun, number) {
        (Part::MeanSquare { x, centred, eps, step: Power::Square }, Some(more)) => {
            let eps = short((eps + more) as f32);
            part(Part::MeanSquare { x: x.clone(), centred: *centred, eps, step: Power::Square })
        }
        (Part::Erf { x, plus_one: false }, Some(1.0)) => part(Part::Erf { x: x.clone(), plus_one: true }),
        (Part::Cubic { x, step: Cubic::Tanh }, Some(1.0)) => {
            part(Part::Cubic { x: x.clone(), step: Cubic::TanhPlusOne })
        }
        (Part::Cubic { x, step: Cubic::Cube }, None) => match known(inputs, second) {
            Some(whole) if same(whole, x) && near(x.scale, 0.044715) && whole.scale == 1.0 => {
                part(Part::Cubic { x: whole.clone(), step: Cubic::Sum })
            }
            _ => return Ok(None),
        },
        (Part::Length { x }, Some(_)) => part(Part::Length { x: x.clone() }),
        (Part::Scores(scores), _) => match fixed(inputs, second) {
            Some(mask) => attention::masked(scores, mask, |added| (added < -1e4, added == 0.0))?,
            None => return Ok(None),
        },
        (Part::Product { x, weight, label: of }, _) => match fixed(inputs, second) {
            Some(bias) if bias.only_axis(x.axes.len()) == Some(x.axes.len() - 1) && bias.len() == weight.shape[1] => {
                Value::Data(linear::product(flow, x, weight, Some(bias), [of, &label])?)
            }
            _ => return Ok(None),
        },
        (Part::Normed { x, norm, eps, scale: Some(scale), .. }, _) => match fixed(inputs, second) {
            Some(shift) if shift.len() == scale.len() => {
                Value::Data(norms::finish(flow, (x, *norm, *eps), [Some(scale), Some(shift)], &label)?)
            }
            _ => return Ok(None),
        },
        (Part::Waved { .. }, _) => match part_of(inputs, second) {
            Some(other @ Part::Waved { .. }) => Value::Data(rotary::rotary(flow, begun, other, &label)?),
            _ => return Ok(None),
        },
        _ => return Ok(None),
    }))
}

/// x + a fixed number, vector or table.
fn plus_fixed(flow: &mut Flow, label: &Rc<str>, x: View, constant: &Constant, sign: f64) -> Mapped<View> {
    let dims = x.dims();
    let number = if dims.len() == 1 { constant.for_samples(dims[0]) } else { constant.single() };
    if let Some(number) = number {
        return Ok(View { shift: x.shift + sign * number, label: label.clone(), ..x });
    }
    if sign < 0.0 {
        return Err("it takes a fixed table away".into());
    }
    let features = constant.len();
    if let Some(at) = constant.only_axis(dims.len()).filter(|at| dims[*at] == features) {
        return linear::with_vector(flow, &x, at, Bias { features }, constant, label);
    }
    let [samples, tokens, features] = *dims else { return Err(format!("it adds fixed {:?}", constant.shape).into()) };
    let constant = &constant.one_of(samples)?;
    if constant.len() != tokens * features {
        return Err(format!("it adds fixed {:?} to {dims:?}", constant.shape).into());
    }
    positions(flow, label, &x, constant, (tokens, features))
}

/// Something for each token's place.
fn positions(
    flow: &mut Flow,
    label: &Rc<str>,
    x: &View,
    constant: &Constant,
    (tokens, features): (usize, usize),
) -> Mapped<View> {
    let node = flow.plain(x)?;
    let added = |flow: &mut Flow, op: Op, params: &[&Constant]| {
        let label = params.first().map_or_else(|| label.clone(), |table| flow.module(label, table));
        let node = flow.add(&label, op, &[node], params)?;
        Ok(flow.whole(node, &label))
    };
    if let Values::Stored(stored, Change::Rows { first, .. }) = &constant.values {
        let whole = Constant { name: constant.name.clone(), ..Constant::stored(stored.clone()) };
        let entries = stored.tensor.shape[0];
        return added(
            flow,
            AddPosition { first: *first, ..AddPosition::embedding(entries, features) }.into(),
            &[&whole],
        );
    }
    if let Some(waves) = sines(constant, tokens, features)? {
        return added(flow, waves.into(), &[]);
    }
    if constant.shape == [tokens, features] && stored_matrix(constant).is_some_and(|(_, turned)| !turned) {
        return added(flow, AddPosition::embedding(tokens, features).into(), &[constant]);
    }
    if constant.name.is_none() || !matches!(constant.values, Values::Stored(..)) {
        let all = constant.all()?;
        if all.chunks(features).all(|row| row == &all[..features]) {
            let row = Constant::numbers(vec![features], &all[..features], false);
            return added(flow, Bias { features }.into(), &[&row]);
        }
    }
    added(flow, AddPosition::parameter(tokens, features).into(), &[constant])
}

/// Fixed waves, if the table is that.
fn sines(constant: &Constant, tokens: usize, features: usize) -> Mapped<Option<SinePositions>> {
    if !features.is_multiple_of(4) || tokens < 2 {
        return Ok(None);
    }
    let all = constant.all()?;
    let heights = (1..=tokens).filter(|height| tokens.is_multiple_of(*height));
    let mut tables = heights.map(|height| SinePositions { height, width: tokens / height, features });
    Ok(tables.find(|waves| waves.table().iter().zip(all.iter()).all(|(a, b)| (a - b).abs() < 1e-6)))
}

pub fn mul(flow: &mut Flow, op: Operator<'_>, inputs: &[Option<Value>]) -> Mapped<Value> {
    let over = op.kind() == "Div";
    if !over && op.proto.input.first() == op.proto.input.get(1) {
        return functions::squared(flow, op, inputs);
    }
    for (first, second) in ORDERS.into_iter().take(if over { 1 } else { 2 }) {
        if let Some(value) = formula_product(flow, op, inputs, (first, second), over)? {
            return Ok(value);
        }
        if let Some(constant) = fixed(inputs, second) {
            let x = flow.data(op, first)?;
            return times_fixed(flow, &op.label(), x, constant, over);
        }
    }
    let (a, b) = (flow.data(op, 0)?, flow.data(op, 1)?);
    if over {
        return Err("it divides by what is not fixed".into());
    }
    pair(flow, &op.label(), Mul, a, b).map(Value::Data)
}

/// A product or quotient that goes on with a formula.
fn formula_product(
    flow: &mut Flow,
    op: Operator<'_>,
    inputs: &[Option<Value>],
    (first, second): (usize, usize),
    over: bool,
) -> Mapped<Option<Value>> {
    let factor = fixed(inputs, second).and_then(Constant::single).map(|by| if over { 1.0 / by } else { by });
    let label = op.label();
    if let (Some(begun), Some(factor)) = (part_of(inputs, first), factor) {
        return Ok(match begun {
            Part::Cubic { x, step: step @ (Cubic::Cube | Cubic::Sum) } => {
                Some(part(Part::Cubic { x: View { scale: x.scale * factor, ..x.clone() }, step: *step }))
            }
            Part::Scores(scores) if !scores.softmax => {
                let mut scores = scores.clone();
                scores.scale *= factor;
                Some(part(Part::Scores(scores)))
            }
            _ => None,
        });
    }
    if let (Some(begun), Some(constant)) = (part_of(inputs, first), fixed(inputs, second)) {
        return Ok(match begun {
            Part::Normed { x, norm, eps, scale: None, .. } if !over => {
                let (x, norm, eps, scale) = (x.clone(), *norm, *eps, Some(constant.clone()));
                Some(part(Part::Normed { x, norm, eps, scale, label }))
            }
            Part::Turned { x } if !over => rotary::waved(x, true, constant)?,
            _ => None,
        });
    }
    // Something times what is made of it.
    let centred = match inputs.get(first) {
        Some(Some(Value::Part(part))) => match &**part {
            Part::Centred { x } => Some((x, true)),
            _ => None,
        },
        _ => known(inputs, first).map(|x| (x, false)),
    };
    let (Some((x, centred)), Some(by)) = (centred, part_of(inputs, second)) else { return Ok(None) };
    Ok(match by {
        Part::MeanSquare { x: of, centred: deviations, eps, step } if same(x, of) && centred == *deviations => {
            let fits = if over { *step == Power::Root } else { *step == Power::Inverse };
            fits.then(|| norms::normed(x.clone(), centred, *eps, label))
        }
        Part::Length { x: of } if over && same(x, of) => {
            let x = linear::by_features(flow, x)?;
            Some(Value::Data(flow.each(&label, Normalize, &x)?))
        }
        Part::Sigmoid { x: of, .. } if !over && same(x, of) && x.shift == 0.0 && of.shift == 0.0 => {
            match of.scale / x.scale {
                1.0 => Some(activated(flow, &label, Activation::Silu, x, 1.0)?),
                steep if near(steep, 1.702) => Some(activated(flow, &label, Activation::QuickGelu, x, 1.0)?),
                _ => None,
            }
        }
        Part::Erf { x: of, plus_one: true } if !over && same(x, of) && near(of.scale, 0.5f64.sqrt()) => {
            Some(activated(flow, &label, Activation::Gelu, x, 2.0)?)
        }
        Part::Cubic { x: of, step: Cubic::TanhPlusOne } if !over && same(x, of) => {
            Some(activated(flow, &label, Activation::GeluTanh, x, 2.0)?)
        }
        _ => None,
    })
}

/// `times` the activation of x, where x carries a factor itself.
fn activated(flow: &mut Flow, label: &Rc<str>, op: Activation, x: &View, times: f64) -> Mapped<Value> {
    let bare = View { scale: 1.0, ..x.clone() };
    let y = flow.each(label, op, &bare)?;
    Ok(Value::Data(View { scale: x.scale * times, ..y }))
}

/// x times a fixed number, vector or table.
fn times_fixed(flow: &mut Flow, label: &Rc<str>, x: View, constant: &Constant, over: bool) -> Mapped<Value> {
    let dims = x.dims();
    let number = if dims.len() == 1 { constant.for_samples(dims[0]) } else { constant.single() };
    if let Some(number) = number {
        let by = if over { 1.0 / number } else { number };
        return Ok(Value::Data(View { scale: x.scale * by, shift: x.shift * by, label: label.clone(), ..x }));
    }
    if over {
        return Err(format!("it divides by fixed {:?}", constant.shape).into());
    }
    let features = constant.len();
    if flow.shape(x.node).is_empty() && dims.iter().skip(1).all(|size| *size == 1) {
        let t = flow.settled(&x)?.node;
        return Ok(part(Part::Angles { t, frequencies: constant.all()?, wave: None }));
    }
    if let Some(at) = constant.only_axis(dims.len()).filter(|at| dims[*at] == features) {
        return linear::with_vector(flow, &x, at, LayerScale { features }, constant, label).map(Value::Data);
    }
    let waved = rotary::waved(&x, false, constant)?;
    Ok(waved.ok_or_else(|| format!("it multiplies {dims:?} by fixed {:?}", constant.shape))?)
}

/// Two values of one shape, or a vector of features for each sample that meets every token or place of the other.
fn pair(flow: &mut Flow, label: &Rc<str>, op: impl Into<Op>, a: View, b: View) -> Mapped<View> {
    let (a, b) = (flow.settled(&a)?, flow.settled(&b)?);
    let op = op.into();
    if a.axes == b.axes && flow.shape(a.node) == flow.shape(b.node) {
        let node = flow.add(label, op, &[a.node, b.node], &[])?;
        return Ok(View { node, label: label.clone(), ..a });
    }
    let (a, b) = if a.dims().len() < b.dims().len() || a.dims().iter().product::<usize>() < b.dims().iter().product() {
        (b, a)
    } else {
        (a, b)
    };
    let second = match vector(flow, &a, &b)? {
        Some(vector) => vector,
        None => flow.plain(&b)?,
    };
    let first = flow.plain(&a)?;
    let node = flow.add(label, op, &[first, second], &[])?;
    Ok(flow.whole(node, label))
}

/// The node of [features] that `b` is, if it meets every token or place of `a`.
fn vector(flow: &mut Flow, a: &View, b: &View) -> Mapped<Option<NodeId>> {
    let (rank, dims) = (a.axes.len(), b.dims());
    let at = if rank == 4 { 1 } else { rank - 1 };
    let own = (at + dims.len()).checked_sub(rank);
    let alone =
        |own: usize| own > 0 && dims.iter().skip(1).enumerate().all(|(axis, size)| axis + 1 == own || *size == 1);
    let Some(own) = own.filter(|own| rank > 2 && dims.len() == rank && alone(*own)) else { return Ok(None) };
    let units: Vec<usize> = (1..dims.len()).filter(|axis| *axis != own).collect();
    let Some(b) = b.squeeze(&units) else { return Ok(None) };
    flow.plain(&b).map(Some)
}
