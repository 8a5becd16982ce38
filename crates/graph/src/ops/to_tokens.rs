use serde::{Deserialize, Serialize};

use crate::op::product;
use crate::{OpRule, Shape};

/// [channels, height, width] → [height * width, channels]: each place of the picture becomes a token.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ToTokens;

impl OpRule for ToTokens {
    fn infer(&self, inputs: &[&Shape]) -> Result<Shape, (String, String)> {
        match inputs {
            [x] if x.len() == 3 => Ok(vec![product(&x[1..]), x[0]]),
            other => Err(("[channels, height, width]".into(), format!("{other:?}"))),
        }
    }

    fn title(&self) -> String {
        "Places to tokens".into()
    }
}
