use serde::{Deserialize, Serialize};

use crate::{OpRule, Shape};

/// The last token of [tokens, features], however long the text is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LastToken;

impl OpRule for LastToken {
    fn infer(&self, inputs: &[&Shape]) -> Result<Shape, (String, String)> {
        match inputs {
            [x] if x.len() == 2 && x[0] > 0 => Ok(vec![x[1]]),
            other => Err(("[tokens, features] with at least one token".into(), format!("{other:?}"))),
        }
    }

    fn title(&self) -> String {
        "Last token".into()
    }
}
