//! Texts through a language model, from left to right: read, gone on with, and scored.

mod choose;
mod generate;
mod perplexity;
mod read;

pub use choose::{check, choose};
pub use generate::{Beginning, Continuation, End, generate};
pub use perplexity::{Perplexity, Windows, perplexity};
pub use read::{Read, Reader};
