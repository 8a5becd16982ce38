//! How much weights matter: scores of single weights, of units of them, and what is learned from inputs and gradients.

mod moments;
#[cfg(test)]
mod tests;
mod units;
mod weights;

pub use moments::Moments;
pub(crate) use moments::tiles as moment_tiles;
pub use units::{Norm, add_input_squares, units};
pub(crate) use units::{beside, tiles};
pub use weights::{GradSum, accumulate, gblm, power, taylor, taylor_squared};

use burn::backend::Cube;
use burn::tensor::Tensor;

use crate::apply::{self, entries, mapped, readable};
use crate::{Dims, KernelError, MAGNITUDE, WANDA};

/// Importance of each weight [R, C]: |w|, or |w| * sqrt(act_sq) with the sum of squares of each input, act_sq [C]
/// (Sun et al., 2023). Runs the WGSL kernel on a GPU and burn's own operations on the CPU.
pub fn score(weight: Tensor<2>, act_sq: Option<Tensor<1>>) -> Result<Tensor<2>, KernelError> {
    let [rows, cols] = weight.dims();
    if let Some(act_sq) = &act_sq {
        apply::beside("wanda", &weight, "act_sq", [cols], act_sq)?;
    }
    entries("wanda", &weight)?;
    if rows * cols == 0 {
        return Ok(weight);
    }
    let dims = Dims { rows: rows as u32, cols: cols as u32 };
    let scores = match (readable(&weight), act_sq.as_ref().map(readable)) {
        (Some(weight), None) => mapped(&MAGNITUDE, &dims, &[&weight]),
        (Some(weight), Some(Some(act_sq))) => mapped(&WANDA, &dims, &[&weight, &act_sq]),
        _ => return Ok(plain(weight, act_sq)),
    };
    Ok(Tensor::from_primitive::<Cube>(scores))
}

fn plain(weight: Tensor<2>, act_sq: Option<Tensor<1>>) -> Tensor<2> {
    match act_sq {
        Some(act_sq) => weight.abs() * act_sq.sqrt().unsqueeze(),
        None => weight.abs(),
    }
}
