use crate::Blend;
use crate::check::{Buffer, Case, Close, Extent, MATRICES, MATRIX_LARGE, Noise, Twin};
use crate::kernel::GBLM_L2;
use crate::launch::strided;

/// weight [R, C], act_sq [C], grad_sum [R, C] -> score [R, C]: |weight| * (sqrt(act_sq) + alpha * grad_sum).
pub fn gblm(blend: &Blend, weight: &[f32], act_sq: &[f32], grad_sum: &[f32], score: &mut [f32]) {
    for (i, score) in score.iter_mut().enumerate() {
        *score = weight[i].abs() * (act_sq[i % blend.cols as usize].sqrt() + blend.alpha * grad_sum[i]);
    }
}

/// Beside the shader.
pub(crate) const TWIN: Twin = Twin {
    run: |kernel, buffers| {
        let [blend, weight, act_sq, grad_sum, score] = buffers else { unreachable!("five bindings") };
        let norm = |sum: &f32| if kernel == &GBLM_L2 { sum.sqrt() } else { *sum };
        let norms: Vec<f32> = grad_sum.f32().iter().map(norm).collect();
        gblm(&blend.parameters(), weight.f32(), act_sq.f32(), &norms, score.f32_mut());
    },
    cases: |kernel, extent| {
        let sizes = if extent == Extent::Large { MATRIX_LARGE } else { MATRICES };
        let case = |[rows, cols]: [usize; 2]| {
            let mut noise = Noise::new(1);
            let mut squares = |len: usize| Buffer::F32(noise.many(len).iter().map(|x| x * x).collect());
            let (act_sq, grad_sum) = (squares(cols), squares(rows * cols));
            let buffers = vec![
                Buffer::of(&Blend { rows: rows as u32, cols: cols as u32, alpha: 1.5 }),
                Buffer::F32(noise.many(rows * cols)),
                act_sq,
                grad_sum,
                Buffer::unwritten(rows * cols),
            ];
            // WGSL lets the square root be a little off.
            let close = Close { abs: 1e-6, rel: 1e-5 };
            Case { size: format!("{rows} x {cols}"), buffers, groups: strided(kernel, rows * cols), close }.strided()
        };
        sizes.iter().copied().flat_map(case).collect()
    },
};
