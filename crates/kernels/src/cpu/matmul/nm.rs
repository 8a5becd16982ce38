use super::{cases, sizes};
use crate::check::{Buffer, Noise, Twin};
use crate::matmul::pack::Pattern;
use crate::{Kernel, Product};

/// x [M, K], of every `unit` weights some values [N, stride], and where among them they stand -> y [M, N] = x w^T. Four
/// bits a position, eight positions to a word.
pub fn nm(product: &Product, x: &[f32], values: &[f32], positions: &[u32], y: &mut [f32]) {
    let (outputs, inputs, kept) = (product.cols as usize, product.depth as usize, product.stride as usize);
    let of = product.unit as usize;
    let n = kept * of / inputs.max(1);
    for (at, y) in y.iter_mut().enumerate() {
        let (sample, output) = (at / outputs, at % outputs);
        let term = |i| {
            let value = output * kept + i;
            let position = positions[value / 8] >> (value % 8 * 4) & 15;
            values[value] * x[sample * inputs + i / n * of + position as usize]
        };
        *y = (0..kept).map(term).sum();
    }
}

fn pattern(kernel: &Kernel) -> Pattern {
    let found = Pattern::ALL.into_iter().find(|pattern| pattern.kernel().name == kernel.name);
    found.expect("every variant has its pattern")
}

/// Beside the shader.
pub(crate) const TWIN: Twin = Twin {
    run: |_, buffers| {
        let [product, x, values, positions, y] = buffers else { unreachable!("five bindings") };
        nm(&product.parameters(), x.f32(), values.f32(), positions.u32(), y.f32_mut());
    },
    cases: |kernel, extent| {
        let (n_kept, of) = pattern(kernel).n_of_m();
        let case = |[m, n, k]: [usize; 3]| {
            let mut noise = Noise::new(1);
            let k = k.next_multiple_of(of);
            let kept = k / of * n_kept;
            // Any positions: the packer makes them ascending, the kernel does not ask.
            let below = 0x1111_1111 * (of as u32 - 1);
            let positions = (0..(n * kept).div_ceil(8)).map(|_| noise.word() & below).collect();
            let (x, values) = (Buffer::F32(noise.many(m * k)), Buffer::F32(noise.many(n * kept)));
            let buffers = vec![x, values, Buffer::U32(positions), Buffer::unwritten(m * n)];
            cases(Product::of(m, n, k, kept).in_units(of), buffers)
        };
        sizes(extent, true, 0).into_iter().flat_map(case).collect()
    },
};
