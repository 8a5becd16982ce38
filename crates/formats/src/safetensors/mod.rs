//! The safetensors format: 8 bytes of header length, a JSON header, then the tensors' bytes.
//!
//! The `safetensors` crate wants the whole file in one buffer, counts in `usize` (4 GB in a browser) and keeps
//! one of two tensors of the same name. So the header is read and checked here; element types are the crate's.

mod error;
mod header;
mod recognise;
mod shards;
#[cfg(test)]
mod tests;
mod values;
mod write;

pub use error::FormatError;
pub use header::{Header, TensorInfo, read_header};
pub use shards::Shards;
pub use values::{narrow, read_f32, read_numbers, rounded};
pub use write::{Tensor, start, write};

/// Element types of the format. Sizes by [`Dtype::bitsize`].
pub use ::safetensors::Dtype;

/// Longest header accepted, in bytes; the same limit as upstream.
pub const HEADER_LIMIT: u64 = 100_000_000;
