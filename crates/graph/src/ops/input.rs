use serde::{Deserialize, Serialize};

use crate::{OpRule, Shape};

/// The samples handed to the model. `shape` leaves the batch axis out.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Input {
    pub shape: Shape,
}

impl OpRule for Input {
    fn infer(&self, inputs: &[&Shape]) -> Result<Shape, (String, String)> {
        match inputs {
            [] => Ok(self.shape.clone()),
            other => Err(("no inputs".into(), format!("{other:?}"))),
        }
    }

    fn title(&self) -> String {
        format!("Input {:?}", self.shape)
    }
}
