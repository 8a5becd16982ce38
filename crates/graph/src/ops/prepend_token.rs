use serde::{Deserialize, Serialize};

use crate::surgery::Kept;
use crate::{Axis, OpRule, ParamSpec, Role, Shape};

/// Puts learned tokens before [tokens, features]: class, distillation or register tokens. The node carries their name.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PrependToken {
    pub tokens: usize,
    pub features: usize,
    /// The checkpoint stores one token as [features] (CLIP), not as [1, tokens, features].
    pub flat: bool,
}

impl PrependToken {
    /// One token, stored as [1, 1, features].
    pub fn one(features: usize) -> Self {
        Self { tokens: 1, features, flat: false }
    }
}

impl OpRule for PrependToken {
    fn infer(&self, inputs: &[&Shape]) -> Result<Shape, (String, String)> {
        let &Self { tokens, features, flat } = self;
        if flat && tokens != 1 {
            return Err(("one token in a vector of features".into(), tokens.to_string()));
        }
        match inputs {
            [x] if x.len() == 2 && x[1] == features => Ok(vec![x[0].saturating_add(tokens), x[1]]),
            other => Err((format!("[tokens, {features}]"), format!("{other:?}"))),
        }
    }

    fn params(&self) -> Vec<ParamSpec> {
        let count = if self.tokens == 1 { Axis::Unit } else { Axis::Token };
        let dims = [(Axis::Unit, 1), (count, self.tokens), (Axis::Feature, self.features)];
        vec![ParamSpec::new("", Role::Embedding, if self.flat { &dims[2..] } else { &dims })]
    }

    fn shrink(&mut self, kept: &Kept<'_>) {
        self.features = kept.outputs_left();
    }

    fn title(&self) -> String {
        match self.tokens {
            1 => "Learned token".into(),
            tokens => format!("{tokens} learned tokens"),
        }
    }
}
