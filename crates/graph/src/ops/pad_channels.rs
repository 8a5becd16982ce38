use serde::{Deserialize, Serialize};

use crate::{OpRule, Shape};

/// Channels of zeros before and after those of [channels, height, width]: how a ResNet for CIFAR widens its shortcut
/// without parameters (He et al., 2015, option A).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PadChannels {
    pub before: usize,
    pub after: usize,
}

impl OpRule for PadChannels {
    fn infer(&self, inputs: &[&Shape]) -> Result<Shape, (String, String)> {
        match inputs {
            [x] if x.len() == 3 => Ok(vec![x[0].saturating_add(self.before).saturating_add(self.after), x[1], x[2]]),
            other => Err(("[channels, height, width]".into(), format!("{other:?}"))),
        }
    }

    fn title(&self) -> String {
        format!("Pad {} and {} channels", self.before, self.after)
    }
}
