use serde::{Deserialize, Serialize};

use crate::surgery::Kept;
use crate::{Axis, OpRule, ParamSpec, Role, Shape};

/// Normalises the last axis to mean 0 and variance 1, then scales and shifts it (Ba et al., 2016).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LayerNorm {
    pub features: usize,
    /// Added to the variance.
    pub eps: f64,
    /// Whether there are a scale and a shift; DiT's come from elsewhere.
    pub learned: bool,
    /// Mean and variance are taken over so many features, those that are missing counting as 0; none: over `features`.
    pub over: Option<usize>,
}

impl LayerNorm {
    /// With a learned scale and shift.
    pub fn new(features: usize, eps: f64) -> Self {
        Self { features, eps, learned: true, over: None }
    }
}

impl OpRule for LayerNorm {
    fn infer(&self, inputs: &[&Shape]) -> Result<Shape, (String, String)> {
        match inputs {
            [x] if x.last() == Some(&self.features) => Ok((*x).clone()),
            other => Err((format!("one input with {} features last", self.features), format!("{other:?}"))),
        }
    }

    fn params(&self) -> Vec<ParamSpec> {
        let spec = |suffix: &&str| ParamSpec::new(*suffix, Role::Norm, &[(Axis::Feature, self.features)]);
        ["weight", "bias"].iter().filter(|_| self.learned).map(spec).collect()
    }

    fn shrink(&mut self, kept: &Kept<'_>) {
        let left = kept.outputs_left();
        self.over = kept.over(self.over, self.features, left);
        self.features = left;
    }

    fn title(&self) -> String {
        format!("LayerNorm {}", self.features)
    }
}
