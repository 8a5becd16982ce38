//! Runs a [`Graph`](secateur_graph::Graph) on burn tensors: on a GPU through wgpu, on the CPU through flex.
//!
//! Nothing here reads a tensor back synchronously, so the same code runs in a browser tab. Every long loop
//! takes a [`Meter`]: it reports progress, yields to the host and may say that the user has had enough.

mod backward;
mod bench;
mod calibrate;
mod compute;
mod error;
mod evaluate;
mod forward;
mod gates;
mod gradients;
mod init;
mod inputs;
mod logits;
mod memory;
mod meter;
mod packed;
mod params;
mod probe;
mod relevance;
pub mod rng;
mod score;
mod surgery;
#[cfg(test)]
mod tests;
pub mod text;
pub mod train;
mod value;

pub use backward::backward;
pub use bench::{DrawingBench, Product, ProductBench, ScoreBench, Way, Work};
pub use calibrate::{
    Calibration, Change, Gather, Gathered, Gram, Grams, MeanVariance, Moments, Seen, Squares, Sums, batch_norms,
    calibrate, shared_inputs,
};
pub use compute::{Compute, DeviceError};
pub use error::ExecError;
pub use forward::{Tap, forward, forward_gated, forward_next, outputs, outputs_gated};
pub use gates::Gates;
pub use gradients::{Backward, GradMoment, Gradients, each_gradient, gradients};
pub use inputs::Inputs;
pub use logits::{BATCH, logits, logits_of};
pub use memory::Memory;
pub use meter::{Cancelled, Meter, Part, Silent, Tick};
pub use packed::Crossover;
pub use params::Params;
pub use probe::{entries, probe, probe_among, shortened};
pub use score::score;
pub use value::Value;
