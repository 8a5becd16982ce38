//! What only language models can do.

mod generate;
mod perplexity;
mod questions;

pub(crate) use generate::{Text, begun, generate, write};
pub(crate) use perplexity::{evaluate, metric};
pub(crate) use questions::{Asker, ask};
