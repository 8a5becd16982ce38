//! The optimiser loop: AdamW on a cosine with warm-up, whatever the aim. A [`Course`] says what a step shows the model
//! and what it should have answered. Pruned entries are set back to 0 after every step.

mod augment;
mod classes;
mod noise;
mod order;
mod state;
mod step;
mod target;
mod texts;

pub use augment::Augment;
pub use classes::Classes;
pub use noise::Noise;
pub use state::State;
pub use target::Target;
pub use texts::Texts;

use secateur_graph::{Graph, Masks, Node};
use secateur_protocol::Unit;

use self::step::Learner;
use crate::{Compute, ExecError, Inputs, Meter};

/// How to train.
#[derive(Clone, Debug, PartialEq)]
pub struct TrainSpec {
    /// From fresh parameters to the end.
    pub steps: u64,
    /// Highest learning rate, reached after `warmup` of all steps and going down to 0 on a half cosine.
    pub lr: f64,
    /// Fraction of all steps.
    pub warmup: f64,
    /// Decoupled decay (Loshchilov & Hutter, 2019), on weights and not on biases, norms and embeddings.
    pub weight_decay: f32,
    /// What a running mean of the parameters (Polyak & Juditsky, 1992) keeps of itself in a step; it is less in the
    /// first steps. None: there is no such mean.
    pub average: Option<f64>,
}

impl Default for TrainSpec {
    fn default() -> Self {
        Self { steps: 1000, lr: 1e-3, warmup: 0.1, weight_decay: 0.05, average: None }
    }
}

/// What is learnt from. The same step always brings the same batch.
pub trait Course {
    /// What a step shows the model, and what it should answer.
    fn batch(&self, compute: &Compute, graph: &Graph, step: u64) -> Result<(Inputs, Target), ExecError>;
}

/// Samples to learn from.
#[derive(Clone, Copy, Debug)]
pub struct Samples<'a> {
    /// [samples, ...] row by row, as the model's first input node wants them.
    pub inputs: &'a [f32],
    /// One class per sample.
    pub labels: &'a [u8],
}

/// Trains all parameters to the end, from the beginning or from where an earlier run was stopped. Entries that `masks`
/// prune stay exactly 0.
///
/// Ticks once a step; after it `after` sees how far the training has come. The same arguments give the same parameters
/// on the same device, also when stopped after any step and gone on with from its state.
#[expect(clippy::too_many_arguments, reason = "each is another thing; a struct would only rename them")]
pub async fn train<E: From<ExecError>>(
    compute: &Compute,
    graph: &Graph,
    state: State,
    masks: &Masks,
    course: &dyn Course,
    spec: &TrainSpec,
    meter: &dyn Meter,
    mut after: impl AsyncFnMut(&State) -> Result<(), E>,
) -> Result<State, E> {
    let mut learner = Learner::new(compute, graph, state, masks, spec)?;
    for step in learner.state.step()..spec.steps {
        meter.tick(step, spec.steps, Unit::Steps).await.map_err(ExecError::from)?;
        let (inputs, target) = course.batch(compute, graph, step)?;
        let loss = learner.step(inputs, target, spec.lr_at(step)).await?;
        compute.check()?;
        if !loss.is_finite() {
            return Err(ExecError::Diverged { step, loss }.into());
        }
        learner.state.losses.push(loss);
        after(&learner.state).await?;
    }
    Ok(learner.state)
}

impl TrainSpec {
    /// Learning rate of a step: a straight line up, then half a cosine down (Loshchilov & Hutter, 2017).
    fn lr_at(&self, step: u64) -> f64 {
        let total = self.steps as f64;
        let warm = (self.warmup * total).max(1.0);
        let step = step as f64 + 1.0;
        if step <= warm {
            return self.lr * step / warm;
        }
        let done = (step - warm) / (total - warm).max(1.0);
        self.lr * 0.5 * (1.0 + (std::f64::consts::PI * done).cos())
    }
}

/// The samples do not fit the model.
fn unfit(want: String, got: String) -> ExecError {
    ExecError::Shape { op: "train", node: "samples".into(), want, got }
}

/// Numbers of one sample of this node.
fn each(node: &Node) -> usize {
    node.shape.iter().product()
}
