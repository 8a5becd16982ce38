//! Trains a built-in model from its config.json and a seed. What it learns from follows from what it is for.

mod book;
mod checkpoint;
mod digits;
mod drawings;
mod lessons;
mod stories;

use secateur_exec::train::{Learner, Next, State, Trainer};
use secateur_exec::{Compute, Params};
use secateur_graph::Masks;
use secateur_models::{Model, Task};
use secateur_protocol::{Length, Train, TrainLog};

use self::book::Book;
use self::digits::Digits;
use self::drawings::Drawings;
use self::lessons::Lessons;
use self::stories::Stories;
use crate::checkpoint::{built_in, read_json};
use crate::desk::Job;
use crate::session::Session;
use crate::stop::Stop;
use crate::{Asset, Host};

/// More is a slip of the finger.
const MOST_STEPS: u64 = 10_000_000;

pub(crate) async fn run<H: Host>(session: &mut Session<H::File>, job: &Job<'_, H>, asked: Train) -> Result<(), Stop> {
    let started_ms = job.host().now_ms();
    let config = read_json(job.host(), Asset::BuiltIn(&built_in(&asked.model, "config.json"))).await?;
    let model = &secateur_models::initial(&config).map_err(Stop::because)?;
    let digits = match model.task {
        Task::ImageClasses | Task::Denoise => Some(session.digits(job.host()).await?),
        _ => None,
    };
    let compute = session.compute()?;
    let school = School { job, compute, model, asked: &asked, started_ms };
    match (model.task, digits) {
        (Task::ImageClasses, Some(digits)) => school.teach(&Digits::new(compute, model, digits)?).await,
        (Task::Denoise, Some(digits)) => school.teach(&Drawings::new(&school, digits).await?).await,
        (Task::NextToken, _) => school.teach(&Stories::new(compute, model, stories::TOKENS, job).await?).await,
        _ => Err(Stop::because(format!("there is nothing here that {} could learn from", asked.model))),
    }
}

/// A model in training, and who asked for it.
struct School<'a, H> {
    job: &'a Job<'a, H>,
    compute: &'a Compute,
    model: &'a Model,
    asked: &'a Train,
    started_ms: f64,
}

impl<H: Host> School<'_, H> {
    async fn teach(&self, lessons: &impl Lessons) -> Result<(), Stop> {
        let Self { job, compute, model, asked, .. } = self;
        let steps = self.steps(lessons)?;
        let (state, log) = self.start(steps).await?;
        let mut book = Book::new(self, lessons, log, &state);
        let course = lessons.course(asked.seed);
        let spec = lessons.spec(steps);
        let none = Masks::default();
        let step = async |learner: &mut Learner<'_>| {
            learner.update();
            book.after(&learner.state).await.map(|()| Next::On)
        };
        let state = Trainer::new(compute, &model.graph, &*course, &spec, *job).run(state, &none, step).await?;
        book.close(&state).await
    }

    /// How long, in steps.
    fn steps(&self, lessons: &impl Lessons) -> Result<u64, Stop> {
        let steps = match self.asked.length.unwrap_or(lessons.usual()) {
            Length::Epochs(epochs) => u64::from(epochs) * lessons.epoch(),
            Length::Steps(steps) => steps,
        };
        if (1..=MOST_STEPS).contains(&steps) {
            return Ok(steps);
        }
        Err(Stop::because(format!("{steps} steps of training: wanted from 1 to {MOST_STEPS}")))
    }

    /// From the beginning, or from where an earlier run was stopped.
    async fn start(&self, steps: u64) -> Result<(State, TrainLog), Stop> {
        let Self { job, compute, model, asked, .. } = self;
        let log = TrainLog {
            model: asked.model.clone(),
            seed: asked.seed,
            params_total: model.graph.params_total(),
            step: 0,
            steps,
            marks: Vec::new(),
            scores: Vec::new(),
            seconds: 0.0,
            device: compute.adapter().name.clone(),
        };
        match &asked.resume {
            Some(file) => checkpoint::resumed(job.host(), compute, &model.graph, &file.name, log).await,
            None => Ok((State::new(&model.graph, Params::init(compute, &model.graph, asked.seed)?), log)),
        }
    }
}
