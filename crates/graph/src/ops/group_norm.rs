use serde::{Deserialize, Serialize};

use crate::{Axis, OpRule, ParamSpec, Role, Shape};

/// Normalises groups of neighbouring channels of [channels, height, width] to mean 0 and variance 1, then scales and
/// shifts each channel (Wu & He, 2018).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct GroupNorm {
    pub channels: usize,
    pub groups: usize,
    /// Added to the variance.
    pub eps: f64,
}

impl OpRule for GroupNorm {
    fn infer(&self, inputs: &[&Shape]) -> Result<Shape, (String, String)> {
        let divides = self.channels.checked_rem(self.groups) == Some(0);
        match inputs {
            [x] if x.len() == 3 && x[0] == self.channels && divides => Ok((*x).clone()),
            other => {
                let want = format!("[{}, height, width], channels in {} equal groups", self.channels, self.groups);
                Err((want, format!("{other:?}")))
            }
        }
    }

    fn params(&self) -> Vec<ParamSpec> {
        ["weight", "bias"].map(|suffix| ParamSpec::new(suffix, Role::Norm, &[(Axis::Feature, self.channels)])).into()
    }

    fn title(&self) -> String {
        format!("GroupNorm {} in {}", self.channels, self.groups)
    }
}
