use crate::Dims;
use crate::check::{Buffer, Case, Close, Extent, MATRICES, MATRIX_LARGE, Noise, Twin};
use crate::launch::strided;

/// weight [R, C], act_sq [C] -> score [R, C]: |weight| * sqrt(act_sq), without `act_sq` |weight|.
pub fn wanda(dims: &Dims, weight: &[f32], score: &mut [f32], act_sq: Option<&[f32]>) {
    for (i, score) in score.iter_mut().enumerate() {
        *score = weight[i].abs();
        if let Some(act_sq) = act_sq {
            *score *= act_sq[i % dims.cols as usize].sqrt();
        }
    }
}

/// Beside the shader.
pub(crate) const TWIN: Twin = Twin {
    run: |_, buffers| {
        let [dims, weight, score, act_sq @ ..] = buffers else { unreachable!("four bindings at most") };
        wanda(&dims.parameters(), weight.f32(), score.f32_mut(), act_sq.first().map(|act_sq| act_sq.f32()));
    },
    cases: |kernel, extent| {
        let sizes = if extent == Extent::Large { MATRIX_LARGE } else { MATRICES };
        let case = |[rows, cols]: [usize; 2]| {
            let mut noise = Noise::new(1);
            let mut buffers = vec![
                Buffer::of(&Dims { rows: rows as u32, cols: cols as u32 }),
                Buffer::F32(noise.many(rows * cols)),
                Buffer::unwritten(rows * cols),
            ];
            if kernel.bindings.len() > buffers.len() {
                buffers.push(Buffer::F32(noise.many(cols).iter().map(|x| x * x * 100.0).collect()));
            }
            // WGSL lets the square root be a little off.
            let close = if buffers.len() > 3 { Close { abs: 1e-6, rel: 1e-5 } } else { Close::EXACT };
            Case { size: format!("{rows} x {cols}"), buffers, groups: strided(kernel, rows * cols), close }.strided()
        };
        sizes.iter().copied().flat_map(case).collect()
    },
};
