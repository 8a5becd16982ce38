//! The bundled data set, pictures as models want them, and what is measured on a model's answers.

pub mod digits;
mod idx;
pub mod images;
pub mod metrics;

pub use idx::DataError;
