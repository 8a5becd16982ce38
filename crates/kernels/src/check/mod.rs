//! The kernels beside their twins, on whatever device is at hand: called by native tests and by tests that run in
//! a browser.

mod close;

use burn::backend::Cube;
use burn::tensor::{Device, Tensor, TensorData};

pub use close::{Close, Mismatch};

use crate::launch::MAX_GROUPS;
use crate::{Dims, cpu, score};

/// Around the workgroup's 256 and its parts, odd, empty, one row, one column.
pub const SIZES: &[[usize; 2]] =
    &[[0, 3], [3, 0], [1, 1], [1, 63], [64, 1], [5, 13], [1, 255], [1, 256], [257, 1], [31, 33], [64, 65]];

/// More entries than one dispatch has invocations; too large for a browser on a software adapter.
pub const LARGE: &[[usize; 2]] = &[[4_099, 4_100]];

/// The magnitude is exact; WGSL lets the square root be a little off.
const EXACT: Close = Close { abs: 0.0, rel: 0.0 };
const ROOTED: Close = Close { abs: 1e-6, rel: 1e-5 };

/// A twin with the shader's arguments.
type Twin = fn(&Dims, &[f32], &mut [f32], Option<&[f32]>);

/// Compares both score kernels with their twin at every size. Returns how many comparisons were made.
pub async fn score_kernels(device: &Device, sizes: &[[usize; 2]]) -> Result<usize, String> {
    let mut compared = 0;
    for &[rows, cols] in sizes {
        for with_activations in [false, true] {
            // The second limit makes small sizes stride like large ones.
            for max_groups in [MAX_GROUPS, 2] {
                let close = if with_activations { ROOTED } else { EXACT };
                beside_twin(device, [rows, cols], with_activations, max_groups, cpu::wanda, close)
                    .await
                    .map_err(|error| format!("{rows} x {cols}, activations {with_activations}: {error}"))?;
                compared += 1;
            }
        }
    }
    Ok(compared)
}

/// Shows that the comparison can fail: a twin without the square root must be caught.
pub async fn a_broken_twin_is_caught(device: &Device) -> Result<String, String> {
    let broken: Twin = |dims, weight, score, act_sq| {
        cpu::wanda(dims, weight, score, act_sq);
        score[64] *= 1.001;
    };
    match beside_twin(device, [5, 13], true, MAX_GROUPS, broken, ROOTED).await {
        Ok(()) => Err("a twin with one wrong entry passed".into()),
        Err(error) => Ok(error),
    }
}

async fn beside_twin(
    device: &Device,
    [rows, cols]: [usize; 2],
    with_activations: bool,
    max_groups: u32,
    twin: Twin,
    close: Close,
) -> Result<(), String> {
    let weight = noise(rows * cols, 1);
    let act_sq = with_activations.then(|| noise(cols, 2).iter().map(|x| x * x * 100.0).collect::<Vec<_>>());
    let mut want = vec![f32::NAN; rows * cols];
    let dims = Dims { rows: rows as u32, cols: cols as u32 };
    twin(&dims, &weight, &mut want, act_sq.as_deref());
    let weight = Tensor::<2>::from_data(TensorData::new(weight, [rows, cols]), device);
    let act_sq = act_sq.map(|act_sq| Tensor::<1>::from_data(TensorData::new(act_sq, [cols]), device));
    let got = run(weight, act_sq, max_groups).await?;
    close.compare(&want, &got, cols).map_err(|mismatch| mismatch.to_string())
}

/// The kernel on a GPU, into a buffer of NaN so that an entry it does not write shows; the CPU path elsewhere.
async fn run(weight: Tensor<2>, act_sq: Option<Tensor<1>>, max_groups: u32) -> Result<Vec<f32>, String> {
    let shape = weight.dims();
    let nothing = Tensor::<2>::full(shape, f32::NAN, &weight.device());
    let on_gpu = weight.clone().try_into_primitive::<Cube>().ok().zip(nothing.try_into_primitive::<Cube>().ok());
    let scores = match on_gpu {
        Some((weight, output)) if shape[0] * shape[1] > 0 => {
            score::into(weight, act_sq, output, max_groups).map(Tensor::from_primitive::<Cube>)
        }
        _ => score(weight, act_sq),
    };
    let data = scores.map_err(|error| error.to_string())?.into_data_async().await;
    let data = data.map_err(|error| error.to_string())?;
    data.try_into_vec::<f32>().map_err(|error| format!("{error:?}"))
}

/// Numbers between -1 and 1, the same everywhere (a linear congruential generator, Knuth's MMIX constants).
fn noise(len: usize, seed: u64) -> Vec<f32> {
    let mut state = seed;
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 40) as f32 / (1u32 << 23) as f32 - 1.0
    };
    (0..len).map(|_| next()).collect()
}

#[cfg(test)]
mod tests;
