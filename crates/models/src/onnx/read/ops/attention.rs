use secateur_graph::NodeId;
use secateur_graph::ops::Attention;

use super::elementwise::near;
use super::{fixed, part_of};
use crate::onnx::read::constant::Constant;
use crate::onnx::read::flow::{Flow, Mapped, part};
use crate::onnx::read::index::{broadcast, strides};
use crate::onnx::read::operator::Operator;
use crate::onnx::read::value::{Part, Scores, Value};
use crate::onnx::read::view::{Atom, REPEATED, View, whole_axis};

/// A value [tokens, heads * head_dim] that is seen as heads.
struct Heads {
    node: NodeId,
    heads: usize,
    /// How many query heads each of them serves.
    repeated: usize,
    tokens: usize,
    size: usize,
}

/// q kᵀ, or the softmax of it times v.
pub fn mat_mul(flow: &mut Flow, op: Operator<'_>, inputs: &[Option<Value>]) -> Mapped<Value> {
    if let Some(Part::Scores(scores)) = part_of(inputs, 0) {
        let v = flow.data(op, 1)?;
        return mixed(flow, op, &scores.clone(), &v).map(Value::Data);
    }
    let (q, k) = (flow.data(op, 0)?, flow.data(op, 1)?);
    let scale = q.scale * k.scale;
    if (q.shift, k.shift) != (0.0, 0.0) {
        return Err("its inputs are shifted".into());
    }
    let rank = k.axes.len();
    let turned: Vec<usize> = (0..rank.saturating_sub(2)).chain([rank - 1, rank.saturating_sub(2)]).collect();
    let keys = k.transpose(&turned).and_then(|k| heads(flow, &k));
    let (Some(queries), Some(keys)) = (heads(flow, &q), keys) else {
        return Err(format!("its inputs of {:?} and {:?} are no heads of attention", q.dims(), k.dims()).into());
    };
    if queries.heads != keys.heads * keys.repeated || queries.size != keys.size || queries.repeated != 1 {
        return Err("its queries and keys do not fit together".into());
    }
    Ok(part(Part::Scores(Scores {
        q: View { scale: 1.0, ..q },
        k: keys.node,
        heads: queries.heads,
        kv_heads: keys.heads,
        head_dim: queries.size,
        tokens: queries.tokens,
        seen: keys.tokens,
        scale,
        hidden: vec![false; queries.tokens * keys.tokens],
        softmax: false,
    })))
}

/// [.. batch, heads .., tokens, head_dim] of a node [tokens, heads * head_dim]; a factor is left to the caller.
fn heads(flow: &Flow, x: &View) -> Option<Heads> {
    let &[tokens, width] = flow.g.shape(x.node) else { return None };
    let [lead @ .., own_tokens, features] = x.axes.as_slice() else { return None };
    let size: usize = features.iter().map(|atom| atom.size).product();
    let head = [Atom { axis: 2, stride: 1, size }].into_iter().filter(|atom| atom.size > 1);
    let fits = *own_tokens == whole_axis(1, tokens) && features.iter().copied().eq(head);
    let lead: Vec<Atom> = lead.iter().flatten().copied().collect();
    let (batch, lead) = lead.split_first()?;
    let count = width.checked_div(size)?;
    let (own, repeated): (Vec<Atom>, Vec<Atom>) = lead.iter().partition(|atom| atom.axis != REPEATED);
    let whole = [Atom { axis: 2, stride: size, size: count }].into_iter().filter(|atom| atom.size > 1);
    let in_order = lead.iter().skip(own.len()).eq(&repeated);
    (fits && batch.axis == 0 && in_order && own.iter().copied().eq(whole)).then(|| Heads {
        node: x.node,
        heads: count,
        repeated: repeated.iter().map(|atom| atom.size).product(),
        tokens,
        size,
    })
}

/// The whole of attention, in the axes of the queries.
fn mixed(flow: &mut Flow, op: Operator<'_>, scores: &Scores, v: &View) -> Mapped<View> {
    let v = flow.settled(v)?;
    let values = heads(flow, &v).ok_or_else(|| format!("its values of {:?} are no heads of attention", v.dims()))?;
    let &Scores { heads, kv_heads, head_dim, tokens, seen, scale, .. } = scores;
    let fits = (values.heads, values.size, values.tokens) == (kv_heads, head_dim, seen);
    if !scores.softmax || !fits || kv_heads * values.repeated != heads {
        return Err("its weights and values do not fit together".into());
    }
    let usual = 1.0 / (head_dim as f64).sqrt();
    let q = View { scale: if near(scale, usual) { 1.0 } else { scale / usual }, ..scores.q.clone() };
    let q = flow.settled(&q)?;
    let (causal, window) = seen_by(&scores.hidden, tokens, seen).ok_or("its mask is neither causal nor a window")?;
    let attention = Attention { kv_heads, causal, window, ..Attention::full(heads, head_dim) };
    let node = flow.add(&op.label(), attention, &[q.node, scores.k, v.node], &[])?;
    Ok(View { node, label: op.label(), ..q })
}

/// Whether only earlier tokens are seen, and how many.
fn seen_by(hidden: &[bool], tokens: usize, seen: usize) -> Option<(bool, Option<usize>)> {
    if !hidden.contains(&true) {
        return Some((false, None));
    }
    let first = seen.checked_sub(tokens)?;
    let last_row = hidden.get((tokens - 1) * seen..)?;
    let window = last_row.iter().filter(|hidden| !**hidden).count();
    let sees = |token: usize, other: usize| other <= token && token - other < window;
    let fits = (0..tokens).all(|at| (0..seen).all(|other| hidden[at * seen + other] != sees(first + at, other)));
    fits.then_some((true, (window < seen).then_some(window)))
}

/// Scores with those entries hidden for which `is` says (hidden, seen) of the mask's numbers.
pub fn masked(scores: &Scores, mask: &Constant, is: impl Fn(f64) -> (bool, bool)) -> Mapped<Value> {
    let own = [scores.tokens, scores.seen];
    let shape = broadcast(&[&mask.shape, &own])?;
    let [lead @ .., _, _] = shape.as_slice() else { return Err("its mask is no table".into()) };
    if scores.softmax || shape[lead.len()..] != own {
        return Err("its mask does not fit".into());
    }
    let (all, steps) = (mask.all()?, strides(&mask.shape, &shape));
    let mut scores = scores.clone();
    let mut firsts = vec![None; own[0] * own[1]];
    for place in crate::onnx::read::index::places(&shape) {
        let number = all[place.iter().zip(&steps).map(|(at, step)| at * step).sum::<usize>()];
        let at = place[lead.len()] * own[1] + place[lead.len() + 1];
        match is(number) {
            (hidden, seen) if hidden != seen && *firsts[at].get_or_insert(hidden) == hidden => {}
            _ => return Err("its mask is not the same for all heads, or does more than hide".into()),
        }
    }
    scores.hidden.iter_mut().zip(firsts).for_each(|(hidden, first)| *hidden |= first == Some(true));
    Ok(part(Part::Scores(scores)))
}

pub fn softmax(_: &mut Flow, op: Operator<'_>, inputs: &[Option<Value>]) -> Mapped<Value> {
    match part_of(inputs, 0) {
        Some(Part::Scores(scores)) if !scores.softmax && matches!(op.int("axis", -1), -1 | 2 | 3) => {
            Ok(part(Part::Scores(Scores { softmax: true, ..scores.clone() })))
        }
        _ => Err("it is not part of attention".into()),
    }
}

/// A mask by choice, or scores that are kept from being no numbers.
pub fn choose(_: &mut Flow, _: Operator<'_>, inputs: &[Option<Value>]) -> Mapped<Value> {
    match (part_of(inputs, 0), part_of(inputs, 1), part_of(inputs, 2)) {
        (Some(Part::NotANumber), None, Some(Part::Scores(scores))) => Ok(part(Part::Scores(scores.clone()))),
        (None, Some(Part::Scores(scores)), None) => chosen(inputs, scores, 2, |seen| (seen == 0.0, seen != 0.0)),
        (None, None, Some(Part::Scores(scores))) => chosen(inputs, scores, 1, |hidden| (hidden != 0.0, hidden == 0.0)),
        _ => Err("it is not part of attention".into()),
    }
}

fn chosen(inputs: &[Option<Value>], scores: &Scores, other: usize, is: impl Fn(f64) -> (bool, bool)) -> Mapped<Value> {
    let never = fixed(inputs, other).and_then(Constant::single).is_some_and(|other| other < -1e4);
    match fixed(inputs, 0).filter(|_| never) {
        Some(mask) => masked(scores, mask, is),
        None => Err("it does not hide scores".into()),
    }
}
