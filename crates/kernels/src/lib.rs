//! Hand-written WGSL kernels on burn tensors, each with a plain CPU twin.
//!
//! The shaders live in `shaders/` at the top of the repository; the build validates all of them and makes
//! [`KERNELS`]. They are WGSL on every platform, so burn's `vulkan` and `metal` features stay off.

mod apply;
pub mod check;
pub mod cpu;
pub mod gate;
mod kernel;
mod launch;
pub mod matmul;
mod parameters;
pub mod score;
pub mod select;
pub mod simd;

pub(crate) use kernel::TWINS;
pub use kernel::{Binding, KERNELS, Kernel, Layout, MAGNITUDE, WANDA};
pub use parameters::{
    Batch, Blend, BlockMask, Count, Digit, Dims, HardConcrete, NOfM, Parameters, Power, Product, RowCuts, Runs,
    SoftRuns, Span, Units,
};
pub use score::score;

use burn::backend::Cube;
use burn::tensor::{Device, Tensor};

/// Why a kernel was not launched.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum KernelError {
    #[error("{kernel}: wanted {want}, got {got}")]
    Shape { kernel: &'static str, want: String, got: String },
    #[error("{kernel}: a {rows} x {cols} matrix is too large for 32-bit indices; take it in parts")]
    TooLarge { kernel: &'static str, rows: usize, cols: usize },
    #[error("{kernel}: its inputs are on different devices; move them to one first")]
    Device { kernel: &'static str },
}

/// What [`language`] says of a device that takes WGSL.
pub const WGSL: &str = "wgpu<wgsl>";

/// The runtime and shader language behind a device, or "cpu".
pub fn language(device: &Device) -> &'static str {
    match Tensor::<1>::zeros([1], device).try_into_primitive::<Cube>() {
        Ok(tensor) => tensor.client.name(),
        Err(_) => "cpu",
    }
}
