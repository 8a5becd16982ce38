use burn::tensor::{Tensor, TensorData};
use secateur_graph::Graph;

use super::order::Order;
use super::{Augment, Course, Samples, Target, unfit};
use crate::logits::{batch, input_shape};
use crate::rng::Rng;
use crate::{Compute, ExecError, Inputs};

/// Samples and the classes they belong to, for a model with answers [classes].
#[derive(Clone, Debug)]
pub struct Classes<'a> {
    pub samples: Samples<'a>,
    /// Samples a step.
    pub batch: usize,
    /// Probability spread evenly over all classes (Szegedy et al., 2016).
    pub label_smoothing: f32,
    /// Changes to each picture before it is shown; None shows it as it is.
    pub augment: Option<Augment>,
    /// Decides order and augmentation.
    pub seed: u64,
}

impl Course for Classes<'_> {
    fn batch(&self, compute: &Compute, graph: &Graph, step: u64) -> Result<(Inputs, Target), ExecError> {
        let classes = graph.node(graph.output()).shape.last().copied().unwrap_or(0);
        self.samples.check(input_shape(graph).iter().product(), classes, self.batch)?;
        let order = Order { samples: self.samples.labels.len(), batch: self.batch, seed: self.seed };
        let (epoch, chosen) = order.at(step);
        let mut pictures = Vec::new();
        let mut targets = vec![self.label_smoothing / classes as f32; chosen.len() * classes];
        for (row, at) in chosen.iter().enumerate() {
            pictures.extend(self.picture(graph, epoch, *at));
            targets[row * classes + usize::from(self.samples.labels[*at])] += 1.0 - self.label_smoothing;
        }
        let targets = TensorData::new(targets, [chosen.len(), classes]);
        let inputs = batch(compute, graph, &pictures, chosen.len())?;
        Ok((inputs, Target::Classes(Tensor::from_data(targets, compute.device()))))
    }
}

impl Classes<'_> {
    fn picture(&self, graph: &Graph, epoch: u64, at: usize) -> Vec<f32> {
        let shape = input_shape(graph);
        let picture = self.samples.input(shape.iter().product(), at);
        match (self.augment, shape) {
            (Some(augment), &[channels, height, width]) => {
                let step = epoch * self.samples.labels.len() as u64 + at as u64;
                let mut rng = Rng::keyed(self.seed, "augment", step, "");
                augment.apply(picture, [channels, height, width], &mut rng)
            }
            _ => picture.to_vec(),
        }
    }
}

impl Samples<'_> {
    /// Whether there are `each` numbers for every label, labels below `classes`, and a step with samples in it.
    pub(super) fn check(&self, each: usize, classes: usize, batch: usize) -> Result<(), ExecError> {
        if self.labels.is_empty() || self.inputs.len() != each * self.labels.len() {
            let got = format!("{} numbers for {} labels", self.inputs.len(), self.labels.len());
            return Err(unfit(format!("at least one label and {each} numbers for each"), got));
        }
        if let Some(label) = self.labels.iter().find(|label| usize::from(**label) >= classes) {
            return Err(unfit(format!("labels below {classes}"), format!("{label}")));
        }
        if batch == 0 {
            return Err(unfit("at least one sample a step".into(), "0".into()));
        }
        Ok(())
    }

    /// One sample's numbers.
    pub(super) fn input(&self, each: usize, at: usize) -> &[f32] {
        &self.inputs[at * each..(at + 1) * each]
    }
}
