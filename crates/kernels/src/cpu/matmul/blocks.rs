use super::{block_cases, listed};
use crate::Product;
use crate::check::Twin;

/// x [M, K] and the present blocks of w [N, K] -> y [M, N] = x w^T. `blocks` has two words a block: its block column,
/// and which of values [blocks, unit, unit] it is. Those of block row r are `starts[r]..starts[r + 1]`.
pub fn blocks(product: &Product, x: &[f32], starts: &[u32], blocks: &[u32], values: &[f32], y: &mut [f32]) {
    let (rows, stride, side) = (product.rows as usize, product.stride as usize, product.unit as usize);
    for (at, y) in y.iter_mut().enumerate() {
        let (sample, row) = (at / rows, at % rows);
        *y = 0.0;
        for (column, which) in listed(starts, blocks, row / side) {
            for i in 0..side {
                *y += values[(which * side + row % side) * side + i] * x[sample * stride + column * side + i];
            }
        }
    }
}

/// Beside the shader.
pub(crate) const TWIN: Twin = Twin {
    run: |_, buffers| {
        let [product, x, starts, list, values, y] = buffers else { unreachable!("six bindings") };
        blocks(&product.parameters(), x.f32(), starts.u32(), list.u32(), values.f32(), y.f32_mut());
    },
    cases: |kernel, extent| block_cases(kernel, extent, |list| ([list.rows, list.cols], &list.by_row)),
};
