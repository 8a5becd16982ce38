//! What models learn from here: digits with their classes, stories, digits under noise. Which of them follows from what the
//! model is for.

use secateur_data::digits::{CLASSES, Digits, Split};
use secateur_exec::train::{self, Classes, Course, DenoiseStep, Noise, Texts};
use secateur_models::{InputSpec, Step, Task};

use crate::checkpoint::Checkpoint;
use crate::forward::inputs;
use crate::stop::Stop;
use crate::texts::{Purpose, tokens, told};

/// Tokens of stories to learn from, and to look at in between.
const LEARNED: usize = 200_000;
const LOOKED_AT: usize = 20_000;
/// Batches of an exam, at most.
const EXAMS: u64 = 16;
/// Samples that are shown one by one, at most.
const SHOWN: u64 = 1_000;

/// How a model that takes noise away draws a picture in so many steps; none where it does not.
pub(crate) fn drawing<F>(checkpoint: &Checkpoint<F>, times: usize) -> Result<Option<Vec<DenoiseStep>>, Stop> {
    let Some(schedule) = checkpoint.schedule.as_ref().filter(|_| checkpoint.model.task == Task::Denoise) else {
        return Ok(None);
    };
    let plain = |step: &Step| {
        let (meant, clip, next) = step.plain();
        DenoiseStep { timestep: step.timestep as f32, meant, clip, next }
    };
    Ok(Some(schedule.ddim(times).map_err(Stop::because)?.iter().map(plain).collect()))
}

/// All that a model may learn from, ready to be shown.
pub(crate) enum Material {
    Pictures { learned: Shown, looked_at: Shown },
    Noisy { learned: Shown, looked_at: Shown, signal: Vec<f64> },
    Texts { learned: Vec<u32>, looked_at: Vec<u32>, length: usize },
}

/// Pictures as the model wants them, and their classes.
pub(crate) struct Shown {
    inputs: Vec<f32>,
    labels: Vec<u8>,
}

impl Material {
    /// None where nobody here knows what the model should answer. `length`: tokens of a piece of text.
    pub fn of<F>(checkpoint: &Checkpoint<F>, digits: &Digits, length: usize) -> Result<Option<Self>, Stop> {
        let model = &checkpoint.model;
        let shown = |split| model.pictures.as_ref().map(|spec| Shown::of(spec, digits, split));
        let classes = model.graph.node(model.graph.output()).shape.last().copied();
        Ok(match (model.task, shown(Split::Train), shown(Split::Calibration)) {
            (Task::ImageClasses, Some(learned), Some(looked_at)) if classes == Some(CLASSES) => {
                Some(Self::Pictures { learned, looked_at })
            }
            (Task::Denoise, Some(learned), Some(looked_at)) => {
                let schedule = checkpoint.schedule.as_ref();
                schedule.map(|schedule| Self::Noisy { learned, looked_at, signal: schedule.signal().to_vec() })
            }
            (Task::NextToken, ..) if checkpoint.tokenizer.is_some() => Some(Self::Texts {
                learned: stories(checkpoint, Purpose::Training, LEARNED)?,
                looked_at: stories(checkpoint, Purpose::Calibration, LOOKED_AT)?,
                length,
            }),
            _ => None,
        })
    }

    /// `batch`: samples a step of learning. What is looked at in between is the same for every seed.
    pub fn task(&self, batch: usize, seed: u64) -> train::Task<'_> {
        let (samples, exams) = self.counts(batch);
        train::Task {
            lessons: self.course(true, batch, seed),
            samples: self.course(false, 1, seed),
            sample_count: samples.min(SHOWN),
            exam: self.course(false, batch, 0),
            exam_count: exams.clamp(1, EXAMS),
            drawing: None,
        }
    }

    /// Calibration samples, and batches of them.
    fn counts(&self, batch: usize) -> (u64, u64) {
        let samples = match self {
            Self::Pictures { looked_at, .. } | Self::Noisy { looked_at, .. } => looked_at.labels.len(),
            Self::Texts { looked_at, length, .. } => looked_at.len() / length,
        };
        (samples as u64, (samples / batch) as u64)
    }

    fn course(&self, learned: bool, batch: usize, seed: u64) -> Box<dyn Course + '_> {
        match self {
            Self::Pictures { learned: learn, looked_at } => {
                let samples = if learned { learn.samples() } else { looked_at.samples() };
                Box::new(Classes { samples, batch, label_smoothing: 0.0, augment: None, seed })
            }
            Self::Noisy { learned: learn, looked_at, signal } => {
                let samples = if learned { learn.samples() } else { looked_at.samples() };
                Box::new(Noise { samples, signal, unlabelled: 0.1, batch, seed })
            }
            Self::Texts { learned: learn, looked_at, .. } => {
                Box::new(Texts { tokens: if learned { learn } else { looked_at }, batch, seed })
            }
        }
    }
}

impl Shown {
    fn of(spec: &InputSpec, digits: &Digits, split: Split) -> Self {
        let inputs = inputs(spec, digits.split(split).map(|at| digits.grey(at)));
        Self { inputs, labels: digits.labels[digits.split(split)].to_vec() }
    }

    fn samples(&self) -> train::Samples<'_> {
        train::Samples { inputs: &self.inputs, labels: &self.labels }
    }
}

/// Stories as the model reads them, at least so many tokens.
fn stories<F>(checkpoint: &Checkpoint<F>, purpose: Purpose, count: usize) -> Result<Vec<u32>, Stop> {
    let mut all = Vec::with_capacity(count);
    for at in 0.. {
        if all.len() >= count {
            break;
        }
        all.extend(tokens(checkpoint, &(told(purpose, at).0 + "\n\n"))?);
    }
    Ok(all)
}
