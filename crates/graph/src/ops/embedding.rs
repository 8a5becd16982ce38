use serde::{Deserialize, Serialize};

use crate::groups::{Side, Ties};
use crate::surgery::Kept;
use crate::{Axis, OpRule, ParamSpec, Role, Shape};

/// Looks numbered entries (tokens, classes) up in a table [entries, features]: [tokens] → [tokens, features], and
/// one number without an axis → [features].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Embedding {
    pub entries: usize,
    pub features: usize,
}

impl OpRule for Embedding {
    fn infer(&self, inputs: &[&Shape]) -> Result<Shape, (String, String)> {
        match inputs {
            [x] if x.len() <= 1 => Ok(x.iter().copied().chain([self.features]).collect()),
            other => Err(("[tokens], or one number".into(), format!("{other:?}"))),
        }
    }

    fn params(&self) -> Vec<ParamSpec> {
        let dims = [(Axis::Out, self.entries), (Axis::Feature, self.features)];
        vec![ParamSpec::new("weight", Role::Embedding, &dims)]
    }

    fn ties(&self, ties: &mut Ties<'_>) {
        ties.same(&[Side::Output, Side::Param(0, 1)]);
    }

    fn shrink(&mut self, kept: &Kept<'_>) {
        (self.entries, self.features) = (kept.entries_left(0, 0), kept.outputs_left());
    }

    fn title(&self) -> String {
        format!("Embedding {} × {}", self.entries, self.features)
    }
}
