use std::collections::BTreeMap;
use std::rc::Rc;

use burn::tensor::{Tensor, TensorData};
use secateur_exec::{Calibration, Compute, ExecError, Meter, Params, Sums, calibrate};
use secateur_graph::groups::Vocabulary;
use secateur_graph::{Graph, Masks, ParamId};
use secateur_protocol::{Unit, fnv1a};

use crate::MethodError;
use crate::parts::{Criterion, Scores, allocate};

/// Scores of so many weights are kept for the next cut, at most: 64 MB. Of a larger model they would soon weigh as much
/// as the model.
const KEPT: u64 = 1 << 24;

/// Scores of each prunable parameter's entries [R, C], on the device.
pub(crate) type AllScores = BTreeMap<ParamId, Tensor<2>>;

/// What a method is given to work with.
pub struct Lab<'a> {
    pub compute: &'a Compute,
    pub graph: &'a Graph,
    /// Of the dense model: every cut starts from it.
    pub params: &'a Params,
    pub calibration: Calibration<'a>,
    /// What is known of the model's tokens: which of them must stay.
    pub vocabulary: &'a Vocabulary,
    pub meter: &'a dyn Meter,
    /// A clock, for budgets in time.
    pub now_ms: &'a dyn Fn() -> f64,
    pub cache: &'a mut Cache,
}

/// What cuts of one dense model share, so that a sparsity slider recomputes only what depends on sparsity.
///
/// Each part is kept under everything it depends on within one model; start a new cache when the
/// parameters or the device change. Holds one set of scores at a time.
#[derive(Default)]
pub struct Cache {
    scores: Option<(Source, AllScores)>,
    /// Column statistics of the dense model by the samples they come from.
    statistics: Option<(Samples, Rc<Sums>)>,
    lamp: Option<AllScores>,
}

/// All that the dense model's scores depend on; what the criterion does not need is 0.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Source {
    pub criterion: Criterion,
    pub seed: u64,
    pub samples: Samples,
}

/// The first of the calibration samples.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Samples {
    pub count: usize,
    /// FNV-1a of their numbers.
    digest: u64,
}

impl<'a> Lab<'a> {
    /// Reports, yields to the host, and ends the run when the user has had enough.
    pub(crate) async fn tick(&self, done: usize, total: usize, unit: Unit) -> Result<(), MethodError> {
        Ok(self.meter.tick(done as u64, total as u64, unit).await.map_err(ExecError::from)?)
    }

    /// The first `count` calibration samples, or all there are.
    pub(crate) fn first(&self, count: usize) -> Samples {
        let inputs = self.calibration_on(count).map_or(&[][..], |calibration| calibration.inputs);
        let bytes: Vec<u8> = inputs.iter().flat_map(|number| number.to_le_bytes()).collect();
        Samples { count: count.min(self.calibration.samples), digest: fnv1a(&bytes) }
    }

    /// The first `count` calibration samples' numbers.
    pub(crate) fn calibration_on(&self, count: usize) -> Result<Calibration<'a>, MethodError> {
        let Calibration { inputs, samples: all } = self.calibration;
        let each = inputs.len().checked_div(all).ok_or(MethodError::NoSamples)?;
        let samples = count.min(all);
        Ok(Calibration { inputs: &inputs[..samples * each], samples })
    }

    /// What the dense model's scores follow from.
    pub(crate) async fn dense(&mut self, source: Source) -> Result<Scores, MethodError> {
        let Source { criterion, seed, samples } = source;
        let statistics = if criterion.needs_activations() { self.statistics(samples).await? } else { Rc::default() };
        Ok(Scores { criterion, seed, statistics })
    }

    /// Scores of one of the dense model's weights.
    pub(crate) async fn score(&mut self, source: Source, id: ParamId) -> Result<Tensor<2>, MethodError> {
        if self.keeps_scores()
            && let Some(scores) = self.scores(source).await?.get(&id)
        {
            return Ok(scores.clone());
        }
        let dense = self.dense(source).await?;
        dense.on_device(self.compute, self.graph, self.params, id).await
    }

    /// Scores of all of the dense model's weights.
    pub(crate) async fn scores(&mut self, source: Source) -> Result<AllScores, MethodError> {
        if let Some((from, scores)) = &self.cache.scores
            && *from == source
        {
            return Ok(scores.clone());
        }
        let dense = self.dense(source).await?;
        let ids: Vec<ParamId> = self.graph.prunable().collect();
        let mut scores = AllScores::new();
        for (done, id) in ids.iter().enumerate() {
            self.tick(done, ids.len(), Unit::Layers).await?;
            scores.insert(*id, dense.on_device(self.compute, self.graph, self.params, *id).await?);
        }
        self.cache.scores = self.keeps_scores().then(|| (source, scores.clone()));
        Ok(scores)
    }

    /// LAMP scores of each prunable parameter, ascending [1, R * C]; see [`allocate::lamp_scores`].
    pub(crate) async fn lamp(&mut self) -> Result<AllScores, MethodError> {
        if let Some(lamp) = &self.cache.lamp {
            return Ok(lamp.clone());
        }
        let ids: Vec<ParamId> = self.graph.prunable().collect();
        let mut lamp = AllScores::new();
        for (done, id) in ids.iter().enumerate() {
            self.tick(done, ids.len(), Unit::Layers).await?;
            let scores = allocate::lamp_scores(self.params.read(self.graph, *id).await?);
            let shape = [1, scores.len()];
            lamp.insert(*id, Tensor::from_data(TensorData::new(scores, shape), self.compute.device()));
        }
        self.cache.lamp = self.keeps_scores().then(|| lamp.clone());
        Ok(lamp)
    }

    fn keeps_scores(&self) -> bool {
        self.graph.prunable_total() <= KEPT
    }

    /// For each weight the mean over samples of the sum of squares of each input column, on the dense model.
    async fn statistics(&mut self, samples: Samples) -> Result<Rc<Sums>, MethodError> {
        if let Some((of, statistics)) = &self.cache.statistics
            && *of == samples
        {
            return Ok(statistics.clone());
        }
        let mut statistics = Sums::new();
        let visit = async |_: u32, sums: &Sums| {
            statistics.extend(sums.iter().map(|(id, sum)| (*id, mean(sum, samples.count))));
            Ok::<_, MethodError>(Masks::default())
        };
        let calibration = self.calibration_on(samples.count)?;
        calibrate(self.compute, self.graph, self.params, calibration, false, self.meter, visit).await?;
        let statistics = Rc::new(statistics);
        self.cache.statistics = Some((samples, statistics.clone()));
        Ok(statistics)
    }
}

/// Per sample, as in the paper's code; a constant factor that leaves the ranking alone.
pub(crate) fn mean(sum: &[f32], samples: usize) -> Vec<f32> {
    sum.iter().map(|sum| sum / samples as f32).collect()
}
