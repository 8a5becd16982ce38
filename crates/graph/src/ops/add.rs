use serde::{Deserialize, Serialize};

use super::broadcast::broadcast;
use crate::{OpRule, Shape};

/// Sum of two values, e.g. the residual connection. The second may be a vector of features, which then
/// meets every token or place of the first.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Add;

impl OpRule for Add {
    fn infer(&self, inputs: &[&Shape]) -> Result<Shape, (String, String)> {
        broadcast(inputs)
    }

    fn title(&self) -> String {
        "Add".into()
    }
}
