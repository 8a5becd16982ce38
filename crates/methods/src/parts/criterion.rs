use std::rc::Rc;

use burn::tensor::{Tensor, TensorData};
use secateur_exec::rng::Rng;
use secateur_exec::{Compute, ExecError, Params, Sums, Value, score};
use secateur_graph::{Graph, MaskError, Param, ParamId};

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

    /// Scores of one parameter's entries [R, C], on the device, all of them numbers. `act_sq`: mean over the samples of the
    /// sum of squares of each input column; needed by criteria that need activations, ignored by others.
    pub async fn score(
        self,
        compute: &Compute,
        graph: &Graph,
        params: &Params,
        id: ParamId,
        seed: u64,
        act_sq: Option<&[f32]>,
    ) -> Result<Tensor<2>, MethodError> {
        let param = graph.param(id);
        let scores = match self {
            Self::Random => uniform(compute, param, seed),
            Self::Magnitude => score(compute, graph, params, id, None)?,
            Self::WeightTimesActivation => {
                let act_sq = act_sq.ok_or_else(|| MethodError::NoStatistics { name: param.name.clone() })?;
                score(compute, graph, params, id, Some(act_sq))?
            }
        };
        check_numbers(&scores, &param.name).await?;
        compute.check()?;
        Ok(scores)
    }
}

fn uniform(compute: &Compute, param: &Param, seed: u64) -> Tensor<2> {
    let mut rng = Rng::keyed(seed, "random-score", 0, &param.name);
    let drawn: Vec<f32> = (0..param.len()).map(|_| rng.uniform()).collect();
    Tensor::from_data(TensorData::new(drawn, <[usize; 2]>::from(param.matrix())), compute.device())
}

/// Refuses scores of which one is not a number: selection could not rank it. Only then are they read, to say where.
async fn check_numbers(scores: &Tensor<2>, name: &str) -> Result<(), MethodError> {
    if !scores.clone().contains_nan().into_scalar_async::<bool>().await.map_err(ExecError::from)? {
        return Ok(());
    }
    let scores = Value::R2(scores.clone()).read().await?;
    let at = scores.iter().position(|score| score.is_nan()).unwrap_or(0);
    Err(MethodError::Layer { name: name.into(), error: MaskError::NotANumber { at } })
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
    /// Of one prunable parameter's entries, brought back row by row. `params`: the dense model's.
    pub async fn of(
        &self,
        compute: &Compute,
        graph: &Graph,
        params: &Params,
        id: ParamId,
    ) -> Result<Vec<f32>, MethodError> {
        let scores = self.on_device(compute, graph, params, id).await?;
        Ok(Value::R2(scores).read().await?)
    }

    /// [`Scores::of`] where they are worked out, [R, C].
    pub(crate) async fn on_device(
        &self,
        compute: &Compute,
        graph: &Graph,
        params: &Params,
        id: ParamId,
    ) -> Result<Tensor<2>, MethodError> {
        let act_sq = self.statistics.get(&id).map(Vec::as_slice);
        self.criterion.score(compute, graph, params, id, self.seed, act_sq).await
    }
}
