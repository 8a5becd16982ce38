use burn::tensor::activation::softmax;
use burn::tensor::{Bool, Device, Tensor, TensorData};
use secateur_graph::Op;
use secateur_graph::ops::{Attention, Rotary};
use secateur_kernels::simd;

use super::{Moment, wrong};
use crate::{ExecError, Memory, Value};

/// Far below any score, and still a number in every shader language.
const NEVER: f32 = -3.0e38;

pub(super) fn evaluate(moment: Moment<'_>, inputs: &[Value], memory: Option<&mut Memory>) -> Result<Value, ExecError> {
    let node = moment.node();
    match (&node.op, inputs) {
        (Op::Attention(op), [Value::R3(q), Value::R3(k), Value::R3(v)]) => {
            let (q, k, v) = (q.clone(), k.clone(), v.clone());
            // Only a causal attention may go on from what was seen: others would have answered otherwise.
            let (k, v) = match memory {
                Some(memory) if op.causal => memory.extend(moment.id, k, v),
                _ => (k, v),
            };
            Ok(Value::R3(attend(op, q, k, v)))
        }
        (Op::Rotary(op), [Value::R3(x)]) => {
            let first = memory.map_or(0, |memory| memory.seen);
            Ok(Value::R3(turn(op, x.clone(), first)))
        }
        _ => Err(wrong(node, "inputs of the rank the graph says", inputs)),
    }
}

/// softmax(q kᵀ / sqrt(head_dim)) v for each head; q [samples, tokens, heads * head_dim], k and v
/// [samples, tokens', kv_heads * head_dim], the last of tokens' standing where the last of tokens does.
fn attend(op: &Attention, q: Tensor<3>, k: Tensor<3>, v: Tensor<3>) -> Tensor<3> {
    if let Some(mixed) = simd::attend(op, &q, &k, &v) {
        return mixed;
    }
    let &Attention { heads, kv_heads, head_dim, .. } = op;
    let split = |x: Tensor<3>, heads: usize| {
        let [samples, tokens, _] = x.dims();
        x.reshape([samples, tokens, heads, head_dim]).swap_dims(1, 2)
    };
    let ([samples, tokens, width], seen) = (q.dims(), k.dims()[1]);
    // Query heads that share a key head stand together: one product serves them all.
    let shared = [samples, kv_heads, heads / kv_heads * tokens, head_dim];
    let q = split(q, heads).reshape(shared) * (1.0 / op.scored_by().sqrt());
    let mut scores = q.matmul(split(k, kv_heads).transpose()).reshape([samples, heads, tokens, seen]);
    if let Some(hidden) = hidden(op, tokens, seen, &scores.device()) {
        let hidden: Tensor<4, Bool> = hidden.reshape([1, 1, tokens, seen]);
        scores = scores.mask_fill(hidden.expand([samples, heads, tokens, seen]), NEVER);
    }
    let weights = softmax(scores, 3).reshape([samples, kv_heads, heads / kv_heads * tokens, seen]);
    let mixed = weights.matmul(split(v, kv_heads)).reshape([samples, heads, tokens, head_dim]);
    mixed.swap_dims(1, 2).reshape([samples, tokens, width])
}

/// True at [token, seen token] where the one may not see the other; none where everybody sees everybody.
fn hidden(op: &Attention, tokens: usize, seen: usize, device: &Device) -> Option<Tensor<2, Bool>> {
    if !op.causal || (tokens == 1 && op.window.is_none_or(|window| window >= seen)) {
        return None;
    }
    let window = op.window.unwrap_or(usize::MAX);
    let first = seen - tokens;
    let sees = |token: usize, other: usize| other <= token && token - other < window;
    let hidden = (0..tokens).flat_map(|at| (0..seen).map(move |other| !sees(first + at, other)));
    Some(Tensor::from_data(TensorData::new(hidden.collect::<Vec<bool>>(), [tokens, seen]), device))
}

/// Turns the pairs of each head; the first token stands at position `first`.
fn turn(op: &Rotary, x: Tensor<3>, first: usize) -> Tensor<3> {
    let shape @ [samples, tokens, _] = x.dims();
    let half = op.head_dim / 2;
    let frequencies = op.frequencies();
    let angles = |of: fn(f64) -> f64| {
        let angle = |token: usize, pair: &f64| of((first + token) as f64 * pair) as f32;
        let all = (0..tokens).flat_map(|token| frequencies.iter().map(move |pair| angle(token, pair)));
        let all = TensorData::new(all.collect::<Vec<f32>>(), [1, tokens, 1, half]);
        Tensor::<4>::from_data(all, &x.device())
    };
    let (cos, sin) = (angles(f64::cos), angles(f64::sin));
    let x = x.clone().reshape([samples, tokens, op.heads, op.head_dim]);
    let (a, b) = (x.clone().narrow(3, 0, half), x.narrow(3, half, half));
    let turned = [a.clone() * cos.clone() - b.clone() * sin.clone(), b * cos + a * sin];
    Tensor::cat(turned.to_vec(), 3).reshape(shape)
}
