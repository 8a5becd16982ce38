use crate::Count;
use crate::check::{Buffer, Case, Close, Noise, Twin, lengths};
use crate::kernel::ADD_SQUARES;
use crate::launch::strided;

/// grad [N], sum [N] -> sum [N]: sum + |grad|.
pub fn accumulate(entries: &Count, grad: &[f32], sum: &mut [f32]) {
    for i in 0..entries.count as usize {
        sum[i] += grad[i].abs();
    }
}

/// grad [N], sum [N] -> sum [N]: sum + grad^2, the kernel [`ADD_SQUARES`].
pub fn accumulate_squares(entries: &Count, grad: &[f32], sum: &mut [f32]) {
    for i in 0..entries.count as usize {
        sum[i] += grad[i] * grad[i];
    }
}

/// Beside the shader.
pub(crate) const TWIN: Twin = Twin {
    run: |kernel, buffers| {
        let [entries, grad, sum] = buffers else { unreachable!("three bindings") };
        let twin = if kernel == &ADD_SQUARES { accumulate_squares } else { accumulate };
        twin(&entries.parameters(), grad.f32(), sum.f32_mut());
    },
    cases: |kernel, extent| {
        let case = |&count: &usize| {
            let mut noise = Noise::new(1);
            let buffers = vec![
                Buffer::of(&Count { count: count as u32 }),
                Buffer::F32(noise.many(count)),
                Buffer::F32(noise.many(count).iter().map(|sum| sum.abs()).collect()),
            ];
            // A device may round product and sum at once.
            let close = Close { abs: 0.0, rel: 1e-6 };
            Case { size: format!("{count}"), buffers, groups: strided(kernel, count), close }.strided()
        };
        lengths(extent).iter().flat_map(case).collect()
    },
};
