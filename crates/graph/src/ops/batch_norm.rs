use serde::{Deserialize, Serialize};

use crate::surgery::Kept;
use crate::{Axis, OpRule, ParamSpec, Role, Shape};

/// Normalises each channel of [channels, height, width], or each feature of [features], by mean and variance that were
/// seen in training, then scales and shifts it (Ioffe & Szegedy, 2015).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct BatchNorm {
    pub channels: usize,
    /// Added to the variance.
    pub eps: f64,
}

impl OpRule for BatchNorm {
    fn infer(&self, inputs: &[&Shape]) -> Result<Shape, (String, String)> {
        match inputs {
            [x] if matches!(x.len(), 1 | 3) && x[0] == self.channels => Ok((*x).clone()),
            other => Err((format!("[{0}, height, width] or [{0}]", self.channels), format!("{other:?}"))),
        }
    }

    fn params(&self) -> Vec<ParamSpec> {
        let spec = |(suffix, role): (&str, Role)| ParamSpec::new(suffix, role, &[(Axis::Feature, self.channels)]);
        let seen = [("running_mean", Role::Statistic), ("running_var", Role::Statistic)];
        [("weight", Role::Norm), ("bias", Role::Norm)].into_iter().chain(seen).map(spec).collect()
    }

    fn shrink(&mut self, kept: &Kept<'_>) {
        self.channels = kept.outputs_left();
    }

    fn title(&self) -> String {
        format!("BatchNorm {}", self.channels)
    }
}
