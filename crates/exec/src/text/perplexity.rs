use std::ops::Range;

use secateur_graph::Graph;

use super::Reader;
use crate::{Compute, ExecError, Meter, Params, Part};

/// How a long text is cut for a model that reads a short one: windows of `window` tokens, each `stride` after the one
/// before it. Every token is scored once, by the first window that holds it; to later windows it is context only. A
/// window's first token has nothing before it and is not scored there, as in Hugging Face's guide to the perplexity of
/// fixed-length models.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Windows {
    /// At least 2.
    pub window: usize,
    /// From 1 to `window`.
    pub stride: usize,
}

/// How much a text surprises a model.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Perplexity {
    /// exp of the mean negative log-likelihood of the scored tokens: as many equally likely next tokens would surprise as
    /// much.
    pub value: f64,
    /// Tokens that were scored.
    pub tokens: u64,
}

impl Perplexity {
    /// The same surprise by the whole text, shared out over another number of tokens: models that cut a text in other pieces
    /// can be compared so.
    pub fn over(self, tokens: u64) -> Self {
        Self { value: self.value.powf(self.tokens as f64 / tokens as f64), tokens }
    }
}

/// Perplexity of a text of at least two tokens. Sums are in f64; a model that answers with no numbers gives none.
pub async fn perplexity(
    compute: &Compute,
    graph: &Graph,
    params: &Params,
    text: &[u32],
    windows: Windows,
    meter: &dyn Meter,
) -> Result<Perplexity, ExecError> {
    windows.check(text.len())?;
    let (mut sum, mut tokens, mut done) = (0.0, 0, 0);
    for at in 0..windows.count(text.len()) {
        let (range, scored) = windows.get(at, text.len());
        let part = Part { meter, start: done, total: windows.total(text.len()) };
        done += range.len() as u64;
        let read = Reader::new(compute, graph, params).read(&text[range], &part).await?;
        sum += read.log_probabilities.iter().rev().take(scored).copied().map(f64::from).sum::<f64>();
        tokens += scored as u64;
    }
    Ok(Perplexity { value: (-sum / tokens as f64).exp(), tokens })
}

impl Windows {
    /// Whether a text of `len` tokens can be cut so.
    pub fn check(&self, len: usize) -> Result<(), ExecError> {
        let wrong = |name, want, got: usize| Err(ExecError::Setting { name, want, got: got.to_string() });
        match self {
            _ if len < 2 => wrong("tokens of the text", "at least 2; choose a longer text", len),
            Self { window: 0 | 1, .. } => wrong("window", "at least 2 tokens", self.window),
            Self { window, stride } if !(1..=*window).contains(stride) => {
                wrong("stride", "at least 1 token, at most those of a window", *stride)
            }
            _ => Ok(()),
        }
    }

    /// The last window is the first one that reaches the end.
    fn count(&self, len: usize) -> usize {
        len.saturating_sub(self.window).div_ceil(self.stride) + 1
    }

    /// Tokens in all windows together.
    pub fn total(&self, len: usize) -> u64 {
        let last = self.count(len) - 1;
        last as u64 * self.window as u64 + (len - last * self.stride) as u64
    }

    /// A window's place in a text of `len` tokens, and how many of its last tokens are scored in it.
    fn get(&self, at: usize, len: usize) -> (Range<usize>, usize) {
        let start = at * self.stride;
        let end = len.min(start + self.window);
        let seen = if at == 0 { 0 } else { start - self.stride + self.window };
        (start..end, end - seen.max(start + 1))
    }
}

#[cfg(test)]
mod tests {
    use super::Windows;

    /// The loop of the guide.
    fn guide(window: usize, stride: usize, len: usize) -> Vec<(std::ops::Range<usize>, usize)> {
        let (mut all, mut seen) = (Vec::new(), 0);
        for start in (0..len).step_by(stride) {
            let end = len.min(start + window);
            all.push((start..end, end - seen.max(start + 1)));
            seen = end;
            if end == len {
                break;
            }
        }
        all
    }

    #[test]
    fn windows_are_the_guides() {
        for (window, stride, len) in (2..9).flat_map(|w| (1..=w).flat_map(move |s| (2..40).map(move |n| (w, s, n)))) {
            let windows = Windows { window, stride };
            windows.check(len).unwrap();
            let all: Vec<_> = (0..windows.count(len)).map(|at| windows.get(at, len)).collect();
            assert_eq!(all, guide(window, stride, len), "{windows:?} on {len}");
            assert_eq!(windows.total(len), all.iter().map(|(range, _)| range.len() as u64).sum::<u64>());
            let scored: usize = all.iter().map(|(_, scored)| scored).sum();
            let unscored = if stride == window { all.len() } else { 1 };
            assert_eq!(scored, len - unscored, "{windows:?} on {len}");
        }
    }

    #[test]
    fn surprise_is_shared_out_over_other_tokens() {
        let perplexity = super::Perplexity { value: 16.0, tokens: 10 };
        assert_eq!(perplexity.over(10), perplexity);
        assert_eq!(
            perplexity.over(5),
            super::Perplexity { value: 256.0, tokens: 5 },
            "twice as much by each of half as many"
        );
    }

    #[test]
    fn what_makes_no_windows_is_refused() {
        let said = |window, stride, len| Windows { window, stride }.check(len).unwrap_err().to_string();
        assert_eq!(said(1, 1, 9), "window = 1: wanted at least 2 tokens");
        assert!(said(4, 0, 9).starts_with("stride = 0") && said(4, 5, 9).starts_with("stride = 5"));
        assert!(said(4, 4, 1).contains("choose a longer text"));
    }
}
