//! Files in and out: safetensors, read header first and tensor by tensor, ONNX, and JSON configurations.
//!
//! Nothing here opens a file itself: hosts implement [`ReadAt`] for wherever their files live.
//! Every error is one sentence: what was wanted, what came, where, and what to do next.

pub mod config;
pub mod onnx;
mod picture;
mod read_ahead;
mod read_at;
pub mod safetensors;
mod tokenizer;

pub use config::ConfigError;
pub use picture::{Picture, PictureError};
pub use read_ahead::ReadAhead;
pub use read_at::{MemoryFile, ReadAt, ReadError};
pub use safetensors::FormatError;
pub use tokenizer::{Tokenizer, TokenizerError, learn_bpe};

/// Text out of a file, fit for an error message: short and on one line, whatever it holds.
fn clip(text: &str) -> String {
    const LONGEST: usize = 120;
    let mut clipped: String = text.chars().take(LONGEST).map(|c| if c.is_control() { ' ' } else { c }).collect();
    if text.chars().nth(LONGEST).is_some() {
        clipped.push_str("...");
    }
    clipped
}

/// [`clip`] in quotation marks.
pub fn quote(text: &str) -> String {
    format!("\"{}\"", clip(text))
}
