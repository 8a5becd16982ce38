//! The optimiser loop: AdamW on a cosine with warm-up, label smoothing, keyed shuffles and augmentation.
//! Pruned entries are set back to 0 after every step.

mod augment;
mod step;

pub use augment::Augment;

use secateur_graph::{Graph, Masks};
use secateur_protocol::Unit;

use crate::rng::Rng;
use crate::{Compute, ExecError, Meter, Params};

/// How to train.
#[derive(Clone, Debug, PartialEq)]
pub struct TrainSpec {
    /// Passes over the samples.
    pub epochs: u32,
    /// Samples a step.
    pub batch: usize,
    /// Highest learning rate, reached after `warmup` of all steps and going down to 0 on a half cosine.
    pub lr: f64,
    /// Fraction of all steps.
    pub warmup: f64,
    /// Decoupled decay (Loshchilov & Hutter, 2019), on weights and not on biases, norms and embeddings.
    pub weight_decay: f32,
    /// Probability spread evenly over all classes (Szegedy et al., 2016).
    pub label_smoothing: f32,
    /// Changes to each picture before it is shown; None shows it as it is.
    pub augment: Option<Augment>,
    /// Decides order and augmentation, together with [`Params::init`]'s seed the whole run.
    pub seed: u64,
}

impl Default for TrainSpec {
    fn default() -> Self {
        Self {
            epochs: 10,
            batch: 64,
            lr: 1e-3,
            warmup: 0.1,
            weight_decay: 0.05,
            label_smoothing: 0.1,
            augment: None,
            seed: 0,
        }
    }
}

/// What is learnt from.
#[derive(Clone, Copy, Debug)]
pub struct Samples<'a> {
    /// [samples, ...] row by row, as the model's input node wants them.
    pub inputs: &'a [f32],
    /// One class per sample.
    pub labels: &'a [u8],
}

/// How an epoch went.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct EpochEnd {
    /// Counted from 0.
    pub epoch: u32,
    /// Mean training loss of its steps.
    pub loss: f64,
}

/// Trains all parameters and returns them with the loss of every step. Entries that `masks` prune stay exactly 0.
///
/// Ticks once a step. After each epoch `after` sees the parameters as they are, e.g. to measure accuracy.
/// The same arguments give the same parameters on the same device.
pub async fn train(
    compute: &Compute,
    graph: &Graph,
    params: &Params,
    masks: &Masks,
    samples: Samples<'_>,
    spec: &TrainSpec,
    meter: &dyn Meter,
    mut after: impl AsyncFnMut(EpochEnd, &Params) -> Result<(), ExecError>,
) -> Result<(Params, Vec<f32>), ExecError> {
    todo!()
}
