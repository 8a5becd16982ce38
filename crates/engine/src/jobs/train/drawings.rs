use std::rc::Rc;

use secateur_data::digits::{self, CLASSES, Split};
use secateur_data::metrics::accuracy;
use secateur_data::pixels::Pixels;
use secateur_data::resample::BILINEAR;
use secateur_exec::train::{Course, Noise, Samples, TrainSpec};
use secateur_exec::{Compute, Meter, Params, Part, Silent, logits_of};
use secateur_models::{InputSpec, Model, Schedule};
use secateur_protocol::{Length, Score, Source};

use super::School;
use super::digits::{labels, shown};
use super::lessons::{Lessons, score};
use crate::checkpoint::{Checkpoint, built_in, read_json, read_schedule};
use crate::denoise::{Denoiser, Drawing};
use crate::forward::pictures;
use crate::jobs::export::json;
use crate::stop::Stop;
use crate::{Asset, Host};

/// Digits a step.
const BATCH: usize = 64;
/// DDIM steps of a drawing that is judged: as many as the page takes if nobody says otherwise.
const STEPS: usize = 20;
/// How often a digit is shown without its class.
const UNLABELLED: f32 = 0.1;
/// The model that judges.
const JUDGE: &str = "digits-cnn";
/// What its scheduler's settings are called, beside the model's.
const SCHEDULER: &str = "scheduler_config.json";

/// For models that take noise away: digits under noise.
pub(super) struct Drawings<'a> {
    compute: &'a Compute,
    model: &'a Model,
    digits: Rc<digits::Digits>,
    /// The training split's pictures as the model wants them.
    shown: Vec<f32>,
    schedule: Schedule,
    /// Its settings as a file.
    scheduler: Vec<u8>,
    judge: Judge,
}

/// Tells which digit a picture shows.
struct Judge {
    model: Model,
    params: Params,
}

impl<'a> Drawings<'a> {
    pub async fn new<H: Host>(school: &School<'a, H>, digits: Rc<digits::Digits>) -> Result<Self, Stop> {
        let &School { job, compute, model, asked, .. } = school;
        let scheduler = read_json(job.host(), Asset::BuiltIn(&built_in(&asked.model, SCHEDULER))).await?;
        let judge = Checkpoint::open(job.host(), &Source::BuiltIn { id: JUDGE.into() }).await?;
        let params = judge.upload(job, compute).await?;
        let no_pictures = || Stop::because(format!("{} takes no pictures: {}", asked.model, model.verdict));
        Ok(Self {
            compute,
            model,
            shown: shown(model.pictures.as_ref().ok_or_else(no_pictures)?, &digits, Split::Train),
            digits,
            schedule: read_schedule(&scheduler)?,
            scheduler: json(&scheduler)?,
            judge: Judge { model: judge.model, params },
        })
    }

    /// The share of pictures, drawn in so many steps, in which the judge sees the digit that was asked for.
    async fn recognised(
        &self,
        params: &Params,
        count: usize,
        steps: usize,
        meter: &dyn Meter,
    ) -> Result<Vec<Score>, Stop> {
        let denoiser = Denoiser::new(self.model)?;
        if denoiser.label(None)?.is_none() {
            return Ok(Vec::new()); // nothing can be asked for
        }
        let asked: Vec<u8> = (0..count).map(|at| (at % CLASSES) as u8).collect();
        let labels = Some(asked.iter().map(|label| u32::from(*label)).collect());
        let drawing = Drawing { compute: self.compute, denoiser, count, labels, guidance: 1.0, seed: 0 };
        let steps = self.schedule.ddim(steps).map_err(Stop::because)?;
        let mut x = drawing.noise(0);
        for (start, step) in (0..).zip(&steps) {
            drawing.step(params, step, &mut x, &[], &Part { meter, start, total: steps.len() as u64 }).await?;
        }
        let seen = self.judge.seen(&drawing.denoiser, &x)?;
        let Judge { model, params } = &self.judge;
        let answers = logits_of(self.compute, &model.graph, params, &seen, count, meter).await?;
        Ok(vec![score("recognised", accuracy(&answers, answers.len() / count.max(1), &asked))])
    }
}

impl Judge {
    /// Drawn pictures as the judge wants them, one after the other.
    fn seen(&self, denoiser: &Denoiser, x: &[f32]) -> Result<Vec<f32>, Stop> {
        let InputSpec { channels: wanted, height: rows, width: columns, mean, std, .. } = pictures(&self.model)?;
        let [channels, height, width] = denoiser.shape;
        let seen = |values: &[u8]| {
            let drawn = Pixels { height, width, channels, values: values.to_vec() };
            drawn.with_channels(*wanted).resized(*rows, *columns, BILINEAR).normalised(mean, std)
        };
        Ok(denoiser.bytes(x).chunks_exact(denoiser.len()).flat_map(seen).collect())
    }
}

impl Lessons for Drawings<'_> {
    fn usual(&self) -> Length {
        Length::Steps(3_000)
    }

    fn epoch(&self) -> u64 {
        labels(&self.digits, Split::Train).len().div_ceil(BATCH) as u64
    }

    fn spec(&self, steps: u64) -> TrainSpec {
        TrainSpec { steps, lr: 1e-3, warmup: 0.05, weight_decay: 0.0, average: Some(0.999), ..TrainSpec::default() }
    }

    fn course(&self, seed: u64) -> Box<dyn Course + '_> {
        let samples = Samples { inputs: &self.shown, labels: labels(&self.digits, Split::Train) };
        let signal = self.schedule.signal();
        Box::new(Noise { samples, signal, unlabelled: UNLABELLED, batch: BATCH, seed })
    }

    fn files(&self) -> Vec<(String, Vec<u8>)> {
        vec![(SCHEDULER.into(), self.scheduler.clone())]
    }

    async fn look(&self, params: &Params) -> Result<Vec<Score>, Stop> {
        self.recognised(params, 20, STEPS, &Silent).await
    }

    async fn judge(&self, params: &Params, meter: &dyn Meter) -> Result<Vec<Score>, Stop> {
        self.recognised(params, 1024, STEPS, meter).await
    }
}
