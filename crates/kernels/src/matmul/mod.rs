//! Products of pruned linear layers, y [M, N] = x [M, K] w^T with the pruning inside: what is masked is never written
//! out, and absent blocks are not even read. On a GPU they are kernels of `shaders/matmul`, with gradients; elsewhere
//! burn's own operations.

mod blocks;
mod linear;
mod mask;
mod nm;
pub mod pack;

pub use blocks::{BlockIndex, block_sparse};
pub use linear::{Gate, dense, gated, masked, masked_learned};
pub use mask::PackedMask;
pub use nm::NmWeight;

use burn::backend::Cube;
use burn::backend::wgpu::{CubeTensor, into_contiguous};
use burn::tensor::{DType, Device, Tensor};
use cubecl::server::Handle;

use crate::launch::{MAX_GROUPS, launch, tiled, told, unwritten};
use crate::simd::{Weight, linear};
use crate::{Kernel, KernelError, Product};

impl Product {
    /// Of weights that stand alone.
    pub(crate) fn of(rows: usize, cols: usize, depth: usize, stride: usize) -> Self {
        Self { rows: rows as u32, cols: cols as u32, depth: depth as u32, stride: stride as u32, unit: 1 }
    }

    /// Of weights that stand together.
    pub(crate) fn in_units(self, unit: usize) -> Self {
        Self { unit: unit as u32, ..self }
    }

    /// Runs a kernel of `shaders/shared/tile.wgsl` on `first` and `second`; its output has this shape. `more` is bound
    /// after the output.
    fn launch(
        self,
        kernel: &'static Kernel,
        [first, second]: [CubeTensor; 2],
        shape: &[usize],
        more: impl IntoIterator<Item = CubeTensor>,
    ) -> CubeTensor {
        let output = unwritten(&first, shape);
        let mut buffers = vec![contiguous(first), contiguous(second), output.handle.clone()];
        buffers.extend(more.into_iter().map(contiguous));
        self.launch_bound(kernel, &output, buffers);
        output
    }

    /// The same with all buffers after the parameters; `like` says on which device.
    fn launch_bound(self, kernel: &'static Kernel, like: &CubeTensor, mut buffers: Vec<Handle>) {
        buffers.insert(0, told(&like.client, &self));
        launch(kernel, &like.client, tiled(self.rows as usize, self.cols as usize), buffers);
    }
}

fn contiguous(tensor: CubeTensor) -> Handle {
    into_contiguous(tensor).handle
}

/// Whether the kernels run on a device, which records no gradients.
fn kernels_run_on(device: &Device) -> bool {
    Tensor::<1>::zeros([1], device).try_into_primitive::<Cube>().is_ok()
}

/// Whether the kernels run where this tensor is.
fn on_gpu(tensor: &Tensor<2>) -> bool {
    tensor.clone().without_autodiff().try_into_primitive::<Cube>().is_ok()
}

/// x w^T where no kernels run, by our own product where that is for it.
fn on_host(x: Tensor<2>, weight: Tensor<2>) -> Tensor<2> {
    linear(&x, Weight::Plain(&weight), None).unwrap_or_else(|| x.matmul(weight.transpose()))
}

fn shape(kernel: &'static str, want: String, got: &[usize]) -> KernelError {
    KernelError::Shape { kernel, want, got: format!("{got:?}") }
}

/// A matrix whose indices, and the step after the last, fit the shaders' 32 bits.
fn indexable(kernel: &'static str, rows: usize, cols: usize) -> Result<(), KernelError> {
    let end = rows.saturating_mul(cols).saturating_add(128 * MAX_GROUPS as usize);
    u32::try_from(end).map(|_| ()).map_err(|_| KernelError::TooLarge { kernel, rows, cols })
}

/// x [M, K] for a weight [N, K] of `kernel`: f32, of a size that can be indexed.
fn input(kernel: &'static str, x: &Tensor<2>, [outputs, inputs]: [usize; 2]) -> Result<(), KernelError> {
    let [samples, got] = x.dims();
    if got != inputs {
        return Err(shape(kernel, format!("x [samples, {inputs}]"), &[samples, got]));
    }
    numbers(kernel, "x", x)?;
    [[samples, inputs], [outputs, inputs], [samples, outputs]]
        .into_iter()
        .try_for_each(|[rows, cols]| indexable(kernel, rows, cols))
}

fn numbers<const D: usize>(kernel: &'static str, name: &str, tensor: &Tensor<D>) -> Result<(), KernelError> {
    match tensor.dtype() {
        DType::F32 => Ok(()),
        got => Err(KernelError::Shape { kernel, want: format!("{name} of f32"), got: format!("{got:?}") }),
    }
}

fn same_device(kernel: &'static str, one: Device, other: Device) -> Result<(), KernelError> {
    if one == other { Ok(()) } else { Err(KernelError::Device { kernel }) }
}

#[cfg(test)]
mod tests;
