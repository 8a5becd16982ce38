use burn::tensor::Tensor;
use macerator::Simd;

use super::in_pieces;
use super::tensor::{made, primitive};

/// Rows a thread takes at once.
const PIECE: usize = 64;
/// Numbers summed up side by side.
const LANES: usize = 16;

/// Takes x's last axis [features] to mean 0 and variance 1, then multiplies with `scale` and adds `shift`, both [features].
/// Mean and variance are taken over `over` features, of which those that are not there count as 0. None where this is not for
/// us: on another device than the CPU, where somebody asked for gradients, or where the sizes do not fit.
pub fn layer_norm<const D: usize>(
    x: &Tensor<D>,
    scale: &Tensor<1>,
    shift: Option<&Tensor<1>>,
    eps: f64,
    over: usize,
) -> Option<Tensor<D>> {
    let features = x.dims()[D - 1];
    if features == 0 || scale.dims() != [features] || shift.is_some_and(|shift| shift.dims() != [features]) {
        return None;
    }
    let [numbers, scale] = [primitive(x)?, primitive(scale)?];
    let shift = match shift {
        Some(shift) => primitive(shift)?.as_slice()?.to_vec(),
        None => vec![0.0; features],
    };
    let (numbers, scale) = (numbers.as_slice()?, scale.as_slice()?);
    Some(made(x.dims(), &x.device(), |y| {
        in_pieces(PIECE, (numbers, features), (y, features), |x, y| rows(x, y, scale, &shift, eps as f32, over as f32));
    }))
}

#[macerator::with_simd]
fn rows<S: Simd>(x: &[f32], y: &mut [f32], scale: &[f32], shift: &[f32], eps: f32, over: f32) {
    let features = scale.len();
    let gone = over - features as f32;
    for (x, y) in x.chunks_exact(features).zip(y.chunks_exact_mut(features)) {
        let mean = sum(x, |x| x) / over;
        // Each missing 0 is as far from the mean as the mean is from 0.
        let variance = (sum(x, |x| (x - mean) * (x - mean)) + gone * mean * mean) / over;
        let by = (variance + eps).sqrt().recip();
        for (((x, y), scale), shift) in x.iter().zip(y).zip(scale).zip(shift) {
            *y = (x - mean) * by * scale + shift;
        }
    }
}

#[inline(always)]
fn sum(x: &[f32], of: impl Fn(f32) -> f32) -> f32 {
    let (lanes, rest) = x.as_chunks::<LANES>();
    let mut sums = [0.0; LANES];
    for x in lanes {
        for lane in 0..LANES {
            sums[lane] += of(x[lane]);
        }
    }
    sums.iter().sum::<f32>() + rest.iter().map(|x| of(*x)).sum::<f32>()
}

#[cfg(test)]
mod tests {
    use burn::tensor::{Device, TensorData};
    use pollster::block_on;

    use super::*;
    use crate::check::{Close, Noise};

    /// In 64 bits, with the missing features as zeros.
    fn plain(x: &[f32], scale: &[f32], shift: &[f32], eps: f64, over: usize) -> Vec<f32> {
        let mut all: Vec<f64> = x.iter().map(|x| f64::from(*x)).collect();
        all.resize(over, 0.0);
        let mean = all.iter().sum::<f64>() / over as f64;
        let variance = all.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / over as f64;
        let each = all.iter().zip(scale).zip(shift);
        each.map(|((x, a), b)| ((x - mean) / (variance + eps).sqrt() * f64::from(*a) + f64::from(*b)) as f32).collect()
    }

    #[test]
    fn it_is_the_plain_norm() {
        let tensor =
            |data: &[f32]| Tensor::<1>::from_data(TensorData::new(data.to_vec(), [data.len()]), &Device::flex());
        for (count, features, over) in [(1, 1, 1), (3, 96, 96), (130, 33, 33), (5, 40, 64), (2, 300, 301)] {
            let mut noise = Noise::new(features as u64);
            let x: Vec<f32> = noise.many(count * features).iter().map(|x| 3.0 * x + 5.0).collect();
            let [scale, shift] = [0; 2].map(|_| noise.many(features));
            let rows: Tensor<2> = tensor(&x).reshape([count, features]);
            for shifted in [true, false] {
                let b = if shifted { shift.clone() } else { vec![0.0; features] };
                let want: Vec<f32> = x.chunks(features).flat_map(|x| plain(x, &scale, &b, 1e-5, over)).collect();
                let given = shifted.then(|| tensor(&shift));
                let got = layer_norm(&rows, &tensor(&scale), given.as_ref(), 1e-5, over).unwrap();
                let got = block_on(got.into_data_async()).unwrap().try_into_vec::<f32>().unwrap();
                Close { abs: 2e-6, rel: 2e-6 }.compare(&want, &got, features).unwrap();
            }
        }
    }

    #[test]
    fn gradients_and_sizes_that_do_not_fit_are_left_to_burn() {
        let ones = |len: usize| Tensor::<1>::ones([len], &Device::flex());
        assert!(layer_norm(&ones(4), &ones(4), None, 1e-5, 4).is_some());
        assert!(layer_norm(&ones(4).autodiff(), &ones(4), None, 1e-5, 4).is_none());
        assert!(layer_norm(&ones(4), &ones(4).autodiff(), None, 1e-5, 4).is_none());
        assert!(layer_norm(&ones(4), &ones(3), None, 1e-5, 4).is_none());
        assert!(layer_norm(&ones(4), &ones(4), Some(&ones(3)), 1e-5, 4).is_none());
    }
}
