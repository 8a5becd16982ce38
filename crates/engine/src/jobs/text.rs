//! What only language models can do.

mod generate;
mod perplexity;

pub(crate) use generate::{generate, write};
pub(crate) use perplexity::{evaluate, metric};
