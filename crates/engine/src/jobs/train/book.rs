use secateur_exec::train::State;
use secateur_protocol::{Event, Mark, TrainLog};

use super::{Lessons, School, checkpoint};
use crate::Host;
use crate::jobs::export::{json, with_blobs};
use crate::stop::Stop;

/// How often a training is told of.
const TELL_EVERY_MS: f64 = 5_000.0;
/// How much of it may be lost.
const SAVE_EVERY_MS: f64 = 60_000.0;
/// Marks of a training.
const MARKS: u64 = 20;

/// Keeps the log of a training, tells how it goes and hands out checkpoints.
pub(super) struct Book<'a, H, L> {
    school: &'a School<'a, H>,
    lessons: &'a L,
    log: TrainLog,
    /// Seconds of earlier runs.
    seconds: f64,
    told: Told,
    saved_ms: f64,
}

/// What has been told last.
#[derive(Clone, Copy)]
struct Told {
    step: u64,
    ms: f64,
}

impl<'a, H: Host, L: Lessons> Book<'a, H, L> {
    pub fn new(school: &'a School<'a, H>, lessons: &'a L, log: TrainLog, state: &State) -> Self {
        let ms = school.job.host().now_ms();
        Self { school, lessons, seconds: log.seconds, log, told: Told { step: state.step(), ms }, saved_ms: ms }
    }

    /// Sees every step.
    pub async fn after(&mut self, state: &State) -> Result<(), Stop> {
        self.tell(state);
        let marks = state.step().is_multiple_of(self.log.steps.div_ceil(MARKS));
        if marks {
            self.mark(state).await?;
        }
        let now = self.school.job.host().now_ms();
        if state.step() < self.log.steps && (marks || now - self.saved_ms >= SAVE_EVERY_MS) {
            self.save(state, Some(checkpoint::FILE)).await?;
            self.saved_ms = self.school.job.host().now_ms();
        }
        Ok(())
    }

    /// Judges the trained model and hands it out.
    pub async fn close(mut self, state: &State) -> Result<(), Stop> {
        if self.marked() < state.step() {
            self.mark(state).await?;
        }
        self.log.scores = self.lessons.judge(state.model(), self.school.job).await?;
        self.save(state, None).await
    }

    fn tell(&mut self, state: &State) {
        let now = Told { step: state.step(), ms: self.school.job.host().now_ms() };
        let seconds = (now.ms - self.told.ms) / 1000.0;
        if seconds * 1000.0 < TELL_EVERY_MS {
            return;
        }
        let loss = mean(&state.losses[self.told.step as usize..]);
        let rate = (now.step - self.told.step) as f64 / seconds;
        self.school.job.send(Event::Learning { step: now.step, steps: self.log.steps, loss, rate, curves: Vec::new() });
        self.told = now;
    }

    async fn mark(&mut self, state: &State) -> Result<(), Stop> {
        let loss = mean(&state.losses[self.marked() as usize..]);
        let scores = self.lessons.look(state.model()).await?;
        self.log.marks.push(Mark { step: state.step(), loss, scores });
        Ok(())
    }

    /// The step of the latest mark.
    fn marked(&self) -> u64 {
        self.log.marks.last().map_or(0, |mark| mark.step)
    }

    /// Hands out the model and, under the name `training`, what it takes to go on.
    async fn save(&mut self, state: &State, training: Option<&str>) -> Result<(), Stop> {
        let School { job, model, started_ms, .. } = self.school;
        self.log.step = state.step();
        self.log.seconds = self.seconds + (job.host().now_ms() - started_ms) / 1000.0;
        let mut files = self.lessons.files();
        files.push(("model.safetensors".into(), checkpoint::model(&model.graph, state.model()).await?));
        files.push(("config.json".into(), json(&model.config)?));
        if let Some(name) = training {
            files.push((name.into(), checkpoint::training(&model.graph, state, &self.log).await?));
        }
        let (files, blobs) = with_blobs(files);
        job.send_with(Event::Trained { files, log: self.log.clone() }, blobs);
        Ok(())
    }
}

fn mean(losses: &[f32]) -> f64 {
    losses.iter().map(|loss| f64::from(*loss)).sum::<f64>() / (losses.len() as f64).max(1.0)
}
