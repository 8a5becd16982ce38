//! How much weights matter: scores of single weights, of units of them, and what is learned from inputs and gradients.

mod gram;
mod moments;
#[cfg(test)]
mod tests;
mod units;
mod weights;

pub use gram::Gram;
pub use moments::Moments;
pub(crate) use moments::tiles as moment_tiles;
pub use units::{Norm, add_input_squares, units};
pub(crate) use units::{beside, tiles};
pub use weights::{GradSum, accumulate, gblm, power, taylor, taylor_squared};

use burn::backend::{Cube, Flex};
use burn::tensor::{Tensor, TensorData};

use crate::apply::{self, entries, mapped, readable};
use crate::{Dims, KernelError, MAGNITUDE, WANDA};

/// Importance of each weight [R, C]: |w|, or |w| * sqrt(act_sq) with the sum of squares of each input, act_sq [C]
/// (Sun et al., 2023). Runs the WGSL kernel on a GPU, else a loop on the CPU.
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
        _ => return Ok(in_one_pass(&weight, act_sq.as_ref()).unwrap_or_else(|| plain(weight, act_sq))),
    };
    Ok(Tensor::from_primitive::<Cube>(scores))
}

/// On the CPU, where [`plain`] would go through the scores twice. None elsewhere, and where it goes through them once.
fn in_one_pass(weight: &Tensor<2>, act_sq: Option<&Tensor<1>>) -> Option<Tensor<2>> {
    let ([rows, cols], device) = (weight.dims(), weight.device());
    let weight = weight.clone().try_into_primitive::<Flex>().ok()?.to_contiguous();
    let act_sq = act_sq?.clone().try_into_primitive::<Flex>().ok()?.to_contiguous();
    let norms: Vec<f32> = act_sq.as_slice::<f32>()?.iter().map(|sum| sum.sqrt()).collect();
    let mut scores = Vec::with_capacity(rows * cols);
    for row in weight.as_slice::<f32>()?.chunks_exact(cols) {
        scores.extend(row.iter().zip(&norms).map(|(weight, norm)| weight.abs() * norm));
    }
    Some(Tensor::from_data(TensorData::new(scores, [rows, cols]), &device))
}

fn plain(weight: Tensor<2>, act_sq: Option<Tensor<1>>) -> Tensor<2> {
    match act_sq {
        Some(act_sq) => weight.abs() * act_sq.sqrt().unsqueeze(),
        None => weight.abs(),
    }
}
