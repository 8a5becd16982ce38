/// On the GPU.
mod gpu;

use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind};
use burn::backend::tensor::{FloatTensor, IntTensor};
use burn::backend::{Autodiff, Backend, Dispatch, ExtensionType, backend_extension};
use burn::tensor::{Device, IndexingUpdateOp, Int, Tensor};

use super::mask::integers;
use super::pack::{BlockLines, BlockList, words};
use super::{input, numbers, on_gpu, on_host, same_device, shape};
use crate::KernelError;

/// Which blocks of a weight [N, K] are present, on a device.
#[derive(Clone, Debug)]
pub struct BlockIndex {
    sizes: Sizes,
    by_row: [Tensor<1, Int>; 2],
    by_column: [Tensor<1, Int>; 2],
    /// Where each block stands among all blocks, row by row.
    places: Tensor<1, Int>,
}

/// Of a weight in blocks.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sizes {
    pub outputs: usize,
    pub inputs: usize,
    pub side: usize,
    pub blocks: usize,
    /// Blocks of the block row that has most.
    pub fullest: usize,
}

impl BlockIndex {
    /// `device` may record gradients or not: an index has none.
    pub fn new(list: &BlockList, device: &Device) -> Self {
        let device = device.clone().without_autodiff();
        let lines =
            |lines: &BlockLines| [integers(lines.starts.clone(), &device), integers(words(&lines.blocks), &device)];
        let across = list.cols / list.side;
        let places = list.places().into_iter().map(|[row, column]| (row * across + column) as u32).collect();
        let &BlockList { rows: outputs, cols: inputs, side, .. } = list;
        let sizes = Sizes { outputs, inputs, side, blocks: list.len(), fullest: list.by_row.fullest() };
        let places = integers(places, &device);
        Self { sizes, by_row: lines(&list.by_row), by_column: lines(&list.by_column), places }
    }

    /// The weight [N, K] with 0 where blocks are absent.
    fn weight(&self, values: Tensor<3>) -> Tensor<2> {
        let Sizes { outputs, inputs, side, blocks, .. } = self.sizes;
        let [down, across] = [outputs / side, inputs / side];
        let all = Tensor::<2>::zeros([down * across, side * side], &values.device());
        let values = values.reshape([blocks, side * side]);
        all.select_assign(0, self.places.clone(), values, IndexingUpdateOp::Add)
            .reshape([down, across, side, side])
            .swap_dims(1, 2)
            .reshape([outputs, inputs])
    }

    fn into_dispatch(self) -> Index<Dispatch> {
        let Self { sizes, by_row: [row_starts, row_blocks], by_column: [column_starts, column_blocks], .. } = self;
        Index {
            sizes,
            row_starts: row_starts.into_dispatch(),
            row_blocks: row_blocks.into_dispatch(),
            column_starts: column_starts.into_dispatch(),
            column_blocks: column_blocks.into_dispatch(),
        }
    }
}

/// y [M, N] = x w^T for x [M, K] and a weight [N, K] of which only the blocks of `index` are there: their values
/// [blocks, side, side] as [`pack_blocks`](super::pack::pack_blocks) orders them. Absent blocks take no time, forward
/// or backward.
pub fn block_sparse(x: Tensor<2>, values: Tensor<3>, index: &BlockIndex) -> Result<Tensor<2>, KernelError> {
    let Sizes { outputs, inputs, side, blocks, .. } = index.sizes;
    input("blocks", &x, [outputs, inputs])?;
    if values.dims() != [blocks, side, side] {
        return Err(shape("blocks", format!("values {:?}", [blocks, side, side]), &values.dims()));
    }
    numbers("blocks", "values", &values)?;
    same_device("blocks", x.device(), values.device())?;
    same_device("blocks", x.device(), index.places.device())?;
    if blocks * x.dims()[0] == 0 {
        return Ok(Tensor::zeros([x.dims()[0], outputs], &x.device()));
    }
    if !on_gpu(&x) {
        return Ok(on_host(x, index.weight(values)));
    }
    let index = index.clone().into_dispatch();
    Ok(Tensor::from_dispatch(<Dispatch as BlockSparse>::blocks(x.into_dispatch(), values.into_dispatch(), index)))
}

/// [`BlockIndex`], as kernels take it.
#[derive(Clone, Debug, ExtensionType)]
pub(super) struct Index<B: Backend> {
    pub sizes: Sizes,
    pub row_starts: IntTensor<B>,
    pub row_blocks: IntTensor<B>,
    pub column_starts: IntTensor<B>,
    pub column_blocks: IntTensor<B>,
}

#[backend_extension(Cube, Autodiff)]
pub(super) trait BlockSparse: Backend {
    /// x [M, K], values [blocks, side, side] -> x w^T. There is at least one block and one row of x.
    fn blocks(
        x: FloatTensor<Self>,
        values: FloatTensor<Self>,
        #[extension_type] index: Index<Self>,
    ) -> FloatTensor<Self>;
}

/// What the gradients of [`BlockSparse`] take.
pub(super) trait BlockGrads: Backend {
    /// dy [M, N], values [blocks, side, side] -> dy w.
    fn blocks_dx(dy: FloatTensor<Self>, values: FloatTensor<Self>, index: Index<Self>) -> FloatTensor<Self>;

    /// x [M, K], dy [M, N] -> dy^T x where blocks are, [blocks, side, side].
    fn blocks_dw(x: FloatTensor<Self>, dy: FloatTensor<Self>, index: Index<Self>) -> FloatTensor<Self>;
}

impl<B: BlockSparse + BlockGrads, C: CheckpointStrategy> BlockSparse for Autodiff<B, C> {
    fn blocks(x: FloatTensor<Self>, values: FloatTensor<Self>, index: Index<Self>) -> FloatTensor<Self> {
        let ((x, x_node), (values, values_node)) = (x.into_parts(), values.into_parts());
        let Index { sizes, row_starts, row_blocks, column_starts, column_blocks } = index;
        let index = Index::<B> { sizes, row_starts, row_blocks, column_starts, column_blocks };
        match Backward::<B, 2>::prepare::<C>(BlockBackward, [x_node, values_node]).compute_bound().stateful() {
            OpsKind::Tracked(prep) => {
                prep.finish((x.clone(), values.clone(), index.clone()), B::blocks(x, values, index))
            }
            OpsKind::UnTracked(prep) => prep.finish(B::blocks(x, values, index)),
        }
    }
}

/// Parents are x and values.
#[derive(Debug)]
struct BlockBackward;

impl<B: BlockGrads> Backward<B, 2> for BlockBackward {
    type State = (FloatTensor<B>, FloatTensor<B>, Index<B>);

    fn backward(self, ops: Ops<Self::State, 2>, grads: &mut Gradients, _checkpointer: &mut Checkpointer) {
        let dy = grads.consume::<B>(&ops.node);
        let (x, values, index) = ops.state;
        let [x_node, values_node] = ops.parents;
        if let Some(node) = x_node {
            grads.register::<B>(node.id, B::blocks_dx(dy.clone(), values, index.clone()));
        }
        if let Some(node) = values_node {
            grads.register::<B>(node.id, B::blocks_dw(x, dy, index));
        }
    }
}
