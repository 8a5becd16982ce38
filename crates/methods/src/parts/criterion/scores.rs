use std::rc::Rc;

use burn::tensor::Tensor;
use secateur_exec::{Compute, Gradients, Params, Sums, Value};
use secateur_graph::{Graph, ParamId};

use super::{Criterion, Evidence};
use crate::MethodError;
use crate::lab::AllScores;

/// The scores that decided a cut, higher = keep.
#[derive(Clone, Debug)]
pub struct Scores(Kind);

#[derive(Clone, Debug)]
enum Kind {
    /// Worked out again when somebody asks, from the dense model and what else they depend on: there are as many as weights,
    /// so nobody keeps them.
    Known(Known),
    /// As they are: from a search or a training, which nobody wants to repeat.
    Held(AllScores),
}

/// What scores follow from, beside the dense model.
#[derive(Clone, Debug)]
pub(crate) struct Known {
    pub criterion: Rc<Criterion>,
    pub seed: u64,
    /// What was gathered of inputs; empty where the criterion needs none.
    pub columns: Rc<Sums>,
    /// Without moments where the criterion needs none.
    pub gradients: Rc<Gradients>,
}

impl Known {
    /// What is known of one weight.
    pub fn evidence<'a>(
        &'a self,
        compute: &'a Compute,
        graph: &'a Graph,
        params: &'a Params,
        id: ParamId,
    ) -> Evidence<'a> {
        let columns = self.columns.get(&id).map(Vec::as_slice);
        Evidence { compute, graph, params, id, seed: self.seed, columns, gradients: Some(&self.gradients) }
    }
}

impl From<Known> for Scores {
    fn from(known: Known) -> Self {
        Self(Kind::Known(known))
    }
}

impl Scores {
    /// Scores that stay where they are, of every prunable parameter [R, C].
    pub fn held(scores: impl IntoIterator<Item = (ParamId, Tensor<2>)>) -> Self {
        Self(Kind::Held(scores.into_iter().collect()))
    }

    /// Of one prunable parameter's entries, brought back row by row. `params`: the dense model's.
    pub async fn of(
        &self,
        compute: &Compute,
        graph: &Graph,
        params: &Params,
        id: ParamId,
    ) -> Result<Vec<f32>, MethodError> {
        let scores = match &self.0 {
            Kind::Known(known) => known.criterion.score(&known.evidence(compute, graph, params, id)).await?,
            Kind::Held(scores) => {
                let missing = || MethodError::NoStatistics { name: graph.param(id).name.clone() };
                scores.get(&id).cloned().ok_or_else(missing)?
            }
        };
        Ok(Value::R2(scores).read().await?)
    }
}
