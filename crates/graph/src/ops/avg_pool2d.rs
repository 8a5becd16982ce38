use serde::{Deserialize, Serialize};

use super::window::slide;
use crate::{OpRule, Shape};

/// Mean of each `kernel` x `kernel` window of [channels, height, width], windows side by side; what does not fill a
/// window is dropped.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AvgPool2d {
    pub kernel: usize,
}

impl OpRule for AvgPool2d {
    fn infer(&self, inputs: &[&Shape]) -> Result<Shape, (String, String)> {
        slide(inputs, self.kernel, self.kernel, 0)
    }

    fn title(&self) -> String {
        format!("Mean pool {0}×{0}", self.kernel)
    }
}
