use std::rc::Rc;

use secateur_exec::rng::Rng;
use secateur_exec::{Compute, Params, Sums, score};
use secateur_graph::{Graph, ParamId};

use crate::MethodError;

/// How important an entry is: higher = keep.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Criterion {
    /// Uniform in [0, 1), keyed by seed and parameter name.
    Random,
    /// |w|
    Magnitude,
    /// |w| times the norm of the input it multiplies (Sun et al., 2023, eq. 1).
    WeightTimesActivation,
}

impl Criterion {
    /// Scores depend on what the calibration samples do to the model.
    pub fn needs_activations(self) -> bool {
        self == Self::WeightTimesActivation
    }

    /// Scores depend on the recipe's seed.
    pub fn needs_seed(self) -> bool {
        self == Self::Random
    }

    /// Scores of one parameter's entries, row by row. `act_sq`: mean over the samples of the sum of squares of
    /// each input column; needed by criteria that need activations, ignored by others.
    pub async fn score(
        self,
        compute: &Compute,
        graph: &Graph,
        params: &Params,
        id: ParamId,
        seed: u64,
        act_sq: Option<&[f32]>,
    ) -> Result<Rc<[f32]>, MethodError> {
        let param = graph.param(id);
        let scores = match self {
            Self::Random => {
                let mut rng = Rng::keyed(seed, "random-score", 0, &param.name);
                (0..param.len()).map(|_| rng.uniform()).collect()
            }
            Self::Magnitude => score(compute, graph, params, id, None).await?,
            Self::WeightTimesActivation => {
                let act_sq = act_sq.ok_or_else(|| MethodError::NoStatistics { name: param.name.clone() })?;
                score(compute, graph, params, id, Some(act_sq)).await?
            }
        };
        Ok(scores.into())
    }
}

/// The scores that decided a cut, higher = keep. There are as many as weights, so nobody keeps them: they are worked out
/// again when somebody asks, from the dense model and what else they depend on.
#[derive(Clone, Debug, PartialEq)]
pub struct Scores {
    pub(crate) criterion: Criterion,
    pub(crate) seed: u64,
    /// Mean over the samples of the sum of squares of each input column; empty where the criterion needs no activations.
    pub(crate) statistics: Rc<Sums>,
}

impl Scores {
    /// Of one prunable parameter's entries, row by row. `params`: the dense model's.
    pub async fn of(
        &self,
        compute: &Compute,
        graph: &Graph,
        params: &Params,
        id: ParamId,
    ) -> Result<Rc<[f32]>, MethodError> {
        let act_sq = self.statistics.get(&id).map(Vec::as_slice);
        self.criterion.score(compute, graph, params, id, self.seed, act_sq).await
    }
}
