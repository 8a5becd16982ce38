use serde::{Deserialize, Serialize};

use crate::{Axis, OpRule, ParamSpec, Role, Shape};

/// Puts one learned token before [tokens, features]: the class or distillation token. The node carries its name.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PrependToken {
    pub features: usize,
}

impl OpRule for PrependToken {
    fn infer(&self, inputs: &[&Shape]) -> Result<Shape, (String, String)> {
        match inputs {
            [x] if x.len() == 2 && x[1] == self.features => Ok(vec![x[0].saturating_add(1), x[1]]),
            other => Err((format!("[tokens, {}]", self.features), format!("{other:?}"))),
        }
    }

    fn params(&self) -> Vec<ParamSpec> {
        let dims = [(Axis::Unit, 1), (Axis::Unit, 1), (Axis::Feature, self.features)];
        vec![ParamSpec::new("", Role::Embedding, &dims)]
    }

    fn title(&self) -> String {
        "Learned token".into()
    }
}
