use std::rc::Rc;

use secateur_graph::ops::{BatchNorm, GroupNorm, LayerNorm, MeanPlaces, MeanTokens, RmsNorm};

use super::{fixed, linear, need, part_of};
use crate::onnx::read::constant::Constant;
use crate::onnx::read::flow::{Flow, Mapped, part};
use crate::onnx::read::index::axis;
use crate::onnx::read::operator::Operator;
use crate::onnx::read::value::{Norm, Part, Power, Value};
use crate::onnx::read::view::{Atom, View, tidy, whole_axes};

/// A mean over tokens or places, or one that is part of a norm.
pub fn mean(flow: &mut Flow, op: Operator<'_>, inputs: &[Option<Value>]) -> Mapped<Value> {
    if let (Some(Part::Rest { x, from }), Ok([1])) = (part_of(inputs, 0), axes(op, inputs, 3).as_deref())
        && op.int("keepdims", 1) == 0
    {
        let node = flow.add(&op.label(), MeanTokens { from: *from }, &[x.node], &[])?;
        return Ok(Value::Data(flow.whole(node, &op.label())));
    }
    let squares = match part_of(inputs, 0) {
        Some(Part::Square { x }) => Some((x.clone(), false)),
        Some(Part::CentredSquare { x }) => Some((x.clone(), true)),
        _ => None,
    };
    let x = match &squares {
        Some((x, _)) => x.clone(),
        None => flow.data(op, 0)?,
    };
    let axes = axes(op, inputs, x.axes.len())?;
    if axes == [x.axes.len() - 1] {
        match squares {
            Some((x, centred)) => return Ok(part(Part::MeanSquare { x, centred, eps: 0.0, step: Power::Square })),
            None if x.axes.len() > 2 => return Ok(part(Part::Mean { x })),
            None => {}
        }
    }
    let kept = op.kind() == "GlobalAveragePool" || op.int("keepdims", 1) != 0;
    over(flow, op, &x, &axes, kept).map(Value::Data)
}

fn axes(op: Operator<'_>, inputs: &[Option<Value>], rank: usize) -> Mapped<Vec<usize>> {
    let given = fixed(inputs, 1).map(Constant::integers).transpose()?.or_else(|| op.ints("axes").map(<[i64]>::to_vec));
    let given = match op.kind() {
        "GlobalAveragePool" => (2..rank as i64).collect(),
        _ => given.ok_or("its axes are missing")?,
    };
    let mut axes = given.iter().map(|at| axis(*at, rank)).collect::<Result<Vec<_>, _>>()?;
    axes.sort_unstable();
    Ok(axes)
}

/// The mean over these axes, which must be all tokens or all places.
fn over(flow: &mut Flow, op: Operator<'_>, x: &View, axes: &[usize], kept: bool) -> Mapped<View> {
    let x = flow.settled(x)?;
    let shape = flow.shape(x.node);
    let own = whole_axes(&shape, flow.batch);
    let mut gone: Vec<_> = axes.iter().flat_map(|at| x.axes[*at].iter().copied()).collect();
    gone.sort_unstable();
    let all = |axes: std::ops::Range<usize>| {
        let mut atoms: Vec<_> = own.get(axes).unwrap_or_default().iter().flatten().copied().collect();
        atoms.sort_unstable();
        !gone.is_empty() && atoms == gone
    };
    let node = match shape.len() {
        3 if all(2..4) => flow.add(&op.label(), MeanPlaces, &[x.node], &[])?,
        2 if all(1..2) => flow.add(&op.label(), MeanTokens { from: 0 }, &[x.node], &[])?,
        _ => return Err(format!("its mean is over axes {axes:?} of {:?}", x.dims()).into()),
    };
    let features = |at: usize| match x.axes[at].iter().any(|atom| atom.axis == 0) {
        true => own[0].clone(),
        false => x.axes[at].iter().map(|atom| Atom { axis: 1, ..*atom }).collect(),
    };
    let left = (0..x.axes.len()).filter(|at| kept || !axes.contains(at));
    let left = left.map(|at| if axes.contains(&at) { Vec::new() } else { features(at) }).collect();
    Ok(View { node, label: op.label(), ..x.with(left) })
}

pub fn length(flow: &mut Flow, op: Operator<'_>, inputs: &[Option<Value>]) -> Mapped<Value> {
    let x = flow.data(op, 0)?;
    let axes = axes(op, inputs, x.axes.len())?;
    if axes != [x.axes.len() - 1] || op.int("keepdims", 1) == 0 {
        return Err("it is not the length of each last axis".into());
    }
    Ok(part(Part::Length { x }))
}

/// A norm that is written out, up to its scale.
pub fn normed(x: View, centred: bool, eps: f64, label: Rc<str>) -> Value {
    let norm = if centred { Norm::Layer } else { Norm::Rms };
    part(Part::Normed { x, norm, eps, scale: None, label })
}

/// One that is an operator.
pub fn norm(flow: &mut Flow, op: Operator<'_>, inputs: &[Option<Value>]) -> Mapped<Value> {
    let (x, label) = (flow.data(op, 0)?, op.label());
    let last = axis(op.int("axis", -1), x.axes.len())? + 1 == x.axes.len();
    let eps = op.float("epsilon", 1e-5);
    match op.kind() {
        "BatchNormalization" => batch_norm(flow, op, inputs, &x, eps).map(Value::Data),
        "InstanceNormalization" => instance_norm(inputs, x, eps, label),
        "GroupNormalization" => {
            let groups = op.int("num_groups", 1).max(1) as usize;
            let params = [fixed(inputs, 1), fixed(inputs, 2)];
            finish(flow, (&x, Norm::Group { groups }, eps), params, &label).map(Value::Data)
        }
        _ if !last => Err("it is over more than the last axis".into()),
        kind => {
            let norm = if kind == "LayerNormalization" { Norm::Layer } else { Norm::Rms };
            finish(flow, (&x, norm, eps), [Some(need(inputs, 1)?), fixed(inputs, 2)], &label).map(Value::Data)
        }
    }
}

fn batch_norm(flow: &mut Flow, op: Operator<'_>, inputs: &[Option<Value>], x: &View, eps: f64) -> Mapped<View> {
    let params = [1, 2, 3, 4].map(|at| need(inputs, at));
    let [weight, bias, mean, variance] = params;
    let (weight, node) = (weight?, flow.plain(x)?);
    let label = flow.module(&op.label(), weight);
    let norm = BatchNorm { channels: weight.len(), eps };
    let node = flow.add(&label, norm, &[node], &[weight, bias?, mean?, variance?])?;
    Ok(flow.whole(node, &label))
}

/// A group norm's first half: groups are its channels, and its own scale and shift do nothing.
fn instance_norm(inputs: &[Option<Value>], x: View, eps: f64, label: Rc<str>) -> Mapped<Value> {
    let (scale, shift) = (need(inputs, 1)?.all()?, need(inputs, 2)?.all()?);
    if scale.iter().any(|scale| *scale != 1.0) || shift.iter().any(|shift| *shift != 0.0) {
        return Err("it has a scale and a shift of its own".into());
    }
    Ok(part(Part::Normed { x, norm: Norm::Group { groups: scale.len() }, eps, scale: None, label }))
}

/// The norm with a scale and a shift, where it has them.
pub fn finish(
    flow: &mut Flow,
    (x, norm, eps): (&View, Norm, f64),
    [scale, shift]: [Option<&Constant>; 2],
    label: &Rc<str>,
) -> Mapped<View> {
    let label = scale.map_or_else(|| label.clone(), |scale| flow.module(label, scale));
    let constant = |len: usize, number: f64| Constant::numbers(vec![len], vec![number; len], false);
    let features = x.dims().last().copied().unwrap_or(1);
    let (ones, zeros) = (constant(features, 1.0), constant(features, 0.0));
    match norm {
        Norm::Layer => {
            let x = linear::by_features(flow, x)?;
            let learned = scale.is_some_and(|scale| !is_ones(scale)) || shift.is_some();
            let params = [scale.unwrap_or(&ones), shift.unwrap_or(&zeros)];
            let op = LayerNorm { learned, ..LayerNorm::new(features, eps) };
            let node = flow.add(&label, op, &[x.node], if learned { &params } else { &[] })?;
            Ok(View { node, label, ..x })
        }
        Norm::Rms => {
            let x = flow.settled(x)?;
            let [atom] = x.axes.last().map_or(&[][..], Vec::as_slice) else { return Err("it has no features".into()) };
            if shift.is_some() || atom.stride != 1 || atom.axis != flow.g.shape(x.node).len() {
                return Err("it is not over features".into());
            }
            let node = flow.add(&label, RmsNorm::new(features, eps), &[x.node], &[scale.unwrap_or(&ones)])?;
            Ok(View { node, label, ..x })
        }
        Norm::Group { groups } => {
            let x = over_channels(flow, x)?;
            let channels = flow.shape(x.node)[0];
            let (ones, zeros) = (constant(channels, 1.0), constant(channels, 0.0));
            let params = [scale.unwrap_or(&ones), shift.unwrap_or(&zeros)];
            let node = flow.add(&label, GroupNorm::new(channels, groups, eps), &[x.node], &params)?;
            Ok(View { node, label, ..x })
        }
    }
}

/// A view with channels before places, however these are joined.
fn over_channels(flow: &mut Flow, x: &View) -> Mapped<View> {
    let x = flow.settled(x)?;
    let whole = flow.whole(x.node, &x.label);
    let joined = |view: &View| tidy(view.axes.iter().flatten().copied().collect());
    if flow.shape(x.node).len() == 3 && joined(&x) == joined(&whole) && x.axes.get(1) == whole.axes.get(1) {
        return Ok(x);
    }
    let node = flow.plain(&x)?;
    match flow.shape(node).len() {
        3 => Ok(flow.whole(node, &x.label)),
        _ => Err(format!("it works on {:?}", x.dims()).into()),
    }
}

fn is_ones(scale: &Constant) -> bool {
    scale.all().is_ok_and(|all| all.iter().all(|one| *one == 1.0))
}
