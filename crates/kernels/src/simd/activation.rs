use std::f32::consts::{FRAC_1_SQRT_2, FRAC_2_SQRT_PI};

use burn::tensor::Tensor;
use macerator::Simd;
use secateur_graph::ops::Activation;

use super::in_pieces;
use super::math::{erf, sigmoid};
use super::tensor::{made, primitive};

/// Numbers a thread takes at once: some microseconds of work.
const PIECE: usize = 4096;

/// The activation of each entry in one pass, where burn has several or works on one thread. None where this is not for us: on
/// another device than the CPU, where somebody asked for gradients, or for functions that burn has as fast.
pub fn activate<const D: usize>(op: Activation, x: &Tensor<D>) -> Option<Tensor<D>> {
    use Activation::*;
    if !matches!(op, Gelu | GeluTanh | QuickGelu | Silu) {
        return None;
    }
    let numbers = primitive(x)?;
    let numbers = numbers.as_slice()?;
    Some(made(x.dims(), &x.device(), |y| match op {
        Gelu => in_pieces(PIECE, (numbers, 1), (y, 1), gelu),
        GeluTanh => in_pieces(PIECE, (numbers, 1), (y, 1), gelu_tanh),
        QuickGelu => in_pieces(PIECE, (numbers, 1), (y, 1), quick_gelu),
        _ => in_pieces(PIECE, (numbers, 1), (y, 1), silu),
    }))
}

macro_rules! entry_by_entry {
    ($($name:ident: $x:ident -> $value:expr;)*) => {
        $(
            #[macerator::with_simd]
            fn $name<S: Simd>(from: &[f32], to: &mut [f32]) {
                for (&$x, to) in from.iter().zip(to) {
                    *to = $value;
                }
            }
        )*
    };
}

entry_by_entry! {
    gelu: x -> 0.5 * x * (1.0 + erf(x * FRAC_1_SQRT_2));
    // (1 + tanh(u)) / 2 = sigmoid(2 u)
    gelu_tanh: x -> x * sigmoid(2.0 * FRAC_2_SQRT_PI * FRAC_1_SQRT_2 * (x + 0.044_715 * x * x * x));
    quick_gelu: x -> x * sigmoid(1.702 * x);
    silu: x -> x * sigmoid(x);
}

#[cfg(test)]
mod tests {
    use burn::tensor::{Device, TensorData};
    use pollster::block_on;

    use super::*;
    use crate::check::Close;

    /// In 64 bits. The error function is the integral of its bell curve, by Simpson's rule.
    fn plain(op: Activation, x: f64) -> f64 {
        let sigmoid = |x: f64| 1.0 / (1.0 + (-x).exp());
        let erf = |x: f64| {
            let bell = |at: usize| (-(x * at as f64 / 2000.0).powi(2)).exp();
            let inner: f64 = (1..2000).map(|at| bell(at) * if at % 2 == 1 { 4.0 } else { 2.0 }).sum();
            std::f64::consts::FRAC_2_SQRT_PI * x / 6000.0 * (bell(0) + inner + bell(2000))
        };
        match op {
            Activation::Gelu => 0.5 * x * (1.0 + erf(x * std::f64::consts::FRAC_1_SQRT_2)),
            Activation::GeluTanh => x * sigmoid(2.0 * (2.0 / std::f64::consts::PI).sqrt() * (x + 0.044715 * x.powi(3))),
            Activation::QuickGelu => x * sigmoid(1.702 * x),
            Activation::Silu => x * sigmoid(x),
            _ => panic!("{op:?} is burn's"),
        }
    }

    #[test]
    fn they_are_the_plain_functions() {
        // More than a piece, and not a multiple of any register.
        let x: Vec<f32> = (0..PIECE + 37).map(|at| at as f32 / 300.0 - 7.0).collect();
        let tensor = Tensor::<1>::from_data(TensorData::new(x.clone(), [x.len()]), &Device::flex());
        for op in [Activation::Gelu, Activation::GeluTanh, Activation::QuickGelu, Activation::Silu] {
            let want: Vec<f32> = x.iter().map(|x| plain(op, f64::from(*x)) as f32).collect();
            let got = block_on(activate(op, &tensor).unwrap().into_data_async()).unwrap();
            let close = Close { abs: 1e-6, rel: 1e-6 };
            close.compare(&want, &got.try_into_vec::<f32>().unwrap(), 1).unwrap_or_else(|at| panic!("{op:?}: {at}"));
            assert!(activate(op, &tensor.clone().autodiff()).is_none());
        }
        assert!(activate(Activation::Relu, &tensor).is_none());
    }
}
