use burn::tensor::Tensor;
use burn::tensor::module::linear;
use secateur_kernels::matmul::dense;
use secateur_kernels::simd::{self, Weight};

use crate::packed::{Packed, on_gpu};

/// How a weight is multiplied with.
#[derive(Clone, Copy)]
pub(crate) enum Multiply<'a> {
    /// Laid out for it.
    Packed(&'a Packed),
    /// As it lies, by our own kernel on a GPU.
    OwnDense,
    /// As it lies: by our own product on the CPU where that is faster, else by the library's.
    Usual,
}

/// x Wᵀ + b. Where gradients are recorded, the library's product serves.
pub(crate) fn product<const D: usize>(
    x: Tensor<D>,
    weight: Tensor<2>,
    multiply: Multiply<'_>,
    bias: Option<Tensor<1>>,
) -> Tensor<D> {
    let samples = x.dims().iter().product::<usize>() / weight.dims()[1].max(1);
    let own = match multiply {
        Multiply::Packed(packed) if packed.pays(samples) => packed.product(&x, bias.as_ref()),
        Multiply::OwnDense => on_gpu(&x, bias.as_ref(), |x| dense(x, weight.clone())),
        Multiply::Packed(_) | Multiply::Usual => simd::linear(&x, Weight::Plain(&weight), bias.as_ref()),
    };
    own.unwrap_or_else(|| burns(x, weight.transpose(), bias))
}

/// x Wᵀ + b, given Wᵀ. The tokens of a single sample are multiplied as a matrix: with an axis of one sample before them,
/// flex would copy the whole weight for every product, which takes longer than the product.
fn burns<const D: usize>(x: Tensor<D>, weight: Tensor<2>, bias: Option<Tensor<1>>) -> Tensor<D> {
    let mut shape = x.dims();
    if D < 3 || shape[0] != 1 {
        return linear(x, weight, bias);
    }
    let [inputs, outputs] = weight.dims();
    let rows = shape.iter().product::<usize>() / inputs.max(1);
    shape[D - 1] = outputs;
    linear(x.reshape([rows, inputs]), weight, bias).reshape(shape)
}
