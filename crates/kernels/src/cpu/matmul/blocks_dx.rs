use super::{block_cases, listed};
use crate::Product;
use crate::check::Twin;

/// dy [M, N] and the present blocks of w [N, K] -> dx [M, K] = dy w. `blocks` has two words a block: its block row, and
/// which of values [blocks, unit, unit] it is. Those of block column c are `starts[c]..starts[c + 1]`.
pub fn blocks_dx(product: &Product, dy: &[f32], starts: &[u32], blocks: &[u32], values: &[f32], dx: &mut [f32]) {
    let (cols, stride, side) = (product.rows as usize, product.stride as usize, product.unit as usize);
    for (at, dx) in dx.iter_mut().enumerate() {
        let (sample, col) = (at / cols, at % cols);
        *dx = 0.0;
        for (row, which) in listed(starts, blocks, col / side) {
            for i in 0..side {
                *dx += values[(which * side + i) * side + col % side] * dy[sample * stride + row * side + i];
            }
        }
    }
}

/// Beside the shader.
pub(crate) const TWIN: Twin = Twin {
    run: |_, buffers| {
        let [product, dy, starts, list, values, dx] = buffers else { unreachable!("six bindings") };
        blocks_dx(&product.parameters(), dy.f32(), starts.u32(), list.u32(), values.f32(), dx.f32_mut());
    },
    cases: |kernel, extent| block_cases(kernel, extent, |list| ([list.cols, list.rows], &list.by_column)),
};
