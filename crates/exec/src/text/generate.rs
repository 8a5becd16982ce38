use secateur_protocol::Choice;

use super::{Reader, choose};
use crate::{ExecError, Meter, Part};

/// A text to go on with.
#[derive(Clone, Copy, Debug)]
pub struct Beginning<'a> {
    /// At least one token.
    pub prompt: &'a [u32],
    /// New tokens, at most.
    pub max_tokens: usize,
    /// Tokens of the longest text the model reads.
    pub context: Option<usize>,
    /// Tokens that end a text.
    pub ends: &'a [u32],
    pub choice: Choice,
    pub seed: u64,
}

/// How a text went on.
#[derive(Clone, Debug, PartialEq)]
pub struct Continuation {
    /// The new tokens; the one that ended the text is among them.
    pub tokens: Vec<u32>,
    /// Natural logarithms of the probability of each token, prompt and new, but for the first of all.
    pub log_probabilities: Vec<f32>,
    pub end: End,
}

/// Why no more came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// As many as were asked for.
    Asked,
    /// The model ended the text.
    Ended,
    /// The model reads no longer texts.
    Full,
}

/// Reads a text once and goes on with it token by token; the reader has read nothing yet. The same arguments give the same
/// text. Ticks before each token.
pub async fn generate(
    mut reader: Reader<'_>,
    beginning: Beginning<'_>,
    meter: &dyn Meter,
) -> Result<Continuation, ExecError> {
    let Beginning { prompt, max_tokens, choice, seed, .. } = beginning;
    let total = prompt.len().saturating_add(max_tokens) as u64;
    let (mut text, mut log_probabilities) = (prompt.to_vec(), Vec::new());
    let mut read = 0;
    loop {
        if let Some(end) = beginning.end(&text) {
            return Ok(Continuation { tokens: text.split_off(prompt.len()), log_probabilities, end });
        }
        let seen = reader.read(&text[read..], &Part { meter, start: read as u64, total }).await?;
        read = text.len();
        let token = choose(&seen.logits, choice, seed, read)?;
        log_probabilities.extend(seen.log_probabilities);
        log_probabilities.push(log_probability(&seen.logits, token));
        text.push(token);
    }
}

impl Beginning<'_> {
    /// Whether and why a text that began so is over.
    fn end(&self, text: &[u32]) -> Option<End> {
        let new = &text[self.prompt.len()..];
        if new.last().is_some_and(|token| self.ends.contains(token)) {
            Some(End::Ended)
        } else if new.len() >= self.max_tokens {
            Some(End::Asked)
        } else if self.context.is_some_and(|context| text.len() >= context) {
            Some(End::Full)
        } else {
            None
        }
    }
}

/// Natural logarithm of the token's probability.
fn log_probability(logits: &[f32], token: u32) -> f32 {
    let highest = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let sum: f64 = logits.iter().map(|logit| f64::from(logit - highest).exp()).sum();
    (f64::from(logits[token as usize] - highest) - sum.ln()) as f32
}
