use macerator::Simd;

use super::{multiply_add, samples};

/// Numbers multiplied side by side: as many sums are added up in the end.
const LANES: usize = 32;

/// Outputs a thread takes at once: enough that handing them out costs little beside reading their weights.
#[cfg(not(target_arch = "wasm32"))]
const OUTPUTS: usize = 128;

/// y [samples, outputs] = x [samples, inputs] Wᵀ + bias for one sample and a few: reading the weight as it lies is all that
/// takes time.
///
/// # Panics
/// If the slices have other sizes.
pub fn few(x: &[f32], weight: &[f32], inputs: usize, bias: Option<&[f32]>, y: &mut [f32]) {
    let outputs = weight.len().checked_div(inputs).unwrap_or(0);
    if samples(x, inputs, bias, y, outputs) == 0 || outputs == 0 {
        return;
    }
    for (x, y) in x.chunks_exact(inputs).zip(y.chunks_exact_mut(outputs)) {
        match bias {
            Some(bias) => y.copy_from_slice(bias),
            None => y.fill(0.0),
        }
        #[cfg(not(target_arch = "wasm32"))]
        {
            use rayon::prelude::*;
            y.par_chunks_mut(OUTPUTS)
                .zip(weight.par_chunks(OUTPUTS * inputs))
                .for_each(|(y, weight)| add(x, weight, y));
        }
        #[cfg(target_arch = "wasm32")]
        add(x, weight, y);
    }
}

/// Adds to each output its row of the weight times x.
#[macerator::with_simd]
fn add<S: Simd>(x: &[f32], weight: &[f32], y: &mut [f32]) {
    let (x_lanes, x_rest) = x.as_chunks::<LANES>();
    for (row, y) in weight.chunks_exact(x.len()).zip(y) {
        let (row_lanes, row_rest) = row.as_chunks::<LANES>();
        let mut sums = [0.0; LANES];
        for (w, x) in row_lanes.iter().zip(x_lanes) {
            for lane in 0..LANES {
                sums[lane] = multiply_add(w[lane], x[lane], sums[lane]);
            }
        }
        *y += sums.iter().sum::<f32>() + row_rest.iter().zip(x_rest).map(|(w, x)| w * x).sum::<f32>();
    }
}
