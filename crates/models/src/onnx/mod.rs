//! Models as ONNX files: written for other people's software, and read from it.

mod names;
mod read;
mod write;

pub use read::{Imported, Onnx, Piece};
pub use write::{Export, export};
