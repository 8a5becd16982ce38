use serde::{Deserialize, Serialize};

use crate::groups::{Side, Ties, feature_axis};
use crate::surgery::{Kept, count};
use crate::{OpRule, Shape};

/// `len` entries of one axis of a sample, from `start` on: a part of a fused projection.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Slice {
    pub axis: usize,
    pub start: usize,
    pub len: usize,
}

impl OpRule for Slice {
    fn infer(&self, inputs: &[&Shape]) -> Result<Shape, (String, String)> {
        let end = self.start.saturating_add(self.len);
        match inputs {
            [x] if x.get(self.axis).is_some_and(|size| end <= *size) => {
                let mut shape = (*x).clone();
                shape[self.axis] = self.len;
                Ok(shape)
            }
            other => {
                Err((format!("one input with at least {end} entries on axis {}", self.axis), format!("{other:?}")))
            }
        }
    }

    fn ties(&self, ties: &mut Ties<'_>) {
        let start = if feature_axis(ties.input_shape(0)) == Some(self.axis) { self.start } else { 0 };
        ties.join(&[(Side::Input(0), &|at| at), (Side::Output, &|at| start + at)]);
    }

    fn shrink(&mut self, kept: &Kept<'_>) {
        let features = kept.input(0);
        if kept.feature_axis(0) == Some(self.axis) {
            (self.start, self.len) = (count(&features[..self.start]), kept.outputs_left());
        }
    }

    fn title(&self) -> String {
        format!("Part {}..{}", self.start, self.start.saturating_add(self.len))
    }
}
