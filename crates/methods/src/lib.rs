//! The published ways to prune, composed from parts.
//!
//! A [`Method`] is given a [`Lab`] and a recipe and returns an [`Outcome`]. It sees a graph, parameters and
//! samples, but no model names, devices, files or clocks. [`ALL`] lists every method; adding one is a file in
//! `catalog/` and a word in its registry.

mod catalog;
mod lab;
mod method;
pub mod parts;
mod watch;

pub use catalog::{ALL, find};
pub use lab::{Cache, Lab};
pub use method::{Method, MethodError, Outcome, Run};
pub use parts::Scores;
pub use watch::{GateRow, Look, Steer, Trial, Unwatched, Watch};

#[cfg(test)]
mod tests;
