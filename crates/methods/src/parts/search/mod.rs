//! Searching: ways to decide what goes by looking at what a model without it answers. A search knows candidates and what
//! they cost; what a candidate is and how it is measured is the method's affair.

mod distance;
mod evolve;
mod greedy;
mod judge;
mod knapsack;
mod levels;
mod skips;

pub(crate) use distance::Distance;
pub(crate) use evolve::{Evolution, Evolved, Round};
pub(crate) use greedy::{Gone, alone, greedy};
pub(crate) use judge::Judge;
pub(crate) use knapsack::{Choice, knapsack};
pub(crate) use levels::{Compressor, Levels};
pub(crate) use skips::Skips;
