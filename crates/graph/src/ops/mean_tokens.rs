use serde::{Deserialize, Serialize};

use crate::{OpRule, Shape};

/// Mean over tokens, [tokens, features] → [features], without the first few special ones.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MeanTokens {
    /// The first token that counts.
    pub from: usize,
}

impl OpRule for MeanTokens {
    fn infer(&self, inputs: &[&Shape]) -> Result<Shape, (String, String)> {
        match inputs {
            [x] if x.len() == 2 && self.from < x[0] => Ok(vec![x[1]]),
            other => Err((format!("[tokens, features] with more than {} tokens", self.from), format!("{other:?}"))),
        }
    }

    fn title(&self) -> String {
        "Mean of tokens".into()
    }
}
