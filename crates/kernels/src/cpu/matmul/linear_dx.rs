use super::factor::Factor;
use super::{cases, sizes};
use crate::Product;
use crate::check::{Buffer, Noise, Twin};

/// dy [M, N], weight [N, K], factor -> dx [M, K] = dy (weight * factor).
pub fn linear_dx(product: &Product, dy: &[f32], weight: &[f32], dx: &mut [f32], factor: Factor<'_>) {
    let (inputs, outputs) = (product.cols as usize, product.depth as usize);
    for (at, dx) in dx.iter_mut().enumerate() {
        let (sample, input) = (at / inputs, at % inputs);
        let term =
            |output| dy[sample * outputs + output] * weight[output * inputs + input] * factor.at(output, input, inputs);
        *dx = (0..outputs).map(term).sum();
    }
}

/// Beside the shader.
pub(crate) const TWIN: Twin = Twin {
    run: |kernel, buffers| {
        let [product, dy, weight, dx, factor @ ..] = buffers else { unreachable!("four bindings or five") };
        let factor = Factor::bound(kernel, factor.first());
        linear_dx(&product.parameters(), dy.f32(), weight.f32(), dx.f32_mut(), factor);
    },
    cases: |kernel, extent| {
        let case = |[m, n, k]: [usize; 3]| {
            let mut noise = Noise::new(1);
            let (dy, weight) = (Buffer::F32(noise.many(m * n)), Buffer::F32(noise.many(n * k)));
            let mut buffers = vec![dy, weight, Buffer::unwritten(m * k)];
            buffers.extend(Factor::noise(kernel, &mut noise, n, k));
            cases(Product::of(m, k, n, k), buffers)
        };
        sizes(extent, false, 0).into_iter().flat_map(case).collect()
    },
};
