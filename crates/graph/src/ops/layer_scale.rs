use serde::{Deserialize, Serialize};

use crate::surgery::Kept;
use crate::{Axis, OpRule, ParamSpec, Role, Shape};

/// Multiplies the last axis by a learned vector (Touvron et al., 2021). The node carries its name.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LayerScale {
    pub features: usize,
}

impl OpRule for LayerScale {
    fn infer(&self, inputs: &[&Shape]) -> Result<Shape, (String, String)> {
        match inputs {
            [x] if x.last() == Some(&self.features) => Ok((*x).clone()),
            other => Err((format!("one input with {} features last", self.features), format!("{other:?}"))),
        }
    }

    fn params(&self) -> Vec<ParamSpec> {
        vec![ParamSpec::new("", Role::Norm, &[(Axis::Feature, self.features)])]
    }

    fn shrink(&mut self, kept: &Kept<'_>) {
        self.features = kept.outputs_left();
    }

    fn title(&self) -> String {
        format!("LayerScale {}", self.features)
    }
}
