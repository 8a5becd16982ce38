//! Training while masks change: weights go by |w|, others grow by chance or by gradient. Every count is exact, of equals the
//! lower index goes, and what comes back begins at 0 without a memory of the optimiser.

mod dynamic;
#[cfg(test)]
mod parity;
mod select;
mod start;
mod swap;
mod tickets;

pub(crate) use dynamic::Dynamic;
pub(crate) use select::{Spread, gathered, lowest, magnitudes};
pub(crate) use start::{Start, descent, descent_fields};
pub(crate) use swap::{Grow, Swap};
pub use tickets::Tickets;

use secateur_exec::Params;
use secateur_exec::train::{Learner, Next, State, TrainSpec};
use secateur_graph::Masks;
use secateur_graph::surgery::{Removal, Statistics};
use secateur_protocol::{Card, Recipe, RecipeError};

use super::Scores;
use super::fields::Values;
use super::learn::{Lesson, look};
use super::schedule::Ramp;
use crate::{Lab, Look, Method, MethodError, Outcome, Run};

/// A training whose masks change by a plan. What differs between such methods is the plan.
pub struct SparseTraining {
    pub card: fn() -> Card,
    /// From a checked recipe and the steps that are learnt for.
    pub(crate) plan: fn(&Values<'_>, u64) -> Result<Plan, RecipeError>,
}

/// How masks change while a model learns.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Plan {
    /// Where the weights begin.
    pub start: Start,
    /// Share of all prunable weights that are zero at first, by |w| of a trained model and by lot of a fresh one, and how
    /// what stays is shared out.
    pub first: (f64, Spread),
    /// The same at the end.
    pub last: (f64, Spread),
    /// The way from the one to the other.
    pub ramp: Option<Ramp>,
    pub swap: Option<Swap>,
}

impl Method for SparseTraining {
    fn card(&self) -> Card {
        (self.card)()
    }

    fn run<'a>(&'a self, lab: &'a mut Lab<'_>, recipe: &'a Recipe) -> Run<'a> {
        Box::pin(self.learn(lab, recipe))
    }
}

impl SparseTraining {
    async fn learn(&self, lab: &Lab<'_>, recipe: &Recipe) -> Result<Outcome, MethodError> {
        let card = self.card();
        let recipe = recipe.clone().checked(&card)?;
        let values = Values { card: &card, recipe: &recipe };
        let spec = descent(&values)?;
        let plan = (self.plan)(&values, spec.steps)?;
        plan.run(lab, spec, recipe.seed).await
    }
}

impl Plan {
    async fn run(&self, lab: &Lab<'_>, spec: TrainSpec, seed: u64) -> Result<Outcome, MethodError> {
        let params = self.start.params(lab, seed)?;
        let mut masks = self.first(lab, &params, seed).await?;
        let lesson = Lesson::plain(spec);
        let begin = masks.clone();
        let step = async |learner: &mut Learner<'_>| {
            self.step(lab, learner, seed).await?;
            masks.clone_from(learner.masks());
            tell(lab, learner, &lesson.spec);
            Ok(Next::On)
        };
        let learnt = lab.train(&lesson, State::new(lab.graph, params), &begin, step).await?;
        if learnt.note.is_some() {
            // It ended before its time: what is missing goes at once.
            let (sparsity, spread) = self.last;
            let scores = magnitudes(lab, &learnt.state.params, &Masks::default())?;
            masks = lowest(lab.graph, scores, sparsity, spread).await?;
        }
        outcome(lab, learnt.state.model(), masks, learnt.note.into_iter().collect())
    }

    /// The masks that training begins with.
    async fn first(&self, lab: &Lab<'_>, params: &Params, seed: u64) -> Result<Masks, MethodError> {
        let scores = match self.start {
            Start::Initialised => select::chances(lab, seed, "first-mask"),
            Start::Trained => magnitudes(lab, params, &Masks::default())?,
        };
        lowest(lab.graph, scores, self.first.0, self.first.1).await
    }

    async fn step(&self, lab: &Lab<'_>, learner: &mut Learner<'_>, seed: u64) -> Result<(), MethodError> {
        let at = learner.state.step();
        let swap = self.swap.and_then(|swap| Some((swap, swap.share(at)?)));
        if !swap.is_some_and(|(swap, _)| swap.still) {
            learner.update();
        }
        if let Some(sparsity) = self.ramp.and_then(|ramp| ramp.at(at)) {
            let scores = magnitudes(lab, &learner.state.params, learner.masks())?;
            learner.prune(&lowest(lab.graph, scores, sparsity, self.last.1).await?)?;
        }
        if let Some((swap, share)) = swap {
            swap.make(lab, learner, share, seed).await?;
        }
        Ok(())
    }
}

/// Shows a watcher how sparse the model is.
fn tell(lab: &Lab<'_>, learner: &Learner<'_>, spec: &TrainSpec) {
    if lab.watch.due() {
        let sparsity = learner.masks().count_pruned() as f64 / lab.graph.prunable_total().max(1) as f64;
        lab.watch.look(Look { curves: vec![("sparsity", sparsity)], ..look(learner, spec) });
    }
}

/// What was learnt under these masks, pruned entries at exactly 0. The scores are |w|.
pub(crate) fn outcome(
    lab: &Lab<'_>,
    learnt: &Params,
    masks: Masks,
    notes: Vec<String>,
) -> Result<Outcome, MethodError> {
    let params = learnt.masked(lab.compute, lab.graph, &masks)?;
    let scores = Scores::held(magnitudes(lab, &params, &Masks::default())?);
    Ok(Outcome {
        masks,
        removal: Removal::new(),
        statistics: Statistics::default(),
        params: Some(params),
        scores,
        notes,
    })
}
