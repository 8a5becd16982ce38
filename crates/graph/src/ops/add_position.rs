use serde::{Deserialize, Serialize};

use crate::{Axis, OpRule, ParamSpec, Role, Shape};

/// Adds a learned vector to each of [tokens, features]. The node carries its name.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AddPosition {
    pub tokens: usize,
    pub features: usize,
}

impl OpRule for AddPosition {
    fn infer(&self, inputs: &[&Shape]) -> Result<Shape, (String, String)> {
        match inputs {
            [x] if x.as_slice() == [self.tokens, self.features] => Ok((*x).clone()),
            other => Err((format!("[{}, {}]", self.tokens, self.features), format!("{other:?}"))),
        }
    }

    fn params(&self) -> Vec<ParamSpec> {
        let dims = [(Axis::Unit, 1), (Axis::Token, self.tokens), (Axis::Feature, self.features)];
        vec![ParamSpec::new("", Role::Embedding, &dims)]
    }

    fn title(&self) -> String {
        "Positions".into()
    }
}
