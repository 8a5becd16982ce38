use burn::tensor::Tensor;
use macerator::Simd;
use secateur_graph::ops::Attention;

use super::math::exp;
use super::panels::{SAMPLES, multiply, take, turn};
use super::tensor::{made, primitive};
use super::{BLOCK, in_turn, threads};

/// Below so many queries, laying out keys and values would take longer than the products.
const FEW: usize = 4;

/// softmax(q kᵀ / sqrt(scored by)) v for each head, in one pass: q [samples, tokens, heads * head_dim], k and v
/// [samples, tokens', kv_heads * head_dim], the last of tokens' standing where the last of tokens does. None where this is
/// not for us: on another device than the CPU, where somebody asked for gradients, for a few queries, or where the sizes
/// do not fit.
pub fn attend(op: &Attention, q: &Tensor<3>, k: &Tensor<3>, v: &Tensor<3>) -> Option<Tensor<3>> {
    let shape @ [samples, tokens, _] = q.dims();
    let seen = k.dims()[1];
    let fits = shape[2] == op.heads * op.head_dim
        && k.dims() == [samples, seen, op.kv_heads * op.head_dim]
        && k.dims() == v.dims()
        && seen > 0
        && tokens >= FEW
        && (tokens <= seen || !op.causal);
    if !fits {
        return None;
    }
    let [queries, keys, values] = [primitive(q)?, primitive(k)?, primitive(v)?];
    let (queries, keys, values) = (queries.as_slice()?, keys.as_slice()?, values.as_slice()?);
    Some(made(shape, &q.device(), |y| each_token(op, [tokens, seen], (queries, keys, values), y)))
}

/// Writes y. A thread takes some tokens of a sample at a time, all of them where there are as many samples as threads.
fn each_token(op: &Attention, [tokens, seen]: [usize; 2], (q, k, v): (&[f32], &[f32], &[f32]), y: &mut [f32]) {
    let [width, kv_width] = [op.heads, op.kv_heads].map(|heads| heads * op.head_dim);
    if y.is_empty() {
        return;
    }
    let samples = y.len() / (tokens * width);
    let piece = tokens.div_ceil(threads().div_ceil(samples)).next_multiple_of(SAMPLES);
    let mut pieces = Vec::new();
    for (sample, y) in y.chunks_mut(tokens * width).enumerate() {
        pieces.extend(y.chunks_mut(piece * width).enumerate().map(|(at, y)| (sample, at * piece, y)));
    }
    let scratch = || Head::new(op.head_dim, seen);
    in_turn(pieces, scratch, |head, _, (sample, first, y)| {
        let q = &q[(sample * tokens + first) * width..][..y.len()];
        let [k, v] = [k, v].map(|all| &all[sample * seen * kv_width..][..seen * kv_width]);
        for kv_head in 0..op.kv_heads {
            head.lay_out(k, v, kv_width, kv_head * op.head_dim);
            let shared = op.heads / op.kv_heads;
            for at in kv_head * shared..(kv_head + 1) * shared {
                let rows = q.chunks(SAMPLES * width).zip(y.chunks_mut(SAMPLES * width)).enumerate();
                for (step, (q, y)) in rows {
                    for (q, queries) in q.chunks_exact(width).zip(&mut head.queries) {
                        take(&q[at * op.head_dim..][..op.head_dim], queries.as_flattened_mut());
                    }
                    head.limit(op, seen.saturating_sub(tokens) + first + step * SAMPLES);
                    mix(head, (op.scored_by() as f32).sqrt().recip(), y, width, at * op.head_dim);
                }
            }
        }
    });
}

/// One head's keys and values, and some of its queries, side by side.
struct Head {
    dim: usize,
    seen: usize,
    /// Of 16 tokens side by side, by feature.
    keys: Vec<[f32; BLOCK]>,
    /// 16 features side by side, by token.
    values: Vec<[f32; BLOCK]>,
    /// Of each its features, 16 side by side.
    queries: [Vec<[f32; BLOCK]>; SAMPLES],
    /// Which tokens each query sees: from the first up to the second.
    sees: [[usize; 2]; SAMPLES],
    /// Of each query by all tokens, 16 side by side.
    scores: [Vec<[f32; BLOCK]>; SAMPLES],
}

impl Head {
    fn new(dim: usize, seen: usize) -> Self {
        let panels = seen.div_ceil(BLOCK);
        let rows = |len: usize| std::array::from_fn(|_| vec![[0.0; BLOCK]; len.div_ceil(BLOCK)]);
        Self {
            dim,
            seen,
            keys: vec![[0.0; BLOCK]; panels * dim],
            values: vec![[0.0; BLOCK]; dim.div_ceil(BLOCK) * seen],
            queries: rows(dim),
            sees: [[0, seen]; SAMPLES],
            scores: rows(seen),
        }
    }

    /// Takes keys and values [tokens, kv_width] from the feature `first` on.
    fn lay_out(&mut self, k: &[f32], v: &[f32], kv_width: usize, first: usize) {
        let dim = self.dim;
        for (k, keys) in k.chunks(BLOCK * kv_width).zip(self.keys.chunks_mut(dim)) {
            turn(k, kv_width, first, keys);
        }
        for (panel, values) in self.values.chunks_mut(self.seen).enumerate() {
            let from = panel * BLOCK;
            let len = BLOCK.min(dim - from);
            for (row, values) in v.chunks_exact(kv_width).zip(values) {
                values[..len].copy_from_slice(&row[first + from..][..len]);
            }
        }
    }

    /// What the queries see whose first one stands at `place`.
    fn limit(&mut self, op: &Attention, place: usize) {
        if op.causal {
            for (at, sees) in self.sees.iter_mut().enumerate() {
                let end = (place + at + 1).min(self.seen);
                *sees = [op.window.map_or(0, |window| end.saturating_sub(window)), end];
            }
        }
    }
}

/// Writes to y [queries, width], from the feature `first` on, the values as the queries weigh them. Scores are multiplied
/// with `scale`.
#[macerator::with_simd]
fn mix<S: Simd>(head: &mut Head, scale: f32, y: &mut [f32], width: usize, first: usize) {
    let Head { dim, seen, keys, values, queries, sees, scores } = head;
    for (panel, keys) in keys.chunks_exact(*dim).enumerate() {
        let sums = product(queries, keys);
        scores.iter_mut().zip(sums).for_each(|(scores, sums)| scores[panel] = sums);
    }
    let mut shares = [0.0; SAMPLES];
    for ((scores, sees), share) in scores.iter_mut().zip(sees).zip(&mut shares) {
        *share = weigh(scores, *sees, scale).recip();
    }
    for (panel, values) in values.chunks_exact(*seen).enumerate() {
        let sums = product(scores, values);
        let from = panel * BLOCK;
        let len = BLOCK.min(*dim - from);
        for ((y, sums), share) in y.chunks_exact_mut(width).zip(sums).zip(shares) {
            y[first + from..][..len].iter_mut().zip(sums).for_each(|(y, sum)| *y = sum * share);
        }
    }
}

/// Of each of x [inputs] in 16s the product with as many rows.
#[inline(always)]
fn product(x: &[Vec<[f32; BLOCK]>; SAMPLES], rows: &[[f32; BLOCK]]) -> [[f32; BLOCK]; SAMPLES] {
    let mut sums = [[0.0; BLOCK]; SAMPLES];
    for (at, rows) in rows.chunks(BLOCK).enumerate() {
        sums = multiply(std::array::from_fn(|query| &x[query][at]), rows, sums);
    }
    sums
}

/// Scores become their powers of e relative to the highest, 0 where nothing is seen. Returns their sum.
#[inline(always)]
fn weigh(scores: &mut [[f32; BLOCK]], [first, end]: [usize; 2], scale: f32) -> f32 {
    scores.as_flattened_mut()[..first].fill(f32::NEG_INFINITY);
    scores.as_flattened_mut()[end..].fill(f32::NEG_INFINITY);
    let mut highest = [f32::NEG_INFINITY; BLOCK];
    for scores in &*scores {
        for lane in 0..BLOCK {
            highest[lane] = if scores[lane] > highest[lane] { scores[lane] } else { highest[lane] };
        }
    }
    let highest = highest.into_iter().fold(f32::NEG_INFINITY, f32::max);
    let mut sums = [0.0; BLOCK];
    for scores in scores {
        for lane in 0..BLOCK {
            scores[lane] = exp((scores[lane] - highest) * scale);
            sums[lane] += scores[lane];
        }
    }
    sums.iter().sum()
}

#[cfg(test)]
mod tests {
    use burn::tensor::{Device, TensorData};
    use pollster::block_on;

    use super::*;
    use crate::check::{Close, Noise};

    /// One query after the other, in 64 bits. q [tokens, heads * dim] of one sample.
    fn plain(op: &Attention, q: &[f32], k: &[f32], v: &[f32], seen: usize) -> Vec<f32> {
        let [width, kv_width] = [op.heads, op.kv_heads].map(|heads| heads * op.head_dim);
        let tokens = q.len() / width;
        let mut y = Vec::new();
        for at in 0..q.len() / op.head_dim {
            let (place, head) = (at / op.heads + seen.saturating_sub(tokens), at % op.heads);
            let first = head / (op.heads / op.kv_heads) * op.head_dim;
            let sees = |other: &usize| {
                !op.causal || (*other <= place && op.window.is_none_or(|window| place - other < window))
            };
            let q = &q[at * op.head_dim..][..op.head_dim];
            let of = |all: &[f32], other: usize, dim: usize| f64::from(all[other * kv_width + first + dim]);
            let score = |other: &usize| (0..op.head_dim).map(|dim| f64::from(q[dim]) * of(k, *other, dim)).sum::<f64>();
            let others: Vec<usize> = (0..seen).filter(sees).collect();
            let powers: Vec<f64> = others.iter().map(|other| (score(other) / op.scored_by().sqrt()).exp()).collect();
            let sum: f64 = powers.iter().sum();
            let mixed =
                |dim| others.iter().zip(&powers).map(|(other, power)| power / sum * of(v, *other, dim)).sum::<f64>();
            y.extend((0..op.head_dim).map(|dim| mixed(dim) as f32));
        }
        y
    }

    fn tensor(data: Vec<f32>, shape: [usize; 3]) -> Tensor<3> {
        Tensor::from_data(TensorData::new(data, shape), &Device::flex())
    }

    #[test]
    fn it_is_the_plain_attention() {
        let full = Attention::full(4, 24);
        let shared = Attention { kv_heads: 2, causal: true, scored: Some(32), ..full.clone() };
        let near = Attention { window: Some(7), ..shared.clone() };
        let mut compared = 0;
        for op in [full.clone(), Attention::full(1, 1), Attention::full(3, 37), shared, near] {
            for [samples, tokens, seen] in [[1, 4, 4], [2, 50, 50], [1, 17, 40], [3, 6, 16], [1, 65, 33]] {
                let mut noise = Noise::new(tokens as u64);
                let [width, kv_width] = [op.heads, op.kv_heads].map(|heads| heads * op.head_dim);
                let q = noise.many(samples * tokens * width);
                let [k, v] = [0; 2].map(|_| noise.many(samples * seen * kv_width));
                let of = |all: &[f32]| tensor(all.to_vec(), [samples, all.len() / kv_width / samples, kv_width]);
                let got = attend(&op, &tensor(q.clone(), [samples, tokens, width]), &of(&k), &of(&v));
                if op.causal && tokens > seen {
                    assert!(got.is_none());
                    continue;
                }
                let each = q.chunks(tokens * width).zip(k.chunks(seen * kv_width).zip(v.chunks(seen * kv_width)));
                let want: Vec<f32> = each.flat_map(|(q, (k, v))| plain(&op, q, k, v, seen)).collect();
                let got = block_on(got.unwrap().into_data_async()).unwrap().try_into_vec::<f32>().unwrap();
                Close { abs: 1e-6, rel: 1e-5 }
                    .compare(&want, &got, width)
                    .unwrap_or_else(|mismatch| panic!("{op:?}, {samples} x {tokens} of {seen}: {mismatch}"));
                compared += 1;
            }
        }
        assert_eq!(compared, 5 * 5 - 2);
    }

    #[test]
    fn what_is_no_number_stays_so_and_only_where_it_is_seen() {
        let op = Attention { causal: true, ..Attention::full(1, 2) };
        let mut k = vec![1.0; 10];
        k[8] = f32::NAN;
        let ones = || tensor(vec![1.0; 10], [1, 5, 2]);
        let got = attend(&op, &ones(), &tensor(k, [1, 5, 2]), &ones()).unwrap();
        let got = block_on(got.into_data_async()).unwrap().try_into_vec::<f32>().unwrap();
        assert!(got[..8].iter().all(|y| (y - 1.0).abs() < 1e-6) && got[8..].iter().all(|y| y.is_nan()), "{got:?}");
    }

    #[test]
    fn gradients_few_queries_and_sizes_that_do_not_fit_are_left_to_burn() {
        let op = Attention::full(1, 2);
        let of = |tokens: usize| tensor(vec![1.0; 2 * tokens], [1, tokens, 2]);
        assert!(attend(&op, &of(4), &of(4), &of(4)).is_some());
        assert!(attend(&op, &of(4).autodiff().require_grad(), &of(4), &of(4)).is_none());
        assert!(attend(&op, &of(3), &of(4), &of(4)).is_none());
        assert!(attend(&op, &of(4), &of(4), &of(5)).is_none());
        assert!(attend(&Attention::full(2, 2), &of(4), &of(4), &of(4)).is_none());
    }
}
