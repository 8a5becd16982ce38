//! The optimiser loop: AdamW on a cosine with warm-up, label smoothing, keyed shuffles and augmentation.
//! Pruned entries are set back to 0 after every step.

mod augment;
mod batches;
mod step;

pub use augment::Augment;

use secateur_graph::{Graph, Masks};
use secateur_protocol::Unit;

use self::batches::Batches;
use self::step::Learner;
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
#[expect(clippy::too_many_arguments, reason = "each is another thing; a struct would only rename them")]
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
    let batches = Batches::new(compute, graph, samples, spec)?;
    let mut learner = Learner::new(compute, graph, params, masks, spec)?;
    let total = batches.steps() * u64::from(spec.epochs);
    let mut losses = Vec::with_capacity(total as usize);
    for epoch in 0..spec.epochs {
        let order = batches.order(epoch);
        for chosen in order.chunks(spec.batch) {
            let step = losses.len() as u64;
            meter.tick(step, total, Unit::Steps).await?;
            let (inputs, targets) = batches.get(epoch, chosen)?;
            let loss = learner.step(inputs, targets, spec.lr_at(step, total)).await?;
            compute.check()?;
            if !loss.is_finite() {
                return Err(ExecError::Diverged { step, loss });
            }
            losses.push(loss);
        }
        let recent = &losses[losses.len() - order.len().div_ceil(spec.batch)..];
        let loss = recent.iter().map(|loss| f64::from(*loss)).sum::<f64>() / recent.len() as f64;
        after(EpochEnd { epoch, loss }, &learner.params).await?;
    }
    Ok((learner.params, losses))
}

impl TrainSpec {
    /// Learning rate of a step: a straight line up, then half a cosine down (Loshchilov & Hutter, 2017).
    fn lr_at(&self, step: u64, total: u64) -> f64 {
        let warm = (self.warmup * total as f64).max(1.0);
        let step = step as f64 + 1.0;
        if step <= warm {
            return self.lr * step / warm;
        }
        let done = (step - warm) / (total as f64 - warm).max(1.0);
        self.lr * 0.5 * (1.0 + (std::f64::consts::PI * done).cos())
    }
}
