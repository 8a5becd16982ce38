//! Importance of weights.

pub mod accumulate;
pub mod gblm;
pub mod moments;
pub mod power;
pub mod taylor;
pub mod units;
pub mod wanda;
