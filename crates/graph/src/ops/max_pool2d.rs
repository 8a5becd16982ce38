use serde::{Deserialize, Serialize};

use crate::{OpRule, Shape};

/// Largest value of each `kernel` x `kernel` window of [channels, height, width], windows side by side;
/// what does not fill a window is dropped.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MaxPool2d {
    pub kernel: usize,
}

impl OpRule for MaxPool2d {
    fn infer(&self, inputs: &[&Shape]) -> Result<Shape, (String, String)> {
        match inputs {
            [x] if x.len() == 3 && self.kernel > 0 && x[1] >= self.kernel && x[2] >= self.kernel => {
                Ok(vec![x[0], x[1] / self.kernel, x[2] / self.kernel])
            }
            other => {
                Err((format!("[channels, height, width] of at least {} each way", self.kernel), format!("{other:?}")))
            }
        }
    }

    fn title(&self) -> String {
        format!("Max pool {0}×{0}", self.kernel)
    }
}
