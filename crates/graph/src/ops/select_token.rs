use serde::{Deserialize, Serialize};

use crate::{OpRule, Shape};

/// One token of [tokens, features], by position.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SelectToken {
    pub index: usize,
}

impl OpRule for SelectToken {
    fn infer(&self, inputs: &[&Shape]) -> Result<Shape, (String, String)> {
        match inputs {
            [x] if x.len() == 2 && self.index < x[0] => Ok(vec![x[1]]),
            other => Err((format!("[tokens, features] with more than {} tokens", self.index), format!("{other:?}"))),
        }
    }

    fn title(&self) -> String {
        format!("Token {}", self.index)
    }
}
