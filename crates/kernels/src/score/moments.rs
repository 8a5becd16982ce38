//! Mean and variance of inputs, batch after batch.

use burn::backend::Cube;
use burn::tensor::{Device, Tensor};

use crate::apply::{beside, entries, owned, readable};
use crate::kernel::MOMENTS;
use crate::launch::{MAX_GROUPS, launch, told};
use crate::{Batch, KernelError};

/// Mean and variance of each feature over all inputs so far: FLAP's baseline and fluctuation (An et al., 2023), by
/// Welford's and Chan's updates, which take no difference of large sums.
#[derive(Clone, Debug)]
pub struct Moments {
    /// [C].
    mean: Tensor<1>,
    /// Sum of squares of the distances from the mean, [C].
    squares: Tensor<1>,
    /// Inputs so far.
    seen: u32,
}

impl Moments {
    /// Of no inputs yet, with so many features.
    pub fn new(features: usize, device: &Device) -> Self {
        Self { mean: Tensor::zeros([features], device), squares: Tensor::zeros([features], device), seen: 0 }
    }

    /// With the batch `x` [N, C] of N more inputs, e.g. tokens.
    ///
    /// # Errors
    /// Says so if the numbers of features or the devices differ, or after more than 4,294,967,295 inputs.
    pub fn with(self, x: Tensor<2>) -> Result<Self, KernelError> {
        let [rows, cols] = x.dims();
        beside(MOMENTS.name, &x, "mean", [cols], &self.mean)?;
        let seen = u32::try_from(rows).ok().and_then(|rows| self.seen.checked_add(rows));
        let seen = seen.ok_or(KernelError::TooLarge { kernel: MOMENTS.name, rows, cols })?;
        if entries(MOMENTS.name, &x)? == 0 {
            return Ok(Self { seen, ..self });
        }
        let (mean, squares) = match (readable(&self.mean), readable(&self.squares), readable(&x)) {
            (Some(mean), Some(squares), Some(x)) => {
                let batch = Batch { rows: rows as u32, cols: cols as u32, seen: self.seen };
                drop((self.mean, self.squares));
                let (mean, squares) = (owned(mean), owned(squares));
                let buffers = vec![told(&x.client, &batch), x.handle, mean.handle.clone(), squares.handle.clone()];
                launch(&MOMENTS, &mean.client, tiles(cols), buffers);
                (Tensor::from_primitive::<Cube>(mean), Tensor::from_primitive::<Cube>(squares))
            }
            _ => joined(self, x),
        };
        Ok(Self { mean, squares, seen })
    }

    /// Inputs so far.
    pub fn seen(&self) -> u32 {
        self.seen
    }

    /// Each feature's mean, [C]; 0 before any input.
    pub fn mean(&self) -> Tensor<1> {
        self.mean.clone()
    }

    /// Each feature's variance, [C]: the unbiased estimate, 0 before there are two inputs.
    pub fn variance(&self) -> Tensor<1> {
        self.squares.clone() / f64::from(self.seen.max(2) - 1)
    }
}

/// Workgroups: one for every 16 columns, as far as a dispatch has so many.
pub(crate) fn tiles(cols: usize) -> [u32; 3] {
    [cols.div_ceil(16).min(MAX_GROUPS as usize) as u32, 1, 1]
}

/// Mean and squares with the batch's, by burn's operations (Chan, Golub and LeVeque, 1983).
fn joined(before: Moments, x: Tensor<2>) -> (Tensor<1>, Tensor<1>) {
    let [rows, cols] = x.dims();
    let mean = x.clone().mean_dim(0);
    let squares = (x - mean.clone()).square().sum_dim(0).reshape([cols]);
    let apart = mean.reshape([cols]) - before.mean.clone();
    let part = rows as f64 / (f64::from(before.seen) + rows as f64);
    let spread = apart.clone().square() * (f64::from(before.seen) * part);
    (before.mean + apart * part, before.squares + squares + spread)
}
