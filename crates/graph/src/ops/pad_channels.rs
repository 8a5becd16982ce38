use serde::{Deserialize, Serialize};

use crate::groups::{Side, Ties};
use crate::surgery::{Kept, count};
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

    fn ties(&self, ties: &mut Ties<'_>) {
        ties.join(&[(Side::Output, &|at| at), (Side::Input(0), &|at| self.before + at)]);
    }

    fn shrink(&mut self, kept: &Kept<'_>) {
        let outputs = kept.output();
        let after = outputs.len() - self.after;
        (self.before, self.after) = (count(&outputs[..self.before]), count(&outputs[after..]));
    }

    fn title(&self) -> String {
        format!("Pad {} and {} channels", self.before, self.after)
    }
}
