use secateur_data::stories::{Capability, Question, questions};
use secateur_exec::rng::Rng;
use secateur_exec::text::Reader;
use secateur_exec::{Compute, Meter, Params, Part, Silent};
use secateur_formats::Tokenizer;
use secateur_models::Model;
use secateur_protocol::{Asked, Event, Unit};

use crate::Host;
use crate::desk::Job;
use crate::forward::affordable;
use crate::session::Session;
use crate::stop::Stop;
use crate::texts::{END, writer};

/// Questions about each capability, at least and at most.
const QUESTIONS: (usize, usize) = (10, 100);
/// Samples of the graph's size that a question costs, about: a few short texts.
const COST: u64 = 2;

/// What the dense and the pruned model know of stories; fewer questions for a model that would take minutes.
pub(crate) async fn ask<H: Host>(session: &mut Session<H::File>, job: &Job<'_, H>) -> Result<(), Stop> {
    let (compute, open) = session.ready()?;
    writer(&open.checkpoint)?;
    let masked = if open.cut().is_some() { Some(open.pruned(compute).await?) } else { None };
    let whole = open.parts()?.1.dense.clone();
    let (model, tokenizer) = (&open.checkpoint.model, writer(&open.checkpoint)?);
    let count = (affordable(model) / COST).clamp(QUESTIONS.0 as u64, QUESTIONS.1 as u64) as usize;
    let dense = Asker::new(compute, model, &whole, tokenizer);
    let pruned = masked
        .as_ref()
        .map(|masked| Asker::new(compute, &masked.model, &masked.params, masked.tokenizer().unwrap_or(tokenizer)));
    let (count_each, total) = (count as u64, 2 * (Capability::ALL.len() * count) as u64);
    let mut items = Vec::new();
    for (at, capability) in Capability::ALL.into_iter().enumerate() {
        let part = |half: u64| Part { meter: job, start: (2 * at as u64 + half) * count_each, total };
        let by_dense = dense.share(capability, count, &part(0)).await?;
        let by_pruned = match &pruned {
            Some(pruned) => pruned.share(capability, count, &part(1)).await?,
            None => by_dense,
        };
        items.push(Asked {
            about: capability.name().into(),
            questions: count as u32,
            dense: by_dense,
            pruned: by_pruned,
        });
    }
    job.send(Event::Asked { items });
    Ok(())
}

/// Puts questions to one model.
pub(crate) struct Asker<'a> {
    compute: &'a Compute,
    model: &'a Model,
    params: &'a Params,
    tokenizer: &'a Tokenizer,
}

impl<'a> Asker<'a> {
    pub fn new(compute: &'a Compute, model: &'a Model, params: &'a Params, tokenizer: &'a Tokenizer) -> Self {
        Self { compute, model, params, tokenizer }
    }

    /// The share of questions on which the story is more probable as it is than with any wrong end.
    pub async fn share(&self, capability: Capability, count: usize, meter: &dyn Meter) -> Result<f64, Stop> {
        let mut rng = Rng::keyed(0, "stories-questions", 0, capability.name());
        let asked = questions(capability, count, &mut |n| rng.below(n));
        let mut known = 0;
        for (done, question) in asked.iter().enumerate() {
            meter.tick(done as u64, count as u64, Unit::Samples).await?;
            known += usize::from(self.knows(question).await?);
        }
        Ok(known as f64 / count as f64)
    }

    async fn knows(&self, question: &Question) -> Result<bool, Stop> {
        let Question { prompt, right, wrong, .. } = question;
        let told = self.likelihood(&format!("{prompt}{right}")).await?;
        for wrong in wrong {
            if self.likelihood(&format!("{prompt}{wrong}")).await? >= told {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Logarithm of the probability that a text begins so; of one longer than the context, that its end ends so.
    async fn likelihood(&self, text: &str) -> Result<f64, Stop> {
        let mut tokens: Vec<u32> = self.tokenizer.id_of(END).into_iter().collect();
        tokens.extend(self.tokenizer.encode(text).map_err(Stop::because)?);
        let begin = tokens.len().saturating_sub(self.model.context().unwrap_or(usize::MAX));
        let mut reader = Reader::new(self.compute, &self.model.graph, self.params);
        let read = reader.read(&tokens[begin..], &Silent).await?;
        Ok(read.log_probabilities.iter().copied().map(f64::from).sum())
    }
}
