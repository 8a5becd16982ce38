use serde::{Deserialize, Serialize};

use crate::{OpRule, Shape};

/// Each place of [channels, height, width] becomes `factor` x `factor` equal ones.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Upsample {
    pub factor: usize,
}

impl OpRule for Upsample {
    fn infer(&self, inputs: &[&Shape]) -> Result<Shape, (String, String)> {
        match inputs {
            [x] if x.len() == 3 && self.factor > 0 => {
                Ok(vec![x[0], x[1].saturating_mul(self.factor), x[2].saturating_mul(self.factor)])
            }
            other => Err(("[channels, height, width] and a factor".into(), format!("{other:?}"))),
        }
    }

    fn title(&self) -> String {
        format!("Upsample ×{}", self.factor)
    }
}
