//! What a model answers while a method still learns to cut it, beside the dense one: told as what is asked of a cut that
//! holds.

use std::cell::{Cell, RefCell};

use secateur_data::digits::{Digits, Split};
use secateur_data::metrics::softmax;
use secateur_exec::text::{Beginning, Continuation, Reader, generate};
use secateur_exec::train::Seen;
use secateur_exec::{Cancelled, Compute, Gates, Inputs, Meter, Params, Tick, forward_gated};
use secateur_methods::{Look, Steer, Trial, Watch};
use secateur_models::Task;
use secateur_protocol::{BlobId, Choice, Event, Prediction, Unit, Written};

use crate::Host;
use crate::checkpoint::Checkpoint;
use crate::denoise::{Denoiser, Drawing};
use crate::desk::Job;
use crate::forward::{inputs, pictures};
use crate::jobs::text::{Text, begun};
use crate::stop::Stop;
use crate::texts::{tokens, writer};

/// Trials come at most this often, and take at most this share of the time.
const EVERY_MS: f64 = 500.0;
const SHARE: f64 = 0.2;
/// New tokens of a text.
const TOKENS: usize = 32;
/// Test digits that are classified, and pictures that are drawn in so many steps.
const DIGITS: usize = 12;
const PICTURES: usize = 4;
const DRAWING_STEPS: usize = 8;

/// Watches a method learn for a host: what it tells goes through the job, and what the model answers meanwhile is asked here.
pub(crate) struct Trials<'a, H: Host> {
    pub job: &'a Job<'a, H>,
    pub compute: &'a Compute,
    pub checkpoint: &'a Checkpoint<H::File>,
    pub dense: &'a Params,
    pub digits: &'a Digits,
    past: Past,
}

/// When the last trial ended and how long it took; why there are no more of them.
#[derive(Default)]
struct Past {
    last: Cell<Option<(f64, f64)>>,
    failed: RefCell<Option<String>>,
}

/// A model that is asked: parameters and what its units are multiplied with.
#[derive(Clone, Copy)]
struct Asked<'a> {
    params: &'a Params,
    gates: &'a Gates,
}

impl<'a, H: Host> Trials<'a, H> {
    pub fn new(
        job: &'a Job<'a, H>,
        compute: &'a Compute,
        checkpoint: &'a Checkpoint<H::File>,
        dense: &'a Params,
        digits: &'a Digits,
    ) -> Self {
        Self { job, compute, checkpoint, dense, digits, past: Past::default() }
    }

    /// Why no more was shown, for who wanted to see it.
    pub fn note(&self) -> Option<String> {
        let failed = self.past.failed.borrow();
        failed.as_ref().map(|why| format!("What the model answers could not be shown while it learnt: {why}"))
    }

    async fn show(&self, seen: &Seen) -> Result<(), Stop> {
        let open = Gates::default();
        let models = [Asked { params: self.dense, gates: &open }, Asked { params: &seen.params, gates: &seen.gates }];
        match self.checkpoint.model.task {
            Task::NextToken if self.checkpoint.tokenizer.is_some() => self.write(models).await,
            Task::ImageClasses => self.classify(models).await,
            Task::Denoise if self.checkpoint.schedule.is_some() => self.draw(models).await,
            _ => Ok(()),
        }
    }

    /// Both go on with the host's text by their likeliest tokens, and each reads what the other wrote.
    async fn write(&self, models: [Asked<'_>; 2]) -> Result<(), Stop> {
        let model = &self.checkpoint.model;
        let prompt = self.job.steering().sample.unwrap_or_default();
        let prompt = begun(tokens(self.checkpoint, &prompt)?, model)?;
        let (choice, ends) = (Choice::Greedy, model.ends());
        let beginning =
            Beginning { prompt: &prompt, max_tokens: TOKENS, context: model.context(), ends: &ends, choice, seed: 0 };
        let quietly = Quietly(self.job);
        let [dense, now] =
            models.map(|of| move || Reader::new(self.compute, &model.graph, of.params).gated(of.gates.clone()));
        let [by_dense, by_now] =
            [generate(dense(), beginning, &quietly).await?, generate(now(), beginning, &quietly).await?];
        let whole = |written: &Continuation| [&prompt[..], &written.tokens].concat();
        let mut first = Text::new(whole(&by_dense), prompt.len(), &by_dense);
        let mut second = Text::new(whole(&by_now), prompt.len(), &by_now);
        first.pruned = now().read(&first.ids, &quietly).await?.log_probabilities;
        second.dense = dense().read(&second.ids, &quietly).await?.log_probabilities;
        let tokenizer = writer(self.checkpoint)?;
        let (prompt, dense) = first.told(tokenizer)?;
        let pruned = second.told(tokenizer)?.1;
        let device = self.compute.adapter().name.clone();
        let written = Written { prompt, dense, pruned, tokens_per_second: 0.0, notes: Vec::new(), device };
        self.job.send(Event::Written(Box::new(written)));
        Ok(())
    }

    /// Both say what they see in the first test digits.
    async fn classify(&self, models: [Asked<'_>; 2]) -> Result<(), Stop> {
        let model = &self.checkpoint.model;
        let start = self.digits.split(Split::Test).start;
        let shown = || (start..start + DIGITS).map(|at| self.digits.grey(at));
        let pictures = inputs(pictures(model)?, shown());
        let mut answers = Vec::new();
        for Asked { params, gates } in models {
            let mut inputs = Inputs::default();
            let name = model.graph.inputs().next().map_or("", |node| &node.name);
            inputs.upload(self.compute, &model.graph, name, DIGITS, pictures.clone())?;
            let logits = forward_gated(&model.graph, params, gates, inputs)?.read().await?;
            answers.push(logits.chunks(logits.len() / DIGITS).map(softmax).collect::<Vec<_>>());
        }
        let [dense, pruned] = [0, 1].map(|which: usize| std::mem::take(&mut answers[which]));
        let item = |(at, (dense, pruned)): (usize, (Vec<f32>, Vec<f32>))| Prediction {
            test: Some((at as u32, self.digits.labels[start + at])),
            dense,
            pruned,
        };
        let items = dense.into_iter().zip(pruned).enumerate().map(item).collect();
        self.job.send_with(Event::Predictions { items, pixels: BlobId(0) }, vec![shown().flatten().copied().collect()]);
        Ok(())
    }

    /// Both draw from the same noise in a few steps.
    async fn draw(&self, models: [Asked<'_>; 2]) -> Result<(), Stop> {
        let schedule = self.checkpoint.schedule.as_ref().ok_or_else(|| Stop::because("nothing says how to draw"))?;
        let steps = schedule.ddim(DRAWING_STEPS).map_err(Stop::because)?;
        let (mut pixels, mut shape) = (Vec::new(), [0; 3]);
        for Asked { params, gates } in models {
            let denoiser = Denoiser::new(&self.checkpoint.model)?.gated(gates.clone());
            let class = |at: usize| denoiser.label(Some(at as u32)).or_else(|_| denoiser.label(None));
            let labels = (0..PICTURES).map(class).collect::<Result<Option<Vec<u32>>, Stop>>()?;
            let drawing = Drawing { compute: self.compute, denoiser, count: PICTURES, labels, guidance: 1.0, seed: 0 };
            let mut x = drawing.noise(0);
            for step in &steps {
                drawing.step(params, step, &mut x, &[], &Quietly(self.job)).await?;
            }
            pixels.extend(drawing.denoiser.bytes(&x));
            shape = drawing.denoiser.shape;
        }
        let [channels, height, width] = shape.map(|side| side as u32);
        let (steps, count) = (DRAWING_STEPS as u32, PICTURES as u32);
        let drawn = Event::Drawn { step: steps, steps, count, height, width, channels, pixels: BlobId(0) };
        self.job.send_with(drawn, vec![pixels]);
        Ok(())
    }
}

impl<H: Host> Watch for Trials<'_, H> {
    fn due(&self) -> bool {
        self.job.due()
    }

    fn look(&self, look: Look) {
        self.job.look(look);
    }

    fn steer(&self) -> Steer {
        self.job.steer()
    }

    fn tries(&self) -> bool {
        self.job.steering().sample.is_some() && self.past.allows(self.job.host().now_ms())
    }

    /// What goes wrong ends the trials, not the learning.
    fn try_out<'a>(&'a self, seen: &'a Seen) -> Trial<'a> {
        Box::pin(async move {
            let began = self.job.host().now_ms();
            match self.show(seen).await {
                Ok(()) => {}
                Err(Stop::Cancelled) => return Err(Cancelled.into()),
                Err(Stop::Failed(why) | Stop::DeviceLost(why)) => drop(self.past.failed.replace(Some(why))),
            }
            let ended = self.job.host().now_ms();
            self.past.last.set(Some((ended, ended - began)));
            Ok(())
        })
    }
}

impl Past {
    fn allows(&self, now_ms: f64) -> bool {
        let rested = |(ended, took): (f64, f64)| now_ms - ended >= EVERY_MS.max(took * (1.0 / SHARE - 1.0));
        self.failed.borrow().is_none() && self.last.get().is_none_or(rested)
    }
}

/// Lets the host have its turn, and tells no progress: that of the learning stands.
struct Quietly<'a, H>(&'a Job<'a, H>);

impl<H: Host> Meter for Quietly<'_, H> {
    fn tick(&self, _: u64, _: u64, _: Unit) -> Tick<'_> {
        Box::pin(self.0.breathe())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn trials_take_their_share_of_the_time() {
        let past = Past::default();
        assert!(past.allows(0.0));
        past.last.set(Some((100.0, 10.0)));
        assert!(!past.allows(500.0) && past.allows(600.0), "quick ones come twice a second");
        past.last.set(Some((1000.0, 1000.0)));
        assert!(!past.allows(4999.0) && past.allows(5000.0), "slow ones take a fifth of the time");
        past.failed.replace(Some("no".into()));
        assert!(!past.allows(1e9));
    }
}
