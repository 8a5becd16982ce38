use burn::tensor::Tensor;
use secateur_exec::{BATCH, Calibration, Compute, ExecError, Inputs, Params, Value, forward};
use secateur_graph::Graph;

use super::Distance;
use crate::{Lab, MethodError};

/// Numbers of a batch's answers, at most, where a batch has more than one sample: 64 MB.
const LARGEST: usize = 1 << 24;

/// Says how far models are from the dense one, by their answers to calibration samples.
pub(crate) struct Judge<'a> {
    compute: &'a Compute,
    calibration: Calibration<'a>,
    distance: Distance,
    /// The dense model's answers to each sample, [1, places, classes].
    dense: Vec<Tensor<3>>,
}

impl<'a> Judge<'a> {
    /// Asks the dense model about the first `samples` calibration samples, or all there are. `params`: its numbers, where they
    /// are not the lab's any more.
    pub async fn new(lab: &Lab<'a>, params: &Params, samples: usize, distance: Distance) -> Result<Self, MethodError> {
        check(lab.graph, distance)?;
        let calibration = lab.calibration_on(samples)?;
        let mut judge = Self { compute: lab.compute, calibration, distance, dense: Vec::new() };
        let all: Vec<usize> = (0..calibration.samples).collect();
        for batch in all.chunks(judge.at_once(lab.graph)) {
            lab.tick(batch[0], all.len(), secateur_protocol::Unit::Samples).await?;
            let answers = judge.answers(lab.graph, params, batch)?;
            let nan = answers.clone().contains_nan().into_scalar_async::<bool>().await.map_err(ExecError::from)?;
            if nan {
                let why = "the model's own answers to the calibration samples are not all numbers; look at its weights";
                return Err(MethodError::Unfit { why: why.into() });
            }
            judge.dense.extend((0..batch.len()).map(|at| answers.clone().narrow(0, at, 1)));
        }
        Ok(judge)
    }

    /// How many samples there are.
    pub fn samples(&self) -> usize {
        self.calibration.samples
    }

    /// The mean distance of a model on some of the samples; infinite where it is no number.
    pub async fn distance(&self, graph: &Graph, params: &Params, samples: &[usize]) -> Result<f64, MethodError> {
        let each = self.distances(graph, params, samples).await?;
        let mean = each.iter().map(|apart| f64::from(*apart)).sum::<f64>() / each.len().max(1) as f64;
        Ok(if mean.is_nan() { f64::INFINITY } else { mean })
    }

    /// The distance of a model on each of some samples.
    pub async fn distances(&self, graph: &Graph, params: &Params, samples: &[usize]) -> Result<Vec<f32>, MethodError> {
        let mut all = Vec::new();
        for batch in samples.chunks(self.at_once(graph)) {
            let dense = Tensor::cat(batch.iter().map(|at| self.dense[*at].clone()).collect(), 0);
            let apart = self.distance.between(dense, self.answers(graph, params, batch)?);
            all.extend(Value::R1(apart).read().await?);
            self.compute.check()?;
        }
        Ok(all)
    }

    /// [samples, places, classes]; one place where the model answers once.
    fn answers(&self, graph: &Graph, params: &Params, samples: &[usize]) -> Result<Tensor<3>, ExecError> {
        let each = self.calibration.inputs.len() / self.calibration.samples;
        let numbers = samples.iter().flat_map(|at| &self.calibration.inputs[at * each..(at + 1) * each]).copied();
        let mut inputs = Inputs::default();
        let name = graph.inputs().next().map_or("", |node| &node.name);
        inputs.upload(self.compute, graph, name, samples.len(), numbers.collect())?;
        Ok(match forward(graph, params, inputs, &mut ())? {
            Value::R1(answers) => answers.reshape([samples.len(), 1, 1]),
            Value::R2(answers) => answers.unsqueeze_dim(1),
            Value::R3(answers) => answers,
            Value::R4(answers) => answers.flatten::<2>(1, 3).unsqueeze_dim(1),
        })
    }

    /// Samples in a batch: fewer than usual where answers are large.
    fn at_once(&self, graph: &Graph) -> usize {
        let answers: usize = graph.node(graph.output()).shape.iter().product();
        (LARGEST / answers.max(1)).clamp(1, BATCH)
    }
}

/// Refuses a model whose answers are no choice between classes or tokens, where the distance is one of probabilities.
fn check(graph: &Graph, distance: Distance) -> Result<(), MethodError> {
    let pictures = graph.node(graph.output()).shape.len() > 2;
    let by_numbers = matches!(distance, Distance::Squares | Distance::Norm | Distance::Angle);
    if !pictures || by_numbers {
        return Ok(());
    }
    let why = "its answers are pictures, which have no probabilities to compare; finercut with distance = norm and every method \
               that scores weights do";
    Err(MethodError::Unfit { why: why.into() })
}
