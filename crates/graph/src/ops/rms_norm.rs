use serde::{Deserialize, Serialize};

use crate::{Axis, OpRule, ParamSpec, Role, Shape};

/// Divides by the root of the mean square, then scales (Zhang & Sennrich, 2019). Works on each run of `features`
/// entries of the last axis: on whole tokens, or on each head as Qwen3 does.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RmsNorm {
    pub features: usize,
    /// Added to the mean square.
    pub eps: f64,
}

impl OpRule for RmsNorm {
    fn infer(&self, inputs: &[&Shape]) -> Result<Shape, (String, String)> {
        let fits = |x: &Shape| x.last().is_some_and(|last| last.checked_rem(self.features) == Some(0));
        match inputs {
            [x] if fits(x) => Ok((*x).clone()),
            other => {
                Err((format!("one input with a multiple of {} features last", self.features), format!("{other:?}")))
            }
        }
    }

    fn params(&self) -> Vec<ParamSpec> {
        vec![ParamSpec::new("weight", Role::Norm, &[(Axis::Feature, self.features)])]
    }

    fn title(&self) -> String {
        format!("RMSNorm {}", self.features)
    }
}
