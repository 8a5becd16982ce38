//! Importance of weights.

pub mod wanda;
