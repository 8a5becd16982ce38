use secateur_graph::ops::{Attention, Rotary};

use super::body::{Body, int};

/// Added to scores that a token may not see: far below any, and still a number in f32 after the addition.
const NEVER: f64 = -3.0e38;

/// softmax(q kᵀ / sqrt(head_dim)) v for each head
pub fn attention(body: &mut Body<'_>, op: &Attention) -> String {
    let &Attention { heads, head_dim, .. } = op;
    let ((q, queries), (k, keys), (v, _)) = (body.input(0), body.input(1), body.input(2));
    let (tokens, seen) = (queries[0], keys[0]);
    let q = body.reshape(&q, &[tokens, heads, head_dim]);
    let q = body.transpose(&q, &[0, 2, 1, 3]);
    let scale = body.float(1.0 / op.scored_by().sqrt());
    let q = body.op("Mul", &[&q, &scale]);
    let k = for_each_head(body, op, &k, seen);
    let k = body.transpose(&k, &[0, 1, 3, 2]);
    let v = for_each_head(body, op, &v, seen);
    let mut scores = body.op("MatMul", &[&q, &k]);
    if op.causal {
        let mask = mask(body, op, tokens, seen);
        scores = body.op("Add", &[&scores, &mask]);
    }
    let weights = body.op_with("Softmax", &[&scores], vec![int("axis", -1)]);
    let mixed = body.op("MatMul", &[&weights, &v]);
    let mixed = body.transpose(&mixed, &[0, 2, 1, 3]);
    body.reshape(&mixed, &[tokens, heads * head_dim])
}

/// Keys or values [batch, tokens, kv_heads * head_dim] -> [batch, heads, tokens, head_dim]; each serves its neighbours.
fn for_each_head(body: &mut Body<'_>, op: &Attention, x: &str, tokens: usize) -> String {
    let &Attention { heads, kv_heads, head_dim, .. } = op;
    let x = body.reshape(x, &[tokens, kv_heads, head_dim]);
    let x = body.transpose(&x, &[0, 2, 1, 3]);
    if heads == kv_heads {
        return x;
    }
    let x = body.unsqueeze(&x, &[2]);
    let repeated = body.ints(&[1, 1, (heads / kv_heads) as i64, 1, 1]);
    let x = body.op("Expand", &[&x, &repeated]);
    body.reshape(&x, &[heads, tokens, head_dim])
}

/// [tokens, seen] with 0 where a token sees another one; the last of both stand at one place.
fn mask(body: &mut Body<'_>, op: &Attention, tokens: usize, seen: usize) -> String {
    let (first, window) = (seen.saturating_sub(tokens), op.window.unwrap_or(usize::MAX));
    let sees = move |token: usize, other: usize| other <= token && token - other < window;
    let row = move |at: usize| (0..seen).map(move |other| if sees(first + at, other) { 0.0 } else { NEVER });
    body.table("mask", &[tokens, seen], (0..tokens).flat_map(row))
}

/// x cos + (-second half, first half) sin for each head
pub fn rotary(body: &mut Body<'_>, op: &Rotary) -> String {
    let (x, shape) = body.input(0);
    let (tokens, frequencies) = (shape[0], op.frequencies());
    let [cos, sin] = [("cos", f64::cos as fn(f64) -> f64), ("sin", f64::sin)].map(|(word, of)| {
        let row = |at: usize| [&frequencies; 2].into_iter().flatten().map(move |pair| of(at as f64 * pair));
        body.table(word, &[tokens, 1, op.head_dim], (0..tokens).flat_map(row))
    });
    let x = body.reshape(&x, &[tokens, op.heads, op.head_dim]);
    let halves = body.outputs_of("Split", &[&x], vec![int("axis", -1), int("num_outputs", 2)], 2);
    let second = body.op("Neg", &[&halves[1]]);
    let turned = body.op_with("Concat", &[&second, &halves[0]], vec![int("axis", -1)]);
    let x = body.op("Mul", &[&x, &cos]);
    let turned = body.op("Mul", &[&turned, &sin]);
    let x = body.op("Add", &[&x, &turned]);
    body.reshape(&x, shape)
}
