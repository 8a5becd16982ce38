use burn::tensor::Tensor;
use secateur_exec::train::Learner;
use secateur_graph::ParamId;

use super::select::{chance, gathered, swap, weight};
use crate::parts::schedule::cosine;
use crate::{Lab, MethodError};

/// A swap of weights while a model learns: every layer gives up its smallest ones and takes as many others, which begin at 0.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Swap {
    pub grow: Grow,
    /// Steps from one swap to the next.
    pub every: u64,
    /// Share of the weights a layer has that it swaps, at the first step and at `until`; half a cosine lies between.
    pub first: f64,
    pub last: f64,
    /// Nothing is swapped from this step on.
    pub until: u64,
    /// What makes a whole number of a share.
    pub round: fn(f64) -> f64,
    /// The weights do not move at a step that swaps.
    pub still: bool,
    /// A weight that is given up and taken again at once begins at 0 too; else it stays as it was.
    pub afresh: bool,
}

/// Which weights are taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Grow {
    /// Any (SET).
    Chance,
    /// Those with the largest gradient in the step just made (RigL).
    Gradient,
}

impl Swap {
    /// The share that is swapped at this step; none where nothing is.
    pub fn share(&self, step: u64) -> Option<f64> {
        let due = step > 0 && step.is_multiple_of(self.every) && step < self.until;
        let share = if due { cosine(self.first, self.last, step as f64 / self.until as f64) } else { 0.0 };
        (share > 0.0).then_some(share)
    }

    /// Swaps the share in every layer of what is learnt.
    pub async fn make(
        &self,
        lab: &Lab<'_>,
        learner: &mut Learner<'_>,
        share: f64,
        seed: u64,
    ) -> Result<(), MethodError> {
        let (mut without, mut with) = (Vec::new(), Vec::new());
        for (id, mask) in learner.masks().iter() {
            let count = (self.round)(share * mask.count_kept() as f64) as usize;
            let weight = weight(lab.graph, &learner.state.params, id)?;
            let [dropped, grown] = swap(weight, self.appeal(lab, learner, id, seed), mask, count).await?;
            without.push((id, dropped));
            with.push((id, grown));
        }
        if self.afresh {
            learner.prune(&gathered(lab.graph, without.into_iter())?)?;
        }
        learner.prune(&gathered(lab.graph, with.into_iter())?)?;
        Ok(lab.compute.check()?)
    }

    fn appeal(&self, lab: &Lab<'_>, learner: &Learner<'_>, id: ParamId, seed: u64) -> Tensor<2> {
        let slope = learner.slopes.params.get(lab.graph, id);
        match (self.grow, slope) {
            (Grow::Gradient, Ok(slope)) => slope.matrix(lab.graph.param(id).matrix()).abs(),
            // A layer that the loss does not see has no gradients to tell its weights apart.
            _ => chance(lab, seed, "grow", learner.state.step(), id),
        }
    }
}
