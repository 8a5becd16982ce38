use serde::{Deserialize, Serialize};

use super::window::slide;
use crate::{OpRule, Shape};

/// Largest value of each `kernel` x `kernel` window of [channels, height, width]; what does not fill a window is
/// dropped, padding never wins.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MaxPool2d {
    pub kernel: usize,
    pub stride: usize,
    pub padding: usize,
}

impl MaxPool2d {
    /// Windows side by side.
    pub fn tiled(kernel: usize) -> Self {
        Self { kernel, stride: kernel, padding: 0 }
    }
}

impl OpRule for MaxPool2d {
    fn infer(&self, inputs: &[&Shape]) -> Result<Shape, (String, String)> {
        slide(inputs, self.kernel, self.stride, self.padding)
    }

    fn title(&self) -> String {
        format!("Max pool {0}×{0}", self.kernel)
    }
}
