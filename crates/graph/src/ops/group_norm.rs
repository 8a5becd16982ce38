use serde::{Deserialize, Serialize};

use crate::groups::{Side, Ties};
use crate::surgery::Kept;
use crate::{Axis, OpRule, ParamSpec, Role, Shape};

/// Normalises groups of neighbouring channels of [channels, height, width] to mean 0 and variance 1, then scales and
/// shifts each channel (Wu & He, 2018).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct GroupNorm {
    pub channels: usize,
    pub groups: usize,
    /// Added to the variance.
    pub eps: f64,
    /// Mean and variance are taken over so many channels of each group, those that are missing counting as 0; none: over
    /// all that the group has.
    pub over: Option<usize>,
}

impl GroupNorm {
    pub fn new(channels: usize, groups: usize, eps: f64) -> Self {
        Self { channels, groups, eps, over: None }
    }
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

    fn ties(&self, ties: &mut Ties<'_>) {
        // Groups stay equal: each loses the same places.
        let each = self.channels / self.groups;
        let place = |at| at % each;
        let all = [Side::Output, Side::Input(0), Side::Param(0, 0), Side::Param(1, 0)];
        ties.join(&all.map(|side| (side, &place as &dyn Fn(usize) -> usize)));
    }

    fn shrink(&mut self, kept: &Kept<'_>) {
        let left = kept.outputs_left();
        self.over = kept.over(self.over, self.channels / self.groups, left / self.groups);
        self.channels = left;
    }

    fn title(&self) -> String {
        format!("GroupNorm {} in {}", self.channels, self.groups)
    }
}
