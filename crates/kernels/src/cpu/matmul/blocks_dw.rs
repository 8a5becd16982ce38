use super::{cases, listed, some_blocks};
use crate::Product;
use crate::check::{Buffer, Noise, Twin};
use crate::matmul::pack::{BlockList, words};

/// x [M, K], dy [M, N] -> dvalues [blocks, unit, unit]: dy^T x where blocks are, listed by block row.
pub fn blocks_dw(product: &Product, x: &[f32], starts: &[u32], blocks: &[u32], dy: &[f32], dvalues: &mut [f32]) {
    let (rows, stride, side) = (product.rows as usize, product.stride as usize, product.unit as usize);
    for block_row in 0..rows / side {
        for (column, which) in listed(starts, blocks, block_row) {
            for at in 0..side * side {
                let (row, col) = (block_row * side + at / side, column * side + at % side);
                let term = |sample| dy[sample * rows + row] * x[sample * stride + col];
                dvalues[which * side * side + at] = (0..product.depth as usize).map(term).sum();
            }
        }
    }
}

/// Beside the shader.
pub(crate) const TWIN: Twin = Twin {
    run: |_, buffers| {
        let [product, x, starts, list, dy, dvalues] = buffers else { unreachable!("six bindings") };
        blocks_dw(&product.parameters(), x.f32(), starts.u32(), list.u32(), dy.f32(), dvalues.f32_mut());
    },
    cases: |kernel, extent| {
        let case = |(m, list, values): (usize, BlockList, Vec<f32>)| {
            let mut noise = Noise::new(1);
            let buffers = vec![
                Buffer::F32(noise.many(m * list.cols)),
                Buffer::U32(list.by_row.starts.clone()),
                Buffer::U32(words(&list.by_row.blocks)),
                Buffer::F32(noise.many(m * list.rows)),
                Buffer::unwritten(values.len()),
            ];
            let product = Product::of(list.rows, list.by_row.fullest() * list.side, m, list.cols);
            cases(product.in_units(list.side), buffers)
        };
        some_blocks(kernel, extent).into_iter().flat_map(case).collect()
    },
};
