use serde::{Deserialize, Serialize};

use crate::{OpRule, Shape};

/// Zeros around [channels, height, width]: `before` rows above and columns to the left, `after` below and to the right.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Pad2d {
    pub before: usize,
    pub after: usize,
}

impl OpRule for Pad2d {
    fn infer(&self, inputs: &[&Shape]) -> Result<Shape, (String, String)> {
        let padded = |size: usize| size.saturating_add(self.before).saturating_add(self.after);
        match inputs {
            [x] if x.len() == 3 => Ok(vec![x[0], padded(x[1]), padded(x[2])]),
            other => Err(("[channels, height, width]".into(), format!("{other:?}"))),
        }
    }

    fn title(&self) -> String {
        format!("Pad {} and {}", self.before, self.after)
    }
}
