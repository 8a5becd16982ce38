use secateur_exec::Part;
use secateur_exec::text::{Beginning, Continuation, End, Reader, check, generate as go_on};
use secateur_formats::Tokenizer;
use secateur_protocol::{Event, Generate, Token, Written};

use crate::Host;
use crate::checkpoint::Checkpoint;
use crate::desk::Job;
use crate::session::Session;
use crate::stop::Stop;
use crate::texts::{tokens, writer};

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
    let first = go_on(compute, graph, &dense, beginning, &part(0)).await?;
    // A browser's clock may count whole milliseconds only.
    let seconds = (job.host().now_ms() - start_ms).max(1.0) / 1000.0;

    let (second, pruned_of_first, dense_of_second) = match &masked {
        None => (first.clone(), first.log_probabilities.clone(), first.log_probabilities.clone()),
        Some(masked) => {
            let second = go_on(compute, &masked.model.graph, &masked.params, beginning, &part(1)).await?;
            let [text, other] = [&first, &second].map(|written| [&prompt[..], &written.tokens].concat());
            let of_first = Reader::new(compute, &masked.model.graph, &masked.params).read(&text, &part(2)).await?;
            let of_second = Reader::new(compute, graph, &dense).read(&other, &part(3)).await?;
            (second, of_first.log_probabilities, of_second.log_probabilities)
        }
    };

    let tokenizer = writer(checkpoint)?;
    let mut by_dense = told(tokenizer, &prompt, &first.tokens, &first.log_probabilities, &pruned_of_first)?;
    let mut by_pruned = told(tokenizer, &prompt, &second.tokens, &dense_of_second, &second.log_probabilities)?;
    Ok(Written {
        dense: by_dense.split_off(prompt.len()),
        pruned: by_pruned.split_off(prompt.len()),
        prompt: by_dense,
        tokens_per_second: first.tokens.len() as f64 / seconds,
        notes: notes(context, &[&first, &second]),
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
    let mut prompt = tokens(checkpoint, &asked.prompt)?;
    if prompt.is_empty() {
        prompt.extend(checkpoint.model.begins());
    }
    match checkpoint.model.context() {
        _ if prompt.is_empty() => Err(Stop::because("wanted a text to go on with, got nothing; write its beginning")),
        Some(context) if prompt.len() >= context => Err(Stop::because(format!(
            "the beginning has {} tokens, and the model reads at most {context}; shorten it",
            prompt.len()
        ))),
        _ => Ok(prompt),
    }
}

/// Every token of a text with what both models thought of it. Nobody has thought about the first.
fn told(tokenizer: &Tokenizer, prompt: &[u32], new: &[u32], dense: &[f32], pruned: &[f32]) -> Result<Vec<Token>, Stop> {
    let ids = [prompt, new].concat();
    let texts = tokenizer.texts(&ids).map_err(Stop::because)?;
    let thought = |of: &[f32], at: usize| of.get(at.checked_sub(1)?).copied();
    let token = |(at, (id, text))| Token { id, text, dense: thought(dense, at), pruned: thought(pruned, at) };
    Ok(ids.into_iter().zip(texts).enumerate().map(token).collect())
}

fn notes(context: Option<usize>, written: &[&Continuation]) -> Vec<String> {
    let full = written.iter().any(|written| written.end == End::Full);
    let note = |context| format!("The text ends here because the model reads at most {context} tokens.");
    context.filter(|_| full).map(note).into_iter().collect()
}
