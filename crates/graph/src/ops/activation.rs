use serde::{Deserialize, Serialize};

use crate::{OpRule, Shape};

/// An elementwise function.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Activation {
    Relu,
    /// Exact, with erf (Hendrycks & Gimpel, 2016).
    Gelu,
}

impl OpRule for Activation {
    fn infer(&self, inputs: &[&Shape]) -> Result<Shape, (String, String)> {
        match inputs {
            [x] => Ok((*x).clone()),
            other => Err(("one input".into(), format!("{other:?}"))),
        }
    }

    fn title(&self) -> String {
        match self {
            Self::Relu => "ReLU".into(),
            Self::Gelu => "GELU".into(),
        }
    }
}
