//! Values whose axes are cut, joined and turned, and what that is called among operations.

use std::rc::Rc;

use secateur_graph::NodeId;
use secateur_graph::ops::{Flatten, Slice, ToPlaces, ToTokens, Unpatch};

use super::{fixed, need, part_of};
use crate::model::LARGEST_VALUE;
use crate::onnx::read::constant::Constant;
use crate::onnx::read::flow::{Flow, Mapped, part};
use crate::onnx::read::fold::{reshaped, sizes as positive, split_sizes};
use crate::onnx::read::index::{Bound, axis, slice_bounds};
use crate::onnx::read::operator::Operator;
use crate::onnx::read::value::{Norm, Part, Value};
use crate::onnx::read::view::{Atom, View, whole_axes};
use crate::onnx::read::weights::Stored;

pub fn constant(op: Operator<'_>) -> Mapped<Value> {
    if let Some(tensor) = op.tensor("value") {
        let stored = Stored::here(tensor).map_err(|error| error.to_string())?;
        return Ok(Value::Fixed(Constant::stored(Rc::new(stored))));
    }
    let whole = |ints: &[i64]| ints.iter().map(|int| *int as f64).collect::<Vec<_>>();
    let floats = |floats: &[f32]| floats.iter().map(|float| f64::from(*float)).collect::<Vec<_>>();
    let constant = match (op.ints("value_ints"), op.floats("value_floats")) {
        (Some(ints), _) => Constant::numbers(vec![ints.len()], whole(ints), true),
        (_, Some(all)) => Constant::numbers(vec![all.len()], floats(all), false),
        _ if op.ints("value_int").is_some() => Constant::numbers(vec![], vec![op.int("value_int", 0) as f64], true),
        _ if op.floats("value_float").is_some() => Constant::numbers(vec![], vec![op.float("value_float", 0.0)], false),
        _ => return Err("its value is of a kind that is not known".into()),
    };
    Ok(Value::Fixed(constant))
}

/// The value itself. An initializer that goes by another name is a parameter of that name: exporters store equal
/// tensors once.
pub fn same(op: Operator<'_>, inputs: &[Option<Value>]) -> Mapped<Value> {
    match inputs.first() {
        Some(Some(Value::Fixed(constant))) => {
            let name = op.proto.output.first().map(|output| output.as_str().into());
            Ok(Value::Fixed(Constant { name, ..constant.clone() }))
        }
        Some(Some(value)) => Ok(value.clone()),
        _ => Err("its input is missing".into()),
    }
}

pub fn shape(flow: &mut Flow, op: Operator<'_>, inputs: &[Option<Value>]) -> Mapped<Value> {
    let dims = match inputs.first() {
        Some(Some(Value::Fixed(constant))) => constant.shape.clone(),
        Some(Some(Value::Part(part))) if part.like().is_some() => part.like().map(View::dims).unwrap_or_default(),
        _ => flow.data(op, 0)?.dims(),
    };
    let rank = dims.len() as i64;
    let from_start = |at: i64| (if at < 0 { at + rank } else { at }).clamp(0, rank) as usize;
    let (start, end) = (from_start(op.int("start", 0)), from_start(op.int("end", rank)));
    let dims = dims.get(start..end).unwrap_or_default().to_vec();
    Ok(Value::Fixed(Constant::whole(vec![dims.len()], dims)))
}

/// Another view of the input.
pub fn change(flow: &mut Flow, op: Operator<'_>, inputs: &[Option<Value>]) -> Mapped<Value> {
    // Groups of channels are joined again before their norm is scaled.
    if let Some(Part::Normed { x, norm: norm @ Norm::Group { .. }, eps, scale, label }) = part_of(inputs, 0) {
        let x = changed(op, inputs, x)?;
        let (scale, label) = (scale.clone(), label.clone());
        return Ok(part(Part::Normed { x, norm: *norm, eps: *eps, scale, label }));
    }
    let x = flow.data(op, 0)?;
    let view = changed(op, inputs, &x)?;
    // What scales it keeps its name until it is an operation.
    let bare = (x.scale, x.shift) == (1.0, 0.0);
    let label = if view.axes == x.axes || !bare { x.label } else { op.label() };
    Ok(Value::Data(View { label, ..view }))
}

fn changed(op: Operator<'_>, inputs: &[Option<Value>], x: &View) -> Mapped<View> {
    let dims = x.dims();
    let given = |at: usize| -> Mapped<Vec<i64>> { Ok(need(inputs, at)?.integers()?) };
    let axes = |rank: usize| -> Mapped<Vec<usize>> {
        let given = fixed(inputs, 1).map(Constant::integers).transpose()?;
        let given = given.or_else(|| op.ints("axes").map(<[i64]>::to_vec)).ok_or("its axes are missing")?;
        let mut axes = given
            .iter()
            .map(|at| axis(*at, rank + given.len() * usize::from(op.kind() == "Unsqueeze")))
            .collect::<Result<Vec<_>, _>>()?;
        axes.sort_unstable();
        Ok(axes)
    };
    let view = match op.kind() {
        "Reshape" => x.reshape(&reshaped(&dims, &given(1)?, op.int("allowzero", 0) != 0)?),
        "Flatten" => {
            let at = axis(op.int("axis", 1), dims.len() + 1)?;
            x.reshape(&[dims[..at].iter().product(), dims[at..].iter().product()])
        }
        "Unsqueeze" => x.unsqueeze(&axes(dims.len())?),
        "Squeeze" => x.squeeze(&axes(dims.len())?),
        "Transpose" => {
            let usual: Vec<i64> = (0..dims.len() as i64).rev().collect();
            let perm = op.ints("perm").unwrap_or(&usual);
            let perm = perm.iter().map(|at| axis(*at, dims.len())).collect::<Result<Vec<_>, _>>()?;
            x.transpose(&perm)
        }
        _ => x.expand(&positive(&given(1)?)?),
    };
    // Others multiply its sizes without looking.
    let view = view.filter(|view| {
        view.dims().iter().try_fold(1usize, |all, size| all.checked_mul(*size)).is_some_and(|all| all <= LARGEST_VALUE)
    });
    Ok(view.ok_or_else(|| format!("it changes {dims:?} in a way that is not known here"))?)
}

/// The node whose value a view is, by the operation that makes it.
pub fn rearrange(flow: &mut Flow, view: &View) -> Mapped<NodeId> {
    let (shape, dims) = (flow.shape(view.node), view.dims());
    let whole = flow.whole(view.node, &view.label);
    let batch = flow.batch;
    if whole.axes == view.axes {
        if dims[1..] == shape[..] {
            return Ok(view.node);
        }
        return match dims[..] {
            [_, _] => flow.add(&view.label, Flatten, &[view.node], &[]),
            _ => Err(format!("it makes {dims:?} of {shape:?}").into()),
        };
    }
    let is = |made: Option<View>| made.is_some_and(|made| made.axes == view.axes);
    match (&shape[..], &dims[1..]) {
        (_, [all]) if is(whole.reshape(&[batch, *all])) => flow.add(&view.label, Flatten, &[view.node], &[]),
        ([channels, _, _], [tokens, _])
            if is(whole.reshape(&[batch, *channels, *tokens]).and_then(|view| view.transpose(&[0, 2, 1]))) =>
        {
            flow.add(&view.label, ToTokens, &[view.node], &[])
        }
        (&[_, channels], &[_, height, width])
            if is(whole.transpose(&[0, 2, 1]).and_then(|view| view.reshape(&[batch, channels, height, width]))) =>
        {
            flow.add(&view.label, ToPlaces { height, width }, &[view.node], &[])
        }
        (&[_, features], &[channels, height, width]) => {
            let patch = (features / channels.max(1)).isqrt().max(1);
            let op = Unpatch { height: height / patch, width: width / patch, patch, channels };
            let painted = whole.reshape(&[batch, op.height, op.width, patch, patch, channels]);
            let painted = painted.and_then(|view| view.transpose(&[0, 5, 1, 3, 2, 4]));
            match is(painted.and_then(|view| view.reshape(&[batch, channels, height, width]))) {
                true => flow.add(&view.label, op, &[view.node], &[]),
                false => Err(format!("it makes {dims:?} of {shape:?}").into()),
            }
        }
        _ => Err(format!("it makes {dims:?} of {shape:?} in another order").into()),
    }
}

pub fn slice(flow: &mut Flow, op: Operator<'_>, inputs: &[Option<Value>]) -> Mapped<Value> {
    let mut x = flow.data(op, 0)?;
    let list = |at: usize, name: &str| match inputs.get(at) {
        Some(Some(Value::Fixed(list))) => list.integers().map(Some),
        _ => Ok(op.ints(name).map(<[i64]>::to_vec)),
    };
    let dims = x.dims();
    let bounds = slice_bounds(&dims, list(1, "starts")?, list(2, "ends")?, list(3, "axes")?, list(4, "steps")?)?;
    for (at, Bound { start, len, step }) in bounds.into_iter().enumerate() {
        if step != 1 {
            return Err("it leaves entries out between others".into());
        }
        if let Some(half) = half(&x, at, start, len) {
            return Ok(half);
        }
        if at == 1 && len > 0 && start + len == dims[at] && start > 0 && x.axes == token_axes(flow, &x) {
            let x = View { label: op.label(), ..flow.settled(&x)? };
            return Ok(part(Part::Rest { x, from: start }));
        }
        if len != dims[at] {
            x = taken(flow, &op.label(), &x, at, start, len)?;
        }
    }
    Ok(Value::Data(x))
}

/// The axes of a text that is as it is; none for what is no text.
fn token_axes(flow: &Flow, x: &View) -> Vec<Vec<Atom>> {
    match flow.g.shape(x.node) {
        shape @ [_, _] => whole_axes(shape, flow.batch),
        _ => Vec::new(),
    }
}

/// One half of the features of each head, as rotary positions take them.
fn half(x: &View, at: usize, start: usize, len: usize) -> Option<Value> {
    let dims = x.dims();
    let features = *dims.get(at)?;
    let halves = len * 2 == features && (start == 0 || start == len);
    let of_heads = dims.len() == 4 && at == 3 && x.axes[3].len() == 1 && x.axes[3][0].stride == 1;
    (halves && of_heads).then(|| part(Part::Half { x: x.clone(), second: start > 0, negative: false }))
}

/// `len` entries of an axis from `start` on, by a node of its own.
pub fn taken(flow: &mut Flow, label: &Rc<str>, x: &View, at: usize, start: usize, len: usize) -> Mapped<View> {
    let x = flow.settled(x)?;
    let shape = flow.shape(x.node);
    if len == 0 {
        return Err("it takes nothing".into());
    }
    let (part, axes) = x
        .part(at, start, len, &shape)
        .ok_or_else(|| format!("it takes {len} entries of axis {at} of {:?}", x.dims()))?;
    let node = flow.add(label, Slice { axis: part.axis, start: part.start, len: part.len }, &[x.node], &[])?;
    Ok(View { node, label: label.clone(), ..x.with(axes) })
}

pub fn split(flow: &mut Flow, op: Operator<'_>, inputs: &[Option<Value>]) -> Mapped<Vec<Value>> {
    let x = flow.data(op, 0)?;
    let dims = x.dims();
    let at = axis(op.int("axis", 0), dims.len())?;
    let mut start = 0;
    let mut parts = Vec::new();
    for len in split_sizes(op, dims[at], fixed(inputs, 1))? {
        parts.push(match half(&x, at, start, len) {
            Some(half) => half,
            None => Value::Data(taken(flow, &op.label(), &x, at, start, len)?),
        });
        start += len;
    }
    Ok(parts)
}
