//! Models as ONNX files, which other people's software runs.

mod write;

pub use write::{Export, export};
