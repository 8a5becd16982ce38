//! The optimiser loop, whatever the aim. A [`Course`] says what a step shows the model and what it should have answered, a
//! [`View`] how what is learnt becomes a model, a [`TrainSpec`] how it moves. Pruned entries are set back to 0 after every
//! step.

mod augment;
mod chain;
mod classes;
mod distil;
mod noise;
mod order;
mod pass;
mod recompute;
mod spec;
mod state;
mod step;
mod target;
mod texts;
mod view;

pub use augment::Augment;
pub use chain::{DenoiseStep, drawn};
pub(crate) use chain::{at_once, by_step};
pub use classes::Classes;
pub use distil::Distil;
pub use noise::Noise;
pub use spec::{Optimizer, Schedule, TrainSpec};
pub use state::{Leaf, State};
pub use step::{Learner, Slopes};
pub use target::Target;
pub use texts::Texts;
pub use view::{Plain, Seen, View};

use std::collections::BTreeSet;

use burn::tensor::Tensor;
use secateur_graph::{Graph, Masks, Node, ParamId};
use secateur_protocol::Unit;

use self::pass::{Found, Pass};
use crate::forward::forward_gated;
use crate::{Compute, ExecError, Inputs, Meter, Value};

/// What is learnt from. The same step always brings the same batch.
pub trait Course {
    /// What a step shows the model, and what it should answer.
    fn batch(&self, compute: &Compute, graph: &Graph, step: u64) -> Result<(Inputs, Target), ExecError>;
}

/// What a model should be able to do, in batches with their answers. No batch is from the data that results are reported on.
pub struct Task<'a> {
    /// Batches to learn from.
    pub lessons: Box<dyn Course + 'a>,
    /// One calibration sample a step, as it is; `sample_count` different ones.
    pub samples: Box<dyn Course + 'a>,
    pub sample_count: u64,
    /// Batches that nothing is learnt from, to see how far a model is; `exam_count` different ones.
    pub exam: Box<dyn Course + 'a>,
    pub exam_count: u64,
    /// How a model that takes noise away draws a picture, step by step; none where it does not.
    pub drawing: Option<Vec<DenoiseStep>>,
}

/// Samples to learn from.
#[derive(Clone, Copy, Debug)]
pub struct Samples<'a> {
    /// [samples, ...] row by row, as the model's first input node wants them.
    pub inputs: &'a [f32],
    /// One class per sample.
    pub labels: &'a [u8],
}

/// A training: of what, from what and how.
pub struct Trainer<'a> {
    pub compute: &'a Compute,
    pub graph: &'a Graph,
    pub course: &'a dyn Course,
    pub spec: &'a TrainSpec,
    pub meter: &'a dyn Meter,
    /// How what is learnt becomes a model.
    pub view: &'a dyn View,
    /// The parameters that are learnt; none: all but running statistics.
    pub learned: Option<&'a BTreeSet<ParamId>>,
    pub teacher: Option<&'a Distil<'a>>,
    /// The steps of a sampler that the loss is at the end of; none: the loss is of the model's answer. Only what gates are
    /// made of is learnt this way.
    pub chain: Option<&'a [DenoiseStep]>,
}

/// Whether a training goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    On,
    /// This step was the last one.
    Stop,
}

impl<'a> Trainer<'a> {
    /// A training of all parameters as they are, without a teacher.
    pub fn new(
        compute: &'a Compute,
        graph: &'a Graph,
        course: &'a dyn Course,
        spec: &'a TrainSpec,
        meter: &'a dyn Meter,
    ) -> Self {
        Self { compute, graph, course, spec, meter, view: &Plain, learned: None, teacher: None, chain: None }
    }

    /// Trains to the end, from the beginning or from where an earlier run was stopped. Entries that `masks` prune stay
    /// exactly 0.
    ///
    /// Ticks once a step. When the step's gradients are there, `step` is called and makes of them what it wants, usually
    /// [`Learner::update`]. The same arguments give the same result on the same device, also when stopped after any step
    /// and gone on with from its state.
    ///
    /// # Errors
    /// [`ExecError::Diverged`] when the loss is no number any more; nothing was moved by it.
    pub async fn run<E: From<ExecError>>(
        &self,
        state: State,
        masks: &Masks,
        mut step: impl AsyncFnMut(&mut Learner<'_>) -> Result<Next, E>,
    ) -> Result<State, E> {
        let mut learner = Learner::new(self.compute, self.graph, self.spec, self.learned, state, masks)?;
        let learned = self.graph.param_ids().filter(|id| learner.learns(*id)).collect();
        let Self { graph, view, teacher, chain, .. } = *self;
        let pass = Pass { graph, view, learned: &learned, teacher, recompute: self.spec.recompute, chain };
        while learner.state.step() < self.spec.steps {
            let at = learner.state.step();
            self.meter.tick(at, self.spec.steps, Unit::Steps).await.map_err(ExecError::from)?;
            let loss = self.slopes(&pass, &mut learner, at).await?;
            if !loss.is_finite() {
                return Err(ExecError::Diverged { step: at, loss }.into());
            }
            learner.state.losses.push(loss);
            if step(&mut learner).await? == Next::Stop {
                break;
            }
        }
        Ok(learner.state)
    }

    /// Every step moves everything that is learnt.
    pub async fn run_through(&self, state: State, masks: &Masks) -> Result<State, ExecError> {
        let step = async |learner: &mut Learner<'_>| {
            learner.update();
            Ok::<_, ExecError>(Next::On)
        };
        self.run(state, masks, step).await
    }

    /// Puts a step's gradients into the learner, the mean over its batches, and gives their mean loss.
    async fn slopes(&self, pass: &Pass<'_>, learner: &mut Learner<'_>, step: u64) -> Result<f32, ExecError> {
        let batches = self.spec.accumulate.max(1);
        let mut sum: Option<(Tensor<1>, Slopes)> = None;
        for batch in step * batches..(step + 1) * batches {
            let (inputs, target) = self.course.batch(self.compute, self.graph, batch)?;
            let Found { loss, slopes, statistics } = pass.run(&learner.state, batch, inputs, target)?;
            for (id, value) in statistics {
                learner.state.params.values[id.0 as usize] = Some(value);
            }
            sum = Some(match sum {
                Some((losses, sum)) => (losses + loss, sum.plus(slopes)),
                None => (loss, slopes),
            });
        }
        let (loss, slopes) = sum.ok_or_else(|| unfit("a batch".into(), "none".into()))?;
        learner.slopes = if batches > 1 { slopes.times(1.0 / batches as f64) } else { slopes };
        let loss = Value::R1(loss / batches as f64).read().await?[0];
        self.compute.check()?;
        Ok(loss)
    }
}

/// The mean loss of a model over the first `count` batches of a course.
pub async fn mean_loss(
    compute: &Compute,
    graph: &Graph,
    seen: &Seen,
    course: &dyn Course,
    count: u64,
    meter: &dyn Meter,
) -> Result<f64, ExecError> {
    let mut sum = 0.0;
    for batch in 0..count {
        meter.tick(batch, count, Unit::Samples).await?;
        let (inputs, target) = course.batch(compute, graph, batch)?;
        let answers = forward_gated(graph, &seen.params, &seen.gates, inputs)?;
        sum += f64::from(Value::R1(target.loss(graph, answers)?).read().await?[0]);
        compute.check()?;
    }
    Ok(sum / count.max(1) as f64)
}

/// The samples do not fit the model.
fn unfit(want: String, got: String) -> ExecError {
    ExecError::Shape { op: "train", node: "samples".into(), want, got }
}

/// Numbers of one sample of this node.
fn each(node: &Node) -> usize {
    node.shape.iter().product()
}
