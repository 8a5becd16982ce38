//! What methods are made of. Most methods are a composition of these in data.

pub mod allocate;
pub(crate) mod compensate;
pub(crate) mod criterion;
pub(crate) mod deltas;
pub mod fields;
pub(crate) mod gates;
#[cfg(test)]
pub(crate) mod golden;
pub(crate) mod learn;
mod one_shot;
mod pattern;
mod plan;
pub(crate) mod recover;
pub mod schedule;
pub(crate) mod search;
pub(crate) mod sparse;
pub(crate) mod units;

pub use compensate::Compensation;
pub use criterion::{Columns, Criterion, Evidence, Formula, Lift, Members, Needs, Scores};
pub use one_shot::OneShot;
pub(crate) use one_shot::changed;
pub use pattern::{Allocation, Cut, Pattern};
pub use sparse::{SparseTraining, Tickets};
