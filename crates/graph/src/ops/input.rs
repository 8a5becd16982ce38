use serde::{Deserialize, Serialize};

use crate::groups::{Side, Ties};
use crate::{OpRule, Shape};

/// What is handed to the model under the node's name: `image`, `tokens`, `timestep` ... `shape` leaves the batch axis
/// out; texts may be shorter, see [`crate::Graph::resized`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Input {
    pub shape: Shape,
    /// Zeros where nothing is given, e.g. a text's segments.
    pub optional: bool,
}

impl Input {
    /// An input that must be given.
    pub fn new(shape: &[usize]) -> Self {
        Self { shape: shape.to_vec(), optional: false }
    }
}

impl OpRule for Input {
    fn infer(&self, inputs: &[&Shape]) -> Result<Shape, (String, String)> {
        match inputs {
            [] => Ok(self.shape.clone()),
            other => Err(("no inputs".into(), format!("{other:?}"))),
        }
    }

    fn ties(&self, ties: &mut Ties<'_>) {
        ties.fix(Side::Output);
    }

    fn title(&self) -> String {
        format!("Input {:?}", self.shape)
    }
}
