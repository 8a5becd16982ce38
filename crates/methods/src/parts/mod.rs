//! What methods are made of. Most methods are a composition of these in data.

pub mod allocate;
mod criterion;
pub mod fields;
mod one_shot;
mod pattern;
mod plan;
mod units;

pub use criterion::{Criterion, Scores};
pub use one_shot::OneShot;
pub use pattern::{Allocation, Cut, Pattern};
