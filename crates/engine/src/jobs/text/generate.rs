use secateur_exec::Part;
use secateur_exec::text::{Beginning, Continuation, End, Reader, check, generate as go_on};
use secateur_formats::Tokenizer;
use secateur_models::Model;
use secateur_protocol::{Event, Generate, Token, Written};

use crate::Host;
use crate::checkpoint::Checkpoint;
use crate::desk::Job;
use crate::session::Session;
use crate::stop::Stop;
use crate::texts::{own_tokens, tokens, writer};

/// Lets the dense and the pruned model go on with a text, and tells it.
pub(crate) async fn generate<H: Host>(
    session: &mut Session<H::File>,
    job: &Job<'_, H>,
    asked: Generate,
) -> Result<(), Stop> {
    let written = write(session, job, asked).await?;
    session.open()?.note(|told| told.written = Some(written.clone()));
    job.send(Event::Written(Box::new(written)));
    Ok(())
}

/// Lets the dense and the pruned model go on with a text, and asks each what it thinks of what the other wrote.
pub(crate) async fn write<H: Host>(
    session: &mut Session<H::File>,
    job: &Job<'_, H>,
    asked: Generate,
) -> Result<Written, Stop> {
    let (compute, open) = session.ready()?;
    let prompt = prompt(&open.checkpoint, &asked)?;
    let masked = if open.cut().is_some() { Some(open.pruned(compute).await?) } else { None };
    let dense = open.parts()?.1.dense.clone();
    let checkpoint = &open.checkpoint;
    let (graph, context, ends) = (&checkpoint.model.graph, checkpoint.model.context(), checkpoint.model.ends());
    let Generate { max_tokens, choice, seed, .. } = asked;
    let beginning = Beginning { prompt: &prompt, max_tokens: max_tokens as usize, context, ends: &ends, choice, seed };

    let passes = if masked.is_some() { 4 } else { 1 };
    let each = prompt.len() as u64 + u64::from(max_tokens);
    let part = |at: u64| Part { meter: job, start: at * each, total: passes * each };
    let start_ms = job.host().now_ms();
    let first = go_on(Reader::new(compute, graph, &dense), beginning, &part(0)).await?;
    // A browser's clock may count whole milliseconds only.
    let seconds = (job.host().now_ms() - start_ms).max(1.0) / 1000.0;

    let tokenizer = writer(checkpoint)?;
    let mut by_dense = Text::new([&prompt[..], &first.tokens].concat(), prompt.len(), &first);
    let mut by_pruned = None;
    if let Some(masked) = &masked {
        let prompt = begun(own_tokens(checkpoint, masked, &asked.prompt)?, &masked.model)?;
        let ends = masked.model.ends();
        let beginning = Beginning { prompt: &prompt, ends: &ends, ..beginning };
        let reader = || Reader::new(compute, &masked.model.graph, &masked.params);
        let second = go_on(reader(), beginning, &part(1)).await?;
        let mut other = Text::new(masked.whole(&[&prompt[..], &second.tokens].concat()), prompt.len(), &second);
        let own = masked.own(&by_dense.ids);
        let of_first = reader().read(&own, &part(2)).await?;
        let of_second = Reader::new(compute, graph, &dense).read(&other.ids, &part(3)).await?;
        (by_dense.pruned, other.dense) = (of_first.log_probabilities, of_second.log_probabilities);
        by_pruned = Some((other, second));
    }

    let notes = notes(context, &first, by_pruned.as_ref().map(|(_, second)| second), &by_dense);
    let (prompt, dense) = by_dense.told(tokenizer)?;
    let pruned = match by_pruned {
        Some((other, _)) => other.told(tokenizer)?.1,
        None => dense.clone(),
    };
    Ok(Written {
        prompt,
        dense,
        pruned,
        tokens_per_second: first.tokens.len() as f64 / seconds,
        notes,
        device: compute.adapter().name.clone(),
    })
}

/// The prompt's tokens, if there is something to write after them.
fn prompt<F>(checkpoint: &Checkpoint<F>, asked: &Generate) -> Result<Vec<u32>, Stop> {
    writer(checkpoint)?;
    check(asked.choice)?;
    if asked.max_tokens == 0 {
        return Err(Stop::because("max_tokens = 0: wanted at least 1"));
    }
    begun(tokens(checkpoint, &asked.prompt)?, &checkpoint.model)
}

/// A text as the model begins it, if it can go on with it.
pub(crate) fn begun(mut prompt: Vec<u32>, model: &Model) -> Result<Vec<u32>, Stop> {
    if prompt.is_empty() {
        prompt.extend(model.begins());
    }
    match model.context() {
        _ if prompt.is_empty() => Err(Stop::because("wanted a text to go on with, got nothing; write its beginning")),
        Some(context) if prompt.len() >= context => Err(Stop::because(format!(
            "the beginning has {} tokens, and the model reads at most {context}; shorten it",
            prompt.len()
        ))),
        _ => Ok(prompt),
    }
}

/// A text that one of the models went on with, by the whole model's numbers.
pub(crate) struct Text {
    pub ids: Vec<u32>,
    /// Tokens that were there before.
    prompt: usize,
    /// What both models think of each token but the first. A model that lacks a token says nothing from there on.
    pub dense: Vec<f32>,
    pub pruned: Vec<f32>,
}

impl Text {
    /// As the one who wrote it thinks of it.
    pub fn new(ids: Vec<u32>, prompt: usize, written: &Continuation) -> Self {
        let thought = &written.log_probabilities;
        Self { ids, prompt, dense: thought.clone(), pruned: thought.clone() }
    }

    /// What was there before and what is new, with what both models thought. Nobody has thought about the first.
    pub fn told(self, tokenizer: &Tokenizer) -> Result<(Vec<Token>, Vec<Token>), Stop> {
        let texts = tokenizer.texts(&self.ids).map_err(Stop::because)?;
        let thought = |of: &[f32], at: usize| of.get(at.checked_sub(1)?).copied();
        let token =
            |(at, (id, text))| Token { id, text, dense: thought(&self.dense, at), pruned: thought(&self.pruned, at) };
        let mut prompt: Vec<Token> = self.ids.iter().copied().zip(texts).enumerate().map(token).collect();
        let new = prompt.split_off(self.prompt);
        Ok((prompt, new))
    }
}

fn notes(context: Option<usize>, first: &Continuation, second: Option<&Continuation>, by_dense: &Text) -> Vec<String> {
    let full = [Some(first), second].into_iter().flatten().any(|written| written.end == End::Full);
    let end = |context| format!("The text ends here because the model reads at most {context} tokens.");
    let lacks = by_dense.pruned.len() < by_dense.dense.len();
    let silent = "The pruned model lost tokens of this text and says nothing of it from the first of them on.";
    context.filter(|_| full).map(end).into_iter().chain(lacks.then(|| silent.to_string())).collect()
}
