use serde::{Deserialize, Serialize};

use crate::groups::{Side, Ties};
use crate::{OpRule, Shape};

/// A number (a diffusion time step) as sines and cosines of falling frequency, [] → [features]
/// (Ho et al., 2020, after Vaswani et al., 2017).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Timestep {
    pub features: usize,
    /// Cosines stand before sines.
    pub cosines_first: bool,
    /// Frequencies are 10000^(-i / (features / 2 - shift)).
    pub shift: f64,
}

impl OpRule for Timestep {
    fn infer(&self, inputs: &[&Shape]) -> Result<Shape, (String, String)> {
        match inputs {
            [x] if x.is_empty() && self.features.is_multiple_of(2) && self.features / 2 > self.shift as usize => {
                Ok(vec![self.features])
            }
            other => Err(("one number, and an even number of features".into(), format!("{other:?}"))),
        }
    }

    fn ties(&self, ties: &mut Ties<'_>) {
        ties.fix(Side::Output);
    }

    fn title(&self) -> String {
        format!("Time step as {} waves", self.features)
    }
}
