use serde::{Deserialize, Serialize};

use crate::{OpRule, Shape};

/// Sum of two values of one shape: the residual connection.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Add;

impl OpRule for Add {
    fn infer(&self, inputs: &[&Shape]) -> Result<Shape, (String, String)> {
        match inputs {
            [a, b] if a == b => Ok((*a).clone()),
            other => Err(("two inputs of one shape".into(), format!("{other:?}"))),
        }
    }

    fn title(&self) -> String {
        "Add".into()
    }
}
