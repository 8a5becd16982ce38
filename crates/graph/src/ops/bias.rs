use serde::{Deserialize, Serialize};

use crate::surgery::Kept;
use crate::{Axis, OpRule, ParamSpec, Role, Shape};

/// Adds a learned vector to the last axis: the bias of a head whose matrix is tied. The node carries its name.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Bias {
    pub features: usize,
}

impl OpRule for Bias {
    fn infer(&self, inputs: &[&Shape]) -> Result<Shape, (String, String)> {
        match inputs {
            [x] if x.last() == Some(&self.features) => Ok((*x).clone()),
            other => Err((format!("one input with {} features last", self.features), format!("{other:?}"))),
        }
    }

    fn params(&self) -> Vec<ParamSpec> {
        vec![ParamSpec::new("", Role::Bias, &[(Axis::Feature, self.features)])]
    }

    fn shrink(&mut self, kept: &Kept<'_>) {
        self.features = kept.outputs_left();
    }

    fn title(&self) -> String {
        format!("Bias {}", self.features)
    }
}
