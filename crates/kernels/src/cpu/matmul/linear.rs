use super::factor::Factor;
use super::{cases, sizes};
use crate::Product;
use crate::check::{Buffer, Noise, Twin};

/// x [M, K], weight [N, K], factor -> y [M, N] = x (weight * factor)^T.
pub fn linear(product: &Product, x: &[f32], weight: &[f32], y: &mut [f32], factor: Factor<'_>) {
    let (outputs, inputs) = (product.cols as usize, product.depth as usize);
    for (at, y) in y.iter_mut().enumerate() {
        let (sample, output) = (at / outputs, at % outputs);
        let term =
            |input| x[sample * inputs + input] * weight[output * inputs + input] * factor.at(output, input, inputs);
        *y = (0..inputs).map(term).sum();
    }
}

/// Beside the shader.
pub(crate) const TWIN: Twin = Twin {
    run: |kernel, buffers| {
        let [product, x, weight, y, factor @ ..] = buffers else { unreachable!("four bindings or five") };
        let factor = Factor::bound(kernel, factor.first());
        linear(&product.parameters(), x.f32(), weight.f32(), y.f32_mut(), factor);
    },
    cases: |kernel, extent| {
        let case = |[m, n, k]: [usize; 3]| {
            let mut noise = Noise::new(1);
            let (x, weight) = (Buffer::F32(noise.many(m * k)), Buffer::F32(noise.many(n * k)));
            let mut buffers = vec![x, weight, Buffer::unwritten(m * n)];
            buffers.extend(Factor::noise(kernel, &mut noise, n, k));
            cases(Product::of(m, n, k, k), buffers)
        };
        sizes(extent, kernel.name.ends_with("_quads"), 0).into_iter().flat_map(case).collect()
    },
};
