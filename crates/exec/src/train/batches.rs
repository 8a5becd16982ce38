use burn::tensor::{Tensor, TensorData};
use secateur_graph::Graph;

use super::{Samples, TrainSpec};
use crate::logits::{batch, input_shape};
use crate::rng::Rng;
use crate::{Compute, ExecError, Inputs};

/// Cuts the samples into shuffled, augmented batches.
pub(super) struct Batches<'a> {
    compute: &'a Compute,
    graph: &'a Graph,
    samples: Samples<'a>,
    spec: &'a TrainSpec,
    classes: usize,
}

impl<'a> Batches<'a> {
    pub(super) fn new(
        compute: &'a Compute,
        graph: &'a Graph,
        samples: Samples<'a>,
        spec: &'a TrainSpec,
    ) -> Result<Self, ExecError> {
        let classes = graph.node(graph.output()).shape.last().copied().unwrap_or(0);
        let each: usize = input_shape(graph).iter().product();
        let wrong = |want: String, got: String| ExecError::Shape { op: "train", node: "samples".into(), want, got };
        if samples.labels.is_empty() || samples.inputs.len() != each * samples.labels.len() {
            let got = format!("{} numbers for {} labels", samples.inputs.len(), samples.labels.len());
            return Err(wrong(format!("at least one label and {each} numbers for each"), got));
        }
        if let Some(label) = samples.labels.iter().find(|label| usize::from(**label) >= classes) {
            return Err(wrong(format!("labels below {classes}"), format!("{label}")));
        }
        if spec.batch == 0 {
            return Err(wrong("at least one sample a step".into(), "0".into()));
        }
        Ok(Self { compute, graph, samples, spec, classes })
    }

    /// Steps of one epoch.
    pub(super) fn steps(&self) -> u64 {
        self.samples.labels.len().div_ceil(self.spec.batch) as u64
    }

    /// The samples in the epoch's order.
    pub(super) fn order(&self, epoch: u32) -> Vec<usize> {
        let mut order: Vec<usize> = (0..self.samples.labels.len()).collect();
        Rng::keyed(self.spec.seed, "train-order", u64::from(epoch), "").shuffle(&mut order);
        order
    }

    /// Inputs of the chosen samples and their smoothed one-hot targets [samples, classes].
    pub(super) fn get(&self, epoch: u32, chosen: &[usize]) -> Result<(Inputs, Tensor<2>), ExecError> {
        let mut pictures = Vec::new();
        let mut targets = vec![self.spec.label_smoothing / self.classes as f32; chosen.len() * self.classes];
        for (row, at) in chosen.iter().enumerate() {
            pictures.extend(self.picture(epoch, *at));
            targets[row * self.classes + usize::from(self.samples.labels[*at])] += 1.0 - self.spec.label_smoothing;
        }
        let targets = TensorData::new(targets, [chosen.len(), self.classes]);
        let inputs = batch(self.compute, self.graph, &pictures, chosen.len())?;
        Ok((inputs, Tensor::from_data(targets, self.compute.device())))
    }

    fn picture(&self, epoch: u32, at: usize) -> Vec<f32> {
        let shape = input_shape(self.graph);
        let each: usize = shape.iter().product();
        let picture = &self.samples.inputs[at * each..(at + 1) * each];
        match (self.spec.augment, shape) {
            (Some(augment), &[channels, height, width]) => {
                let step = u64::from(epoch) * self.samples.labels.len() as u64 + at as u64;
                let mut rng = Rng::keyed(self.spec.seed, "augment", step, "");
                augment.apply(picture, [channels, height, width], &mut rng)
            }
            _ => picture.to_vec(),
        }
    }
}
