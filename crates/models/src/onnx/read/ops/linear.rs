use std::rc::Rc;

use secateur_graph::NodeId;
use secateur_graph::Op;
use secateur_graph::ops::{Bias, Embedding, Linear};

use super::attention;
use super::{fixed, need};
use crate::onnx::read::constant::Constant;
use crate::onnx::read::flow::{Flow, Mapped, part, stored_matrix};
use crate::onnx::read::operator::Operator;
use crate::onnx::read::value::{Part, Value};
use crate::onnx::read::view::{Atom, View, tidy, whole_axis};

pub fn gemm(flow: &mut Flow, op: Operator<'_>, inputs: &[Option<Value>]) -> Mapped<Value> {
    if op.int("transA", 0) != 0 || op.float("alpha", 1.0) != 1.0 || op.float("beta", 1.0) != 1.0 {
        return Err("it turns or scales its inputs".into());
    }
    let (x, weight) = (flow.data(op, 0)?, need(inputs, 1)?);
    let weight = if op.int("transB", 0) != 0 { turned(weight)? } else { weight.clone() };
    Ok(Value::Data(product(flow, &x, &weight, fixed(inputs, 2), [&op.label(); 2])?))
}

/// The matrix with its axes the other way round.
pub fn turned(matrix: &Constant) -> Mapped<Constant> {
    if let Some(turned) = matrix.transposed() {
        return Ok(turned);
    }
    let &[rows, columns] = matrix.shape.as_slice() else { return Err("its weight is no matrix".into()) };
    let all = matrix.all()?;
    let entries = (0..columns).flat_map(|column| (0..rows).map(move |row| (row, column)));
    let numbers: Vec<f64> = entries.map(|(row, column)| all[row * columns + column]).collect();
    Ok(Constant { name: matrix.name.clone(), ..Constant::numbers(vec![columns, rows], numbers, false) })
}

/// A product with a fixed matrix, or one of attention's two.
pub fn mat_mul(flow: &mut Flow, op: Operator<'_>, inputs: &[Option<Value>]) -> Mapped<Value> {
    let Some(weight) = fixed(inputs, 1) else { return attention::mat_mul(flow, op, inputs) };
    let x = flow.data(op, 0)?;
    if weight.shape.len() != 2 {
        return Err(format!("its fixed factor has shape {:?}", weight.shape).into());
    }
    Ok(part(Part::Product { x, weight: weight.clone(), label: op.label() }))
}

/// x W + b on the last axis; W is [inputs, outputs]. The labels are the product's and the sum's.
pub fn product(
    flow: &mut Flow,
    x: &View,
    weight: &Constant,
    bias: Option<&Constant>,
    labels: [&Rc<str>; 2],
) -> Mapped<View> {
    let &[inputs, outputs] = weight.shape.as_slice() else { return Err("its weight is no matrix".into()) };
    let x = by_features(flow, x)?;
    if let Some(view) = tied(flow, &x, weight, bias, labels)? {
        return Ok(view);
    }
    let stored = stored_matrix(weight).map(|(name, turned)| (name.to_string(), turned));
    let transposed = !matches!(stored, Some((_, true)));
    let op = Linear { inputs, outputs, bias: bias.is_some(), transposed };
    let label = flow.module(labels[0], weight);
    let params: Vec<&Constant> = [weight].into_iter().chain(bias).collect();
    let node = flow.add(&label, op, &[x.node], &params)?;
    if let Some((name, true)) = stored.filter(|_| bias.is_none()) {
        flow.tables.entry(name).or_insert(node);
    }
    Ok(of_features(flow, &x, node, &label))
}

/// By the matrix of an earlier embedding or product, if it is that; a bias is added after it.
fn tied(
    flow: &mut Flow,
    x: &View,
    weight: &Constant,
    bias: Option<&Constant>,
    [label, sum]: [&Rc<str>; 2],
) -> Mapped<Option<View>> {
    let (&[inputs, outputs], Some((name, true))) = (weight.shape.as_slice(), stored_matrix(weight)) else {
        return Ok(None);
    };
    let Some(table) = flow.tables.get(name).copied() else { return Ok(None) };
    let node = flow.tie(label, Linear::new(inputs, outputs, false), x.node, table)?;
    let x = of_features(flow, x, node, label);
    match bias {
        None => Ok(Some(x)),
        Some(bias) => {
            let last = x.axes.len() - 1;
            with_vector(flow, &x, last, Bias { features: outputs }, bias, sum).map(Some)
        }
    }
}

/// Looks rows up; ids are a node's value.
pub fn embedding(flow: &mut Flow, op: Operator<'_>, table: &Constant, ids: &View) -> Mapped<Value> {
    let &[entries, features] = table.shape.as_slice() else { return Err("its table is no matrix".into()) };
    let ids_node = flow.settled(ids)?.node;
    let label = flow.module(&op.label(), table);
    let node = flow.add(&label, Embedding { entries, features }, &[ids_node], &[table])?;
    if let Some((name, false)) = stored_matrix(table) {
        flow.tables.entry(name.to_string()).or_insert(node);
    }
    let rank = flow.shape(ids_node).len();
    let axes = ids.axes.iter().cloned().chain([whole_axis(rank + 1, features)]).collect();
    Ok(Value::Data(View { node, label, scale: 1.0, shift: 0.0, ..ids.with(axes) }))
}

/// A view whose last axis is that of its node: what works on features may then work on the node.
pub fn by_features(flow: &mut Flow, x: &View) -> Mapped<View> {
    featured(flow, x, x.axes.len() - 1)
}

/// A view whose axis `at` is the features of its node, whatever the others are.
fn featured(flow: &mut Flow, x: &View, at: usize) -> Mapped<View> {
    let x = flow.settled(x)?;
    let shape = flow.shape(x.node);
    let is_axis = |axis: usize| shape.get(axis).is_some_and(|size| x.axes[at] == whole_axis(axis + 1, *size));
    if is_axis(shape.len().wrapping_sub(1)) {
        return Ok(x);
    }
    if let (&[channels, _, width], true) = (shape.as_slice(), is_axis(0)) {
        return by_tokens(flow, &x, channels, width);
    }
    let node = flow.plain(&x)?;
    match at + 1 == x.axes.len() {
        true => Ok(flow.whole(node, &x.label)),
        false => Err(format!("it works on axis {at} of {:?}", x.dims()).into()),
    }
}

/// The same view of a picture's places as tokens.
fn by_tokens(flow: &mut Flow, x: &View, channels: usize, width: usize) -> Mapped<View> {
    let picture = flow.whole(x.node, &x.label);
    let tokens = picture.reshape(&[flow.batch, channels, picture.dims()[2] * width]);
    let tokens = tokens.and_then(|view| view.transpose(&[0, 2, 1])).ok_or("it is no picture")?;
    let label = if tokens.axes == x.axes { x.label.clone() } else { format!("{}.tokens", x.label).into() };
    let node = flow.plain(&View { label, ..tokens })?;
    let moved = |atom: &Atom| match atom.axis {
        1 => Atom { axis: 2, ..*atom },
        2 => Atom { axis: 1, stride: atom.stride * width, ..*atom },
        3 => Atom { axis: 1, ..*atom },
        _ => *atom,
    };
    let axes = x.axes.iter().map(|axis| tidy(axis.iter().map(moved).collect())).collect();
    Ok(View { node, ..x.with(axes) })
}

/// The same view of a node that has other features.
fn of_features(flow: &Flow, x: &View, node: NodeId, label: &Rc<str>) -> View {
    let (mut axes, shape) = (x.axes.clone(), flow.g.shape(node));
    if let Some((last, features)) = axes.last_mut().zip(shape.last()) {
        *last = whole_axis(shape.len(), *features);
    }
    View { node, axes, label: label.clone(), ..x.clone() }
}

/// An operation with one vector of features, which are the view's axis `at`.
pub fn with_vector(
    flow: &mut Flow,
    x: &View,
    at: usize,
    op: impl Into<Op>,
    vector: &Constant,
    label: &Rc<str>,
) -> Mapped<View> {
    let x = featured(flow, x, at)?;
    let node = flow.add(label, op, &[x.node], &[vector])?;
    Ok(View { node, label: label.clone(), ..x })
}
