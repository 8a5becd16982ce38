use std::rc::Rc;

use secateur_data::digits::{self, Split};
use secateur_data::metrics::accuracy;
use secateur_exec::train::{Augment, Classes, Course, Samples, TrainSpec};
use secateur_exec::{Compute, Meter, Params, Silent, logits_of};
use secateur_models::{InputSpec, Model};
use secateur_protocol::{Length, Score};

use super::lessons::{Lessons, score};
use crate::forward::{inputs, pictures};
use crate::stop::Stop;

/// Digits a step.
const BATCH: usize = 64;
/// A digit stays the digit it is.
const AUGMENT: Augment = Augment { shift: 2.0, turn: 10.0, scale: 0.1 };

/// For models that tell what a picture shows: which digit it is.
pub(super) struct Digits<'a> {
    compute: &'a Compute,
    model: &'a Model,
    spec: &'a InputSpec,
    digits: Rc<digits::Digits>,
    /// The training split's pictures as the model wants them.
    shown: Vec<f32>,
}

impl<'a> Digits<'a> {
    pub fn new(compute: &'a Compute, model: &'a Model, digits: Rc<digits::Digits>) -> Result<Self, Stop> {
        let spec = pictures(model)?;
        let shown = shown(spec, &digits, Split::Train);
        Ok(Self { compute, model, spec, digits, shown })
    }

    async fn accuracy(&self, params: &Params, split: Split, meter: &dyn Meter) -> Result<Vec<Score>, Stop> {
        let (shown, labels) = (shown(self.spec, &self.digits, split), labels(&self.digits, split));
        let n = labels.len();
        let answers = logits_of(self.compute, &self.model.graph, params, &shown, n, meter).await?;
        Ok(vec![score("accuracy", accuracy(&answers, answers.len() / n.max(1), labels))])
    }
}

/// A split's pictures as a model wants them, one after the other.
pub(super) fn shown(spec: &InputSpec, digits: &digits::Digits, split: Split) -> Vec<f32> {
    inputs(spec, digits.split(split).map(|at| digits.grey(at)))
}

pub(super) fn labels(digits: &digits::Digits, split: Split) -> &[u8] {
    &digits.labels[digits.split(split)]
}

impl Lessons for Digits<'_> {
    fn usual(&self) -> Length {
        Length::Epochs(20)
    }

    fn epoch(&self) -> u64 {
        labels(&self.digits, Split::Train).len().div_ceil(BATCH) as u64
    }

    fn spec(&self, steps: u64) -> TrainSpec {
        TrainSpec { steps, ..TrainSpec::default() }
    }

    fn course(&self, seed: u64) -> Box<dyn Course + '_> {
        let samples = Samples { inputs: &self.shown, labels: labels(&self.digits, Split::Train) };
        Box::new(Classes { samples, batch: BATCH, label_smoothing: 0.1, augment: Some(AUGMENT), seed })
    }

    async fn look(&self, params: &Params) -> Result<Vec<Score>, Stop> {
        self.accuracy(params, Split::Calibration, &Silent).await
    }

    async fn judge(&self, params: &Params, meter: &dyn Meter) -> Result<Vec<Score>, Stop> {
        self.accuracy(params, Split::Test, meter).await
    }
}
