use super::factor::Factor;
use super::{cases, sizes};
use crate::Product;
use crate::check::{Buffer, Noise, Twin};

/// dy [M, N], x [M, K], factor -> dw [N, K] = factor * (dy^T x) and, with a weight, dfactor [N, K] = weight * (dy^T x).
pub fn linear_dw(
    product: &Product,
    dy: &[f32],
    x: &[f32],
    dw: &mut [f32],
    factor: Factor<'_>,
    weight: Option<&[f32]>,
    dfactor: Option<&mut [f32]>,
) {
    let (outputs, inputs, samples) = (product.rows as usize, product.cols as usize, product.depth as usize);
    let sum = |at: usize| -> f32 {
        (0..samples).map(|sample| dy[sample * outputs + at / inputs] * x[sample * inputs + at % inputs]).sum()
    };
    for (at, dw) in dw.iter_mut().enumerate() {
        *dw = factor.at(at / inputs, at % inputs, inputs) * sum(at);
    }
    if let (Some(weight), Some(dfactor)) = (weight, dfactor) {
        for (at, dfactor) in dfactor.iter_mut().enumerate() {
            *dfactor = weight[at] * sum(at);
        }
    }
}

/// Beside the shader.
pub(crate) const TWIN: Twin = Twin {
    run: |kernel, buffers| {
        let [product, dy, x, dw, rest @ ..] = buffers else { unreachable!("four bindings at least") };
        let (product, dy, x, dw) = (product.parameters(), dy.f32(), x.f32(), dw.f32_mut());
        match rest {
            [factor, weight, dfactor] => {
                let factor = Factor::bound(kernel, Some(factor));
                linear_dw(&product, dy, x, dw, factor, Some(weight.f32()), Some(dfactor.f32_mut()));
            }
            _ => linear_dw(&product, dy, x, dw, Factor::bound(kernel, rest.first()), None, None),
        }
    },
    cases: |kernel, extent| {
        let case = |[m, n, k]: [usize; 3]| {
            let mut noise = Noise::new(1);
            let (dy, x) = (Buffer::F32(noise.many(m * n)), Buffer::F32(noise.many(m * k)));
            let mut buffers = vec![dy, x, Buffer::unwritten(n * k)];
            buffers.extend(Factor::noise(kernel, &mut noise, n, k));
            if kernel.name.ends_with("_learned") {
                buffers.extend([Buffer::F32(noise.many(n * k)), Buffer::unwritten(n * k)]);
            }
            cases(Product::of(n, k, m, k), buffers)
        };
        sizes(extent, false, 1).into_iter().flat_map(case).collect()
    },
};
