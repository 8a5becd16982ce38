//! The bundled data set, stories from a grammar, pictures as models want them, and what is measured on a model's answers.

pub mod digits;
mod idx;
pub mod images;
pub mod metrics;
pub mod pixels;
pub mod resample;
pub mod stories;

pub use idx::DataError;
