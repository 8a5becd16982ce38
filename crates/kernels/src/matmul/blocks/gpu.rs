use burn::backend::TensorMetadata;
use burn::backend::wgpu::{CubeBackend, CubeTensor};

use super::{BlockGrads, BlockSparse, Index, Sizes};
use crate::Product;
use crate::kernel::*;
use crate::launch::unwritten;
use crate::matmul::contiguous;

impl BlockSparse for CubeBackend {
    fn blocks(x: CubeTensor, values: CubeTensor, index: Index<Self>) -> CubeTensor {
        let (Sizes { outputs, inputs, side, .. }, [m, _]) = (index.sizes, x.shape().dims());
        let y = unwritten(&x, &[m, outputs]);
        let kernel = if side == 32 { &BLOCKS_32 } else { &BLOCKS_16 };
        let buffers = [x, index.row_starts, index.row_blocks, values, y.clone()].map(contiguous);
        Product::of(outputs, m, inputs, inputs).in_units(side).launch_bound(kernel, &y, buffers.into());
        y
    }
}

impl BlockGrads for CubeBackend {
    fn blocks_dx(dy: CubeTensor, values: CubeTensor, index: Index<Self>) -> CubeTensor {
        let (Sizes { outputs, inputs, side, .. }, [m, _]) = (index.sizes, dy.shape().dims());
        let dx = unwritten(&dy, &[m, inputs]);
        let kernel = if side == 32 { &BLOCKS_32_DX } else { &BLOCKS_16_DX };
        let buffers = [dy, index.column_starts, index.column_blocks, values, dx.clone()].map(contiguous);
        Product::of(inputs, m, outputs, outputs).in_units(side).launch_bound(kernel, &dx, buffers.into());
        dx
    }

    fn blocks_dw(x: CubeTensor, dy: CubeTensor, index: Index<Self>) -> CubeTensor {
        let (Sizes { outputs, inputs, side, blocks, fullest }, [m, _]) = (index.sizes, x.shape().dims());
        let dvalues = unwritten(&x, &[blocks, side, side]);
        let kernel = if side == 32 { &BLOCKS_32_DW } else { &BLOCKS_16_DW };
        let buffers = [x, index.row_starts, index.row_blocks, dy, dvalues.clone()].map(contiguous);
        let product = Product::of(outputs, fullest * side, m, inputs).in_units(side);
        product.launch_bound(kernel, &dvalues, buffers.into());
        dvalues
    }
}
