use std::collections::BTreeMap;
use std::rc::Rc;

use burn::tensor::{Tensor, TensorData};
use secateur_exec::train::{Course, Task};
use secateur_exec::{
    Backward, Calibration, Change, Compute, ExecError, GradMoment, Gradients, Meter, Params, Sums, gradients,
};
use secateur_graph::groups::Vocabulary;
use secateur_graph::{Graph, ParamId};
use secateur_protocol::{Unit, fnv1a};

use crate::parts::allocate;
use crate::parts::criterion::{Columns, Criterion, GateSquares, Known, gate_squares, gather};
use crate::{MethodError, Watch};

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
    /// What the model should answer; none where nobody knows.
    pub task: Option<&'a Task<'a>>,
    /// Other checkpoints of the same architecture, as the recipe names them: first the one that this model was fine-tuned
    /// from.
    pub checkpoints: &'a [Params],
    pub meter: &'a dyn Meter,
    pub watch: &'a dyn Watch,
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
    /// What was gathered of the dense model's inputs, by what it was and the samples it comes from.
    columns: Option<((Samples, Columns), Rc<Sums>)>,
    /// Moments of the dense model's gradients.
    gradients: Option<(Slopes, Rc<Gradients>)>,
    gates: Option<(Samples, Rc<GateSquares>)>,
    lamp: Option<AllScores>,
}

/// All that moments of gradients depend on.
type Slopes = (Samples, Backward, Vec<GradMoment>);

/// All that the dense model's scores depend on; what the criterion does not need is 0.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Source {
    pub criterion: Rc<Criterion>,
    pub seed: u64,
    pub samples: Samples,
}

/// The first of the calibration samples.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Samples {
    pub count: usize,
    /// How many there are of which it is known what the model should answer.
    pub answered: u64,
    /// FNV-1a of the numbers.
    digest: u64,
}

impl<'a> Lab<'a> {
    /// Reports, yields to the host, and ends the run when the user has had enough.
    pub(crate) async fn tick(&self, done: usize, total: usize, unit: Unit) -> Result<(), MethodError> {
        Ok(self.meter.tick(done as u64, total as u64, unit).await.map_err(ExecError::from)?)
    }

    /// What the model is to learn.
    pub(crate) fn task(&self) -> Result<&'a Task<'a>, MethodError> {
        self.task.ok_or(MethodError::NoTask)
    }

    /// The model that this one was fine-tuned from, and others that were.
    pub(crate) fn base(&self) -> Result<(&'a Params, &'a [Params]), MethodError> {
        self.checkpoints.split_first().ok_or(MethodError::NoBase)
    }

    /// The first `count` calibration samples, or all there are.
    pub(crate) fn first(&self, count: usize) -> Samples {
        let inputs = self.calibration_on(count).map_or(&[][..], |calibration| calibration.inputs);
        let bytes: Vec<u8> = inputs.iter().flat_map(|number| number.to_le_bytes()).collect();
        let answered = self.task.map_or(0, |task| task.sample_count.min(count as u64));
        Samples { count: count.min(self.calibration.samples), answered, digest: fnv1a(&bytes) }
    }

    /// The samples of which it is known what the model should answer: one a step, and how many.
    pub(crate) fn answered(&self, samples: Samples) -> Result<(&'a dyn Course, u64), MethodError> {
        let task = self.task()?;
        if samples.answered == 0 { Err(MethodError::NoTask) } else { Ok((&*task.samples, samples.answered)) }
    }

    /// The first `count` calibration samples' numbers.
    pub(crate) fn calibration_on(&self, count: usize) -> Result<Calibration<'a>, MethodError> {
        let Calibration { inputs, samples: all } = self.calibration;
        let each = inputs.len().checked_div(all).ok_or(MethodError::NoSamples)?;
        let samples = count.min(all);
        Ok(Calibration { inputs: &inputs[..samples * each], samples })
    }

    /// What the dense model's scores follow from.
    pub(crate) async fn dense(&mut self, source: &Source) -> Result<Known, MethodError> {
        let Source { criterion, seed, samples } = source;
        let columns = match criterion.needs.columns {
            Some(columns) => self.columns(columns, *samples).await?,
            None => Rc::default(),
        };
        let gradients = self.gradients(criterion, *samples).await?;
        Ok(Known { criterion: criterion.clone(), seed: *seed, columns, gradients })
    }

    /// Scores of one of the dense model's weights.
    pub(crate) async fn score(&mut self, source: &Source, id: ParamId) -> Result<Tensor<2>, MethodError> {
        if self.keeps_scores()
            && let Some(scores) = self.scores(source).await?.get(&id)
        {
            return Ok(scores.clone());
        }
        let known = self.dense(source).await?;
        source.criterion.score(&known.evidence(self.compute, self.graph, self.params, id)).await
    }

    /// Scores of all of the dense model's weights.
    pub(crate) async fn scores(&mut self, source: &Source) -> Result<AllScores, MethodError> {
        if let Some((from, scores)) = &self.cache.scores
            && from == source
        {
            return Ok(scores.clone());
        }
        let known = self.dense(source).await?;
        let ids: Vec<ParamId> = self.graph.prunable().collect();
        let mut scores = AllScores::new();
        for (done, id) in ids.iter().enumerate() {
            self.tick(done, ids.len(), Unit::Layers).await?;
            let evidence = known.evidence(self.compute, self.graph, self.params, *id);
            scores.insert(*id, source.criterion.score(&evidence).await?);
        }
        self.cache.scores = self.keeps_scores().then(|| (source.clone(), scores.clone()));
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

    /// Whether the model is small enough for scores to be kept.
    pub(crate) fn keeps_scores(&self) -> bool {
        self.graph.prunable_total() <= KEPT
    }

    /// What was gathered of the dense model's inputs.
    async fn columns(&mut self, columns: Columns, samples: Samples) -> Result<Rc<Sums>, MethodError> {
        if let Some((of, found)) = &self.cache.columns
            && *of == (samples, columns)
        {
            return Ok(found.clone());
        }
        let mut found = Sums::new();
        let visit = async |block: &Sums| {
            found.extend(block.iter().map(|(id, of)| (*id, of.clone())));
            Ok(Change::default())
        };
        gather(self, columns, samples, false, visit).await?;
        let found = Rc::new(found);
        self.cache.columns = Some(((samples, columns), found.clone()));
        Ok(found)
    }

    /// Moments of the dense model's gradients; none where the criterion needs none.
    pub(crate) async fn gradients(
        &mut self,
        criterion: &Criterion,
        samples: Samples,
    ) -> Result<Rc<Gradients>, MethodError> {
        let Some((backward, moments)) = &criterion.needs.gradients else { return Ok(Rc::default()) };
        let key = (samples, *backward, moments.clone());
        if let Some((of, found)) = &self.cache.gradients
            && *of == key
        {
            return Ok(found.clone());
        }
        let course = self.answered(samples)?;
        let found = gradients(self.compute, self.graph, self.params, course, *backward, moments, self.meter).await?;
        let found = Rc::new(found);
        // They are as large as the model: those of another criterion have to go.
        self.cache.gradients = Some((key, found.clone()));
        Ok(found)
    }

    /// See [`GateSquares`]; of the dense model.
    pub(crate) async fn gate_squares(&mut self, samples: Samples) -> Result<Rc<GateSquares>, MethodError> {
        if let Some((of, found)) = &self.cache.gates
            && *of == samples
        {
            return Ok(found.clone());
        }
        let found = Rc::new(gate_squares(self, samples).await?);
        self.cache.gates = Some((samples, found.clone()));
        Ok(found)
    }
}

/// Per sample, as in the paper's code; a constant factor that leaves the ranking alone.
pub(crate) fn mean(sum: &[f32], samples: usize) -> Vec<f32> {
    sum.iter().map(|sum| sum / samples as f32).collect()
}
