use serde::{Deserialize, Serialize};

use crate::op::product;
use crate::{OpRule, Shape};

/// All axes of a sample in one, row by row.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Flatten;

impl OpRule for Flatten {
    fn infer(&self, inputs: &[&Shape]) -> Result<Shape, (String, String)> {
        match inputs {
            [x] => Ok(vec![product(x)]),
            other => Err(("one input".into(), format!("{other:?}"))),
        }
    }

    fn title(&self) -> String {
        "Flatten".into()
    }
}
