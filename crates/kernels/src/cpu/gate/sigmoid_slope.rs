use super::sigmoid;
use crate::Count;
use crate::check::{Buffer, Case, Close, Noise, Twin, lengths};
use crate::launch::strided;

/// score [N], grad [N], the loss's gradient by sigmoid(score) -> the loss's gradient by the score.
pub fn sigmoid_slope(entries: &Count, score: &[f32], grad: &[f32], score_grad: &mut [f32]) {
    for i in 0..entries.count as usize {
        let p = sigmoid(score[i].into());
        score_grad[i] = (f64::from(grad[i]) * p * (1.0 - p)) as f32;
    }
}

/// Beside the shader.
pub(crate) const TWIN: Twin = Twin {
    run: |_, buffers| {
        let [entries, score, grad, score_grad] = buffers else { unreachable!("four bindings") };
        sigmoid_slope(&entries.parameters(), score.f32(), grad.f32(), score_grad.f32_mut());
    },
    cases: |kernel, extent| {
        let case = |&count: &usize| {
            let mut noise = Noise::new(1);
            // So far out that exp would overflow.
            let score = noise.many(count).iter().map(|x| x * x * x * 200.0).collect();
            let buffers = vec![
                Buffer::of(&Count { count: count as u32 }),
                Buffer::F32(score),
                Buffer::F32(noise.many(count)),
                Buffer::unwritten(count),
            ];
            let close = Close { abs: 1e-6, rel: 1e-5 };
            Case { size: format!("{count}"), buffers, groups: strided(kernel, count), close }.strided()
        };
        lengths(extent).iter().flat_map(case).collect()
    },
};
