//! Gates that are learned, and what a loss's gradient by a gate becomes behind it.

pub mod hard_concrete;
pub mod open;
pub mod sigmoid_slope;
pub mod soft_mask;

/// 1 / (1 + exp(-x)).
fn sigmoid(x: f64) -> f64 {
    1.0 / (1.0 + (-x).exp())
}
