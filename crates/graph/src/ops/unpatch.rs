use serde::{Deserialize, Serialize};

use crate::groups::{Side, Ties};
use crate::op::product;
use crate::{OpRule, Shape};

/// [height * width, patch * patch * channels] → [channels, height * patch, width * patch]: each token paints its patch,
/// its features row by row with the channel running fastest (DiT).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Unpatch {
    pub height: usize,
    pub width: usize,
    pub patch: usize,
    pub channels: usize,
}

impl OpRule for Unpatch {
    fn infer(&self, inputs: &[&Shape]) -> Result<Shape, (String, String)> {
        let &Self { height, width, patch, channels } = self;
        match inputs {
            [x] if x.as_slice() == [product(&[height, width]), product(&[patch, patch, channels])] => {
                Ok(vec![channels, height.saturating_mul(patch), width.saturating_mul(patch)])
            }
            other => {
                let want = format!("{height} × {width} tokens of {patch} × {patch} places, {channels} channels each");
                Err((want, format!("{other:?}")))
            }
        }
    }

    fn ties(&self, ties: &mut Ties<'_>) {
        ties.fix(Side::Input(0));
        ties.fix(Side::Output);
    }

    fn title(&self) -> String {
        format!("Patches {0}×{0} to picture", self.patch)
    }
}
