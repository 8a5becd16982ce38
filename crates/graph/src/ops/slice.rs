use serde::{Deserialize, Serialize};

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

    fn title(&self) -> String {
        format!("Part {}..{}", self.start, self.start.saturating_add(self.len))
    }
}
