//! A report's measures in words, for people.

use crate::Report;

/// The measure of language models: the lower the better, and not a fraction.
const PERPLEXITY: &str = "perplexity";

impl Report {
    /// Whether the measure is better the lower it is.
    pub fn is_perplexity(&self) -> bool {
        self.metric_name == PERPLEXITY
    }

    /// One of its two measures: shares in percent, perplexities as they are.
    pub fn figure(&self, value: f64) -> String {
        match self.is_perplexity() {
            true if !value.is_finite() => "beyond all numbers (the model no longer predicts the text)".into(),
            true => format!("{value:.3}"),
            false => format!("{:.2} %", 100.0 * value),
        }
    }

    /// What it was measured on: `1000 samples`.
    pub fn measured_on(&self) -> String {
        format!("{} {}", self.metric_samples, if self.is_perplexity() { "tokens" } else { "samples" })
    }
}
