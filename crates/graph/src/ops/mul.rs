use serde::{Deserialize, Serialize};

use super::broadcast::broadcast;
use crate::{OpRule, Shape};

/// Product of two values, entry by entry, e.g. the gate of a gated MLP. The second may be a vector of features, which then
/// meets every token or place of the first.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Mul;

impl OpRule for Mul {
    fn infer(&self, inputs: &[&Shape]) -> Result<Shape, (String, String)> {
        broadcast(inputs)
    }

    fn title(&self) -> String {
        "Multiply".into()
    }
}
