use burn::tensor::{Tensor, TensorData};
use secateur_kernels::select::prune_lowest_of_all;

use super::finished;
use crate::rng::Rng;
use crate::{Compute, ExecError};

/// The score kernel, a plain copy of the same bytes and a global selection, for whoever holds the clock.
pub struct ScoreBench {
    /// [rows, COLS]
    weight: Tensor<2>,
    act_sq: Tensor<1>,
    /// Of as many entries, layer by layer.
    scores: Vec<Tensor<2>>,
}

/// What [`ScoreBench`] can do.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Work {
    /// Score all weights.
    Score,
    /// Copy them (times 1, so that every byte is read and written).
    Copy,
    /// Find the lower half of all layers' scores and read the masks.
    Select,
}

/// Inputs of the made-up layers.
const COLS: usize = 1024;
/// Layers of the selection.
const LAYERS: usize = 20;

impl ScoreBench {
    /// About `entries` weights, a whole number of rows in each layer, at least one.
    pub fn new(compute: &Compute, entries: usize) -> Self {
        let rows = entries.div_ceil(COLS).next_multiple_of(LAYERS);
        let mut rng = Rng::keyed(0, "bench-scores", 0, "");
        let weight = (0..rows * COLS).map(|_| rng.uniform() - 0.5).collect();
        let weight = Tensor::<2>::from_data(TensorData::new::<f32, _>(weight, [rows, COLS]), compute.device());
        let layer = |layer| weight.clone().narrow(0, layer * (rows / LAYERS), rows / LAYERS).abs();
        let scores = (0..LAYERS).map(layer).collect();
        Self { act_sq: Tensor::ones([COLS], compute.device()), scores, weight }
    }

    /// Bytes that scoring or copying reads and writes.
    pub fn bytes(&self) -> u64 {
        let [rows, cols] = self.weight.dims();
        (size_of::<f32>() * (2 * rows * cols + cols)) as u64
    }

    /// Works `runs` times and waits until it is done.
    pub async fn run(&self, work: Work, runs: usize) -> Result<(), ExecError> {
        let mut last = self.once(work).await?;
        for _ in 1..runs {
            last = self.once(work).await?;
        }
        finished(last).await
    }

    async fn once(&self, work: Work) -> Result<Tensor<2>, ExecError> {
        match work {
            Work::Score => Ok(secateur_kernels::score(self.weight.clone(), Some(self.act_sq.clone()))?),
            Work::Copy => Ok(self.weight.clone() * 1.0),
            Work::Select => {
                let [rows, cols] = self.weight.dims();
                prune_lowest_of_all(self.scores.clone(), rows * cols / 2).await?;
                Ok(self.act_sq.clone().unsqueeze())
            }
        }
    }
}
