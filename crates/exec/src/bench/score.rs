use burn::tensor::{Tensor, TensorData};

use super::finished;
use crate::{Compute, ExecError};

/// The score kernel and a plain copy of the same bytes, for whoever holds the clock.
pub struct ScoreBench {
    /// [rows, COLS]
    weight: Tensor<2>,
    act_sq: Tensor<1>,
}

/// Inputs of the made-up layer.
const COLS: usize = 1024;

impl ScoreBench {
    /// About `entries` weights, a whole number of rows, at least one.
    pub fn new(compute: &Compute, entries: usize) -> Self {
        let rows = entries.div_ceil(COLS).max(1);
        let weight = (0..rows * COLS).map(|at| (at % 251) as f32 - 125.0).collect();
        let weight = Tensor::from_data(TensorData::new::<f32, _>(weight, [rows, COLS]), compute.device());
        let act_sq = Tensor::ones([COLS], compute.device());
        Self { weight, act_sq }
    }

    /// Bytes that one run reads and writes.
    pub fn bytes(&self) -> u64 {
        let [rows, cols] = self.weight.dims();
        (size_of::<f32>() * (2 * rows * cols + cols)) as u64
    }

    /// Scores all weights `runs` times and waits until it is done.
    pub async fn score(&self, runs: usize) -> Result<(), ExecError> {
        let once = || secateur_kernels::score(self.weight.clone(), Some(self.act_sq.clone()));
        let mut scores = once();
        for _ in 1..runs {
            scores = once();
        }
        finished(scores.map_err(|error| ExecError::Device(error.to_string()))?).await
    }

    /// Copies all weights `runs` times (times 1, so that every byte is read and written) and waits.
    pub async fn copy(&self, runs: usize) -> Result<(), ExecError> {
        let mut copy = self.weight.clone() * 1.0;
        for _ in 1..runs {
            copy = self.weight.clone() * 1.0;
        }
        finished(copy).await
    }
}
