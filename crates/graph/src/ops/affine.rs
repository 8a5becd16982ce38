use serde::{Deserialize, Serialize};

use crate::{OpRule, Shape};

/// scale * x + shift with fixed numbers, e.g. 1 + s in adaptive norms.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Affine {
    pub scale: f64,
    pub shift: f64,
}

impl OpRule for Affine {
    fn infer(&self, inputs: &[&Shape]) -> Result<Shape, (String, String)> {
        match inputs {
            [x] => Ok((*x).clone()),
            other => Err(("one input".into(), format!("{other:?}"))),
        }
    }

    fn title(&self) -> String {
        match (self.scale, self.shift) {
            (scale, 0.0) => format!("× {scale}"),
            (1.0, shift) => format!("+ {shift}"),
            (scale, shift) => format!("× {scale} + {shift}"),
        }
    }
}
