//! Hand-written WGSL kernels on burn tensors, each with a plain CPU twin.

use burn::tensor::{Device, Tensor};

pub const LANGUAGE: &str = "wgpu<wgsl>";

/// The shader language that the device's compiler takes.
pub fn language(_device: &Device) -> &'static str {
    LANGUAGE
}

#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum KernelError {
    #[error("{kernel}: wanted {want}, got {got}")]
    Shape { kernel: &'static str, want: String, got: String },
}

/// Importance of each weight [R, C]: |w|, or |w| * sqrt(act_sq) with act_sq [C].
pub fn score(weight: Tensor<2>, act_sq: Option<Tensor<1>>) -> Result<Tensor<2>, KernelError> {
    Ok(match act_sq {
        Some(act_sq) => weight.abs() * act_sq.sqrt().unsqueeze(),
        None => weight.abs(),
    })
}
