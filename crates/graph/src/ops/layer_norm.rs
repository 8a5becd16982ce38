use serde::{Deserialize, Serialize};

use crate::{Axis, OpRule, ParamSpec, Role, Shape};

/// Normalises the last axis to mean 0 and variance 1, then scales and shifts it (Ba et al., 2016).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LayerNorm {
    pub features: usize,
    /// Added to the variance.
    pub eps: f64,
}

impl OpRule for LayerNorm {
    fn infer(&self, inputs: &[&Shape]) -> Result<Shape, (String, String)> {
        match inputs {
            [x] if x.last() == Some(&self.features) => Ok((*x).clone()),
            other => Err((format!("one input with {} features last", self.features), format!("{other:?}"))),
        }
    }

    fn params(&self) -> Vec<ParamSpec> {
        ["weight", "bias"].map(|suffix| ParamSpec::new(suffix, Role::Norm, &[(Axis::Feature, self.features)])).into()
    }

    fn title(&self) -> String {
        format!("LayerNorm {}", self.features)
    }
}
