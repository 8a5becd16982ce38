use serde::{Deserialize, Serialize};

use crate::{OpRule, Shape};

/// Mean over all places of a picture, [channels, height, width] → [channels]: the global pool before a classifier.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MeanPlaces;

impl OpRule for MeanPlaces {
    fn infer(&self, inputs: &[&Shape]) -> Result<Shape, (String, String)> {
        match inputs {
            [x] if x.len() == 3 && x[1] > 0 && x[2] > 0 => Ok(vec![x[0]]),
            other => Err(("[channels, height, width]".into(), format!("{other:?}"))),
        }
    }

    fn title(&self) -> String {
        "Mean of places".into()
    }
}
