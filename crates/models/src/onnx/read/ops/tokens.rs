use std::rc::Rc;

use secateur_graph::ops::{Concat, LastToken, PrependToken, SelectHighest, SelectToken, Timestep};

use super::shapes::taken;
use super::{fixed, linear, part_of};
use crate::onnx::read::constant::Constant;
use crate::onnx::read::flow::{Flow, Mapped, part};
use crate::onnx::read::index::axis;
use crate::onnx::read::operator::Operator;
use crate::onnx::read::value::{Part, Value, Wave};
use crate::onnx::read::view::{View, whole_axes};

/// Values side by side, learned tokens before others, or the two halves of something.
pub fn concat(flow: &mut Flow, op: Operator<'_>, inputs: &[Option<Value>]) -> Mapped<Value> {
    if let (Some(first), Some(second)) = (part_of(inputs, 0), part_of(inputs, 1))
        && let Some(value) = halves(flow, op, first, second)?
    {
        return Ok(value);
    }
    if let Some(last) = inputs.len().checked_sub(1).filter(|last| *last > 0 && fixed(inputs, 0).is_some()) {
        let x = flow.data(op, last)?;
        let tokens = (0..last).rev().map(|at| fixed(inputs, at).ok_or("it mixes fixed tokens with others"));
        let tokens = tokens.collect::<Result<Vec<_>, _>>()?;
        return tokens.into_iter().try_fold(x, |x, tokens| prepend(flow, op, tokens, &x)).map(Value::Data);
    }
    let parts = (0..inputs.len()).map(|at| flow.data(op, at)).collect::<Mapped<Vec<View>>>()?;
    let at = axis(op.int("axis", 0), parts.first().map_or(0, |part| part.axes.len()))?;
    let nodes = parts.iter().map(|part| flow.plain(part)).collect::<Mapped<Vec<_>>>()?;
    let at = at.checked_sub(1).ok_or("it puts samples behind each other")?;
    let node = flow.add(&op.label(), Concat { axis: at }, &nodes, &[])?;
    Ok(Value::Data(flow.whole(node, &op.label())))
}

/// The halves of rotary positions, or sines and cosines of a time step.
fn halves(flow: &mut Flow, op: Operator<'_>, first: &Part, second: &Part) -> Mapped<Option<Value>> {
    match (first, second) {
        (Part::Half { x, second: true, negative: true }, Part::Half { x: y, second: false, negative: false })
            if x == y =>
        {
            Ok(Some(part(Part::Turned { x: x.clone() })))
        }
        (
            Part::Angles { t, frequencies, wave: Some(wave) },
            Part::Angles { t: other, frequencies: again, wave: Some(_) },
        ) if t == other && frequencies == again => {
            let waves = waves(frequencies, *wave == Wave::Cosine).ok_or("its frequencies are not known here")?;
            let node = flow.add(&op.label(), waves, &[*t], &[])?;
            Ok(Some(Value::Data(flow.whole(node, &op.label()))))
        }
        _ => Ok(None),
    }
}

fn waves(frequencies: &[f64], cosines_first: bool) -> Option<Timestep> {
    let half = frequencies.len();
    let fits = |shift: &f64| {
        let frequency = |at: usize| (-(10_000f64.ln()) * at as f64 / (half as f64 - shift)).exp();
        frequencies.iter().enumerate().all(|(at, got)| (frequency(at) - got).abs() <= 1e-5 * got.abs())
    };
    let shift = [0.0, 1.0].into_iter().find(fits)?;
    Some(Timestep { features: 2 * half, cosines_first, shift })
}

/// The same learned tokens for each sample, before the others.
fn prepend(flow: &mut Flow, op: Operator<'_>, tokens: &Constant, x: &View) -> Mapped<View> {
    let node = flow.plain(x)?;
    let dims = x.dims();
    let (&[samples, _, features], &[own_samples, count, own]) = (&dims[..], tokens.shape.as_slice()) else {
        return Err("it puts something fixed before others that are no tokens".into());
    };
    if axis(op.int("axis", 0), 3)? != 1 || own != features || own_samples != samples {
        return Err("it puts something fixed beside other tokens".into());
    }
    let first = tokens.one_of(samples)?;
    let flat = first.name.as_deref().is_some_and(|name| name.ends_with("class_embedding"));
    let node = flow.add(&op.label(), PrependToken { tokens: count, features, flat }, &[node], &[&first])?;
    Ok(flow.whole(node, &op.label()))
}

/// Rows of a table, or one token, or one part of what was cut.
pub fn gather(flow: &mut Flow, op: Operator<'_>, inputs: &[Option<Value>]) -> Mapped<Value> {
    if let Some(table) = fixed(inputs, 0) {
        let ids = flow.data(op, 1)?;
        return match op.int("axis", 0) {
            0 => linear::embedding(flow, op, table, &ids),
            _ => Err("it looks up columns".into()),
        };
    }
    let (x, at) = (flow.data(op, 0)?, fixed(inputs, 1).ok_or("its places are not fixed")?);
    let along = axis(op.int("axis", 0), x.axes.len())?;
    let dims = x.dims();
    if at.len() > 1 && at.integers()?.into_iter().eq(0..dims[along] as i64) {
        // All of them in their order: how a strided view is written.
        let view = x.reshape(&[&dims[..along], &at.shape, &dims[along + 1..]].concat());
        return Ok(Value::Data(view.ok_or("it cuts its input unevenly")?));
    }
    let Some(asked) = at.single().filter(|_| at.shape.len() < 2) else {
        return Err(format!("it takes {} entries one by one", at.len()).into());
    };
    let index = axis(asked as i64, dims[along])?;
    let view = match token(flow, op, &x, along, index, asked < 0.0)? {
        Some(view) => view,
        None => taken(flow, &op.label(), &x, along, index, 1)?,
    };
    let view = if at.shape.is_empty() { view.squeeze(&[along]) } else { Some(view) };
    Ok(Value::Data(view.ok_or("it takes one of the samples")?))
}

/// One token of [tokens, features], where the axis is that of the tokens.
fn token(
    flow: &mut Flow,
    op: Operator<'_>,
    x: &View,
    along: usize,
    index: usize,
    from_end: bool,
) -> Mapped<Option<View>> {
    let x = flow.settled(x)?;
    let &[tokens, features] = flow.g.shape(x.node) else { return Ok(None) };
    let whole = whole_axes(&[tokens, features], flow.batch);
    if along != 1 || x.axes != whole {
        return Ok(None);
    }
    let last = from_end && index + 1 == tokens;
    let node = match last {
        true => flow.add(&op.label(), LastToken, &[x.node], &[])?,
        false => flow.add(&op.label(), SelectToken { index }, &[x.node], &[])?,
    };
    let view = flow.whole(node, &op.label());
    Ok(view.unsqueeze(&[1]))
}

pub fn highest(flow: &mut Flow, op: Operator<'_>) -> Mapped<Value> {
    let ids = flow.data(op, 0)?;
    let first = op.int("select_last_index", 0) == 0;
    match (ids.axes.len(), first) {
        (2, true) if axis(op.int("axis", 0), 2)? == 1 => Ok(part(Part::Highest { ids: flow.plain(&ids)? })),
        _ => Err("it is not the first of a text's highest tokens".into()),
    }
}

pub fn gather_nd(flow: &mut Flow, op: Operator<'_>, inputs: &[Option<Value>]) -> Mapped<Value> {
    match part_of(inputs, 1) {
        Some(Part::Highest { ids }) if op.int("batch_dims", 0) == 1 => {
            let (ids, x) = (*ids, flow.data(op, 0)?);
            let x = flow.plain(&x)?;
            let label: Rc<str> = op.label();
            let node = flow.add(&label, SelectHighest, &[x, ids], &[])?;
            Ok(Value::Data(flow.whole(node, &label)))
        }
        _ => Err("its places are not a text's highest tokens".into()),
    }
}
