use std::collections::BTreeMap;
use std::rc::Rc;

use secateur_exec::{Calibration, Compute, ExecError, Meter, Params, Sums, calibrate};
use secateur_graph::{Graph, Masks, ParamId};
use secateur_protocol::Unit;

use crate::MethodError;
use crate::parts::{Criterion, allocate};

/// Scores of each prunable parameter's entries, row by row, higher = keep. Cloning shares the numbers.
pub type Scores = BTreeMap<ParamId, Rc<[f32]>>;

/// What a method is given to work with.
pub struct Lab<'a> {
    pub compute: &'a Compute,
    pub graph: &'a Graph,
    /// Of the dense model: every cut starts from it.
    pub params: &'a Params,
    pub calibration: Calibration<'a>,
    pub meter: &'a dyn Meter,
    pub cache: &'a mut Cache,
}

/// What cuts of one dense model share, so that a sparsity slider recomputes only what depends on sparsity.
///
/// Each part is kept under everything it depends on within one model; start a new cache when the
/// parameters, the device or the calibration samples change. Holds one set of scores at a time.
#[derive(Default)]
pub struct Cache {
    scores: Option<(Source, Scores)>,
    /// Column statistics of the dense model by number of samples.
    statistics: Option<(usize, Rc<Sums>)>,
    lamp: Option<Rc<[Vec<f32>]>>,
}

/// All that the dense model's scores depend on; what the criterion does not need is 0.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Source {
    pub criterion: Criterion,
    pub seed: u64,
    pub samples: usize,
}

impl<'a> Lab<'a> {
    /// Reports, yields to the host, and ends the run when the user has had enough.
    pub(crate) async fn tick(&self, done: usize, total: usize, unit: Unit) -> Result<(), MethodError> {
        Ok(self.meter.tick(done as u64, total as u64, unit).await.map_err(ExecError::from)?)
    }

    /// The first `samples` calibration samples.
    pub(crate) fn samples(&self, samples: usize) -> Result<Calibration<'a>, MethodError> {
        let Calibration { inputs, samples: all } = self.calibration;
        let each = inputs.len().checked_div(all).ok_or(MethodError::NoSamples)?;
        let samples = samples.min(all);
        Ok(Calibration { inputs: &inputs[..samples * each], samples })
    }

    /// Scores of the dense model's weights.
    pub(crate) async fn scores(&mut self, source: Source) -> Result<Scores, MethodError> {
        if let Some((from, scores)) = &self.cache.scores
            && *from == source
        {
            return Ok(scores.clone());
        }
        let statistics = match source.criterion.needs_activations() {
            true => Some(self.statistics(source.samples).await?),
            false => None,
        };
        let ids: Vec<ParamId> = self.graph.prunable().collect();
        let mut scores = Scores::new();
        for (done, id) in ids.iter().enumerate() {
            self.tick(done, ids.len(), Unit::Layers).await?;
            let act_sq = statistics.as_ref().and_then(|of| of.get(id)).map(Vec::as_slice);
            scores.insert(*id, source.criterion.score(self, *id, source.seed, act_sq).await?);
        }
        self.cache.scores = Some((source, scores.clone()));
        Ok(scores)
    }

    /// LAMP scores of each prunable parameter, ascending; see [`allocate::lamp_scores`].
    pub(crate) async fn lamp(&mut self) -> Result<Rc<[Vec<f32>]>, MethodError> {
        if let Some(lamp) = &self.cache.lamp {
            return Ok(lamp.clone());
        }
        let ids: Vec<ParamId> = self.graph.prunable().collect();
        let mut lamp = Vec::new();
        for (done, id) in ids.iter().enumerate() {
            self.tick(done, ids.len(), Unit::Layers).await?;
            lamp.push(allocate::lamp_scores(self.params.read(self.graph, *id).await?));
        }
        let lamp: Rc<[Vec<f32>]> = lamp.into();
        self.cache.lamp = Some(lamp.clone());
        Ok(lamp)
    }

    /// For each weight the mean over samples of the sum of squares of each input column, on the dense model.
    async fn statistics(&mut self, samples: usize) -> Result<Rc<Sums>, MethodError> {
        if let Some((of, statistics)) = &self.cache.statistics
            && *of == samples
        {
            return Ok(statistics.clone());
        }
        let mut statistics = Sums::new();
        let visit = async |_: u32, sums: &Sums| {
            statistics.extend(sums.iter().map(|(id, sum)| (*id, mean(sum, samples))));
            Ok::<_, MethodError>(Masks::default())
        };
        calibrate(self.compute, self.graph, self.params, self.samples(samples)?, false, self.meter, visit).await?;
        let statistics = Rc::new(statistics);
        self.cache.statistics = Some((samples, statistics.clone()));
        Ok(statistics)
    }
}

/// Per sample, as in the paper's code; a constant factor that leaves the ranking alone.
pub(crate) fn mean(sum: &[f32], samples: usize) -> Vec<f32> {
    sum.iter().map(|sum| sum / samples as f32).collect()
}
