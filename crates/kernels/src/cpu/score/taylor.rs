use crate::Count;
use crate::check::{Buffer, Case, Close, Noise, Twin, lengths};
use crate::kernel::TAYLOR_SQUARED;
use crate::launch::strided;

/// weight [N], grad [N] -> score [N]: |weight * grad|; of [`TAYLOR_SQUARED`] the square of it.
pub fn taylor(entries: &Count, weight: &[f32], grad: &[f32], score: &mut [f32]) {
    for i in 0..entries.count as usize {
        score[i] = (weight[i] * grad[i]).abs();
    }
}

/// Beside the shader.
pub(crate) const TWIN: Twin = Twin {
    run: |kernel, buffers| {
        let [entries, weight, grad, score] = buffers else { unreachable!("four bindings") };
        taylor(&entries.parameters(), weight.f32(), grad.f32(), score.f32_mut());
        if kernel == &TAYLOR_SQUARED {
            score.f32_mut().iter_mut().for_each(|score| *score *= *score);
        }
    },
    cases: |kernel, extent| {
        let case = |&count: &usize| {
            let mut noise = Noise::new(1);
            let buffers = vec![
                Buffer::of(&Count { count: count as u32 }),
                Buffer::F32(noise.many(count)),
                Buffer::F32(noise.many(count)),
                Buffer::unwritten(count),
            ];
            let close = Close { abs: 0.0, rel: 1e-6 };
            Case { size: format!("{count}"), buffers, groups: strided(kernel, count), close }.strided()
        };
        lengths(extent).iter().flat_map(case).collect()
    },
};
