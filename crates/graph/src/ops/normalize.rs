use serde::{Deserialize, Serialize};

use crate::{OpRule, Shape};

/// Scales the last axis to Euclidean length 1, as sentence embeddings are compared.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Normalize;

impl OpRule for Normalize {
    fn infer(&self, inputs: &[&Shape]) -> Result<Shape, (String, String)> {
        match inputs {
            [x] if !x.is_empty() => Ok((*x).clone()),
            other => Err(("one input with features".into(), format!("{other:?}"))),
        }
    }

    fn title(&self) -> String {
        "Length 1".into()
    }
}
