//! Learning on the lab: the trainer with somebody watching, and what is done when it goes astray.

use std::collections::BTreeSet;

use secateur_exec::ExecError;
use secateur_exec::train::{
    Course, DenoiseStep, Distil, Learner, Next, Plain, Seen, State, TrainSpec, Trainer, View, mean_loss,
};
use secateur_graph::{Masks, ParamId};

use crate::{Lab, Look, MethodError};

/// The last state that is gone back to when a loss is no number any more is at most so many steps old.
const KEPT_EVERY: u64 = 10;

/// What is learnt, and how.
pub struct Lesson<'a> {
    pub spec: TrainSpec,
    pub view: &'a dyn View,
    /// The parameters that move; none: all but running statistics.
    pub learned: Option<&'a BTreeSet<ParamId>>,
    pub teacher: Option<&'a Distil<'a>>,
    /// None: the task's lessons.
    pub course: Option<&'a dyn Course>,
    /// See [`Trainer::chain`].
    pub chain: Option<&'a [DenoiseStep]>,
}

impl Lesson<'_> {
    /// All parameters, as they are.
    pub fn plain(spec: TrainSpec) -> Self {
        Self { spec, view: &Plain, learned: None, teacher: None, course: None, chain: None }
    }

    /// The model as the next step would see it.
    fn seen(&self, state: &State) -> Result<Seen, ExecError> {
        let extra = state.extra.iter().map(|(name, leaf)| (name.clone(), leaf.value.clone())).collect();
        self.view.seen(state.step(), &state.params, &extra)
    }
}

/// How a training ended.
pub struct Learnt {
    pub state: State,
    /// A sentence when it ended before its time.
    pub note: Option<String>,
}

impl Lab<'_> {
    /// Trains on the model's task. `step` sees each step's gradients and makes of them what it wants, usually
    /// [`Learner::update`]. A loss that is no number ends it with the last good state and a note; so does the watcher's wish.
    pub(crate) async fn train(
        &self,
        lesson: &Lesson<'_>,
        state: State,
        masks: &Masks,
        mut step: impl AsyncFnMut(&mut Learner<'_>) -> Result<Next, MethodError>,
    ) -> Result<Learnt, MethodError> {
        let course = match lesson.course {
            Some(course) => course,
            None => &*self.task()?.lessons,
        };
        let plain = Trainer::new(self.compute, self.graph, course, &lesson.spec, self.meter);
        let Lesson { view, learned, teacher, chain, .. } = *lesson;
        let trainer = Trainer { view, learned, teacher, chain, ..plain };
        let mut good = state.clone();
        let mut stopped = false;
        let watched = async |learner: &mut Learner<'_>| {
            // Before it moves: the loss of this state is a number.
            if learner.state.step().is_multiple_of(KEPT_EVERY) {
                good = learner.state.clone();
            }
            let next = step(learner).await?;
            if self.watch.due() {
                self.watch.look(look(learner, &lesson.spec));
            }
            if self.watch.tries() {
                self.watch.try_out(&lesson.seen(&learner.state)?).await?;
            }
            stopped = self.watch.steer().stop;
            Ok(if stopped { Next::Stop } else { next })
        };
        match trainer.run(state, masks, watched).await {
            Ok(state) => {
                let note =
                    stopped.then(|| format!("Stopped by hand after step {} of {}.", state.step(), lesson.spec.steps));
                Ok(Learnt { state, note })
            }
            Err(MethodError::Exec(ExecError::Diverged { step, loss })) if good.step() > 0 => {
                let kept = good.step();
                let note = format!(
                    "The loss was {loss} at step {step}: kept is what was learnt by step {kept}; try a smaller lr."
                );
                Ok(Learnt { state: good, note: Some(note) })
            }
            Err(error) => Err(error),
        }
    }

    /// The mean loss of a model over the task's exam: lower is better.
    pub(crate) async fn exam(&self, seen: &Seen) -> Result<f64, MethodError> {
        let task = self.task()?;
        Ok(mean_loss(self.compute, self.graph, seen, &*task.exam, task.exam_count, self.meter).await?)
    }
}

/// What there is to see of any training.
pub fn look(learner: &Learner<'_>, spec: &TrainSpec) -> Look {
    let loss = learner.state.losses.last().copied().unwrap_or(f32::NAN);
    Look { step: learner.state.step(), steps: spec.steps, loss, curves: Vec::new(), gates: Vec::new() }
}
