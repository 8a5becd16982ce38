use serde::{Deserialize, Serialize};

use crate::op::product;
use crate::{OpRule, Shape};

/// [height * width, channels] → [channels, height, width]: tokens back to places of a picture.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ToPlaces {
    pub height: usize,
    pub width: usize,
}

impl OpRule for ToPlaces {
    fn infer(&self, inputs: &[&Shape]) -> Result<Shape, (String, String)> {
        match inputs {
            [x] if x.len() == 2 && x[0] == product(&[self.height, self.width]) => {
                Ok(vec![x[1], self.height, self.width])
            }
            other => Err((format!("{} × {} tokens", self.height, self.width), format!("{other:?}"))),
        }
    }

    fn title(&self) -> String {
        "Tokens to places".into()
    }
}
