use serde::{Deserialize, Serialize};

use crate::groups::{Side, Ties};
use crate::op::product;
use crate::{OpRule, Shape};

/// All axes of a sample in one, row by row.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Flatten;

impl OpRule for Flatten {
    fn infer(&self, inputs: &[&Shape]) -> Result<Shape, (String, String)> {
        match inputs {
            [x] => Ok(vec![product(x)]),
            other => Err(("one input".into(), format!("{other:?}"))),
        }
    }

    fn ties(&self, ties: &mut Ties<'_>) {
        let shape = ties.input_shape(0).clone();
        match *shape {
            [_, height, width] => ties.join(&[(Side::Input(0), &|at| at), (Side::Output, &|at| at / (height * width))]),
            [_, features] => ties.join(&[(Side::Input(0), &|at| at), (Side::Output, &|at| at % features)]),
            _ => ties.same(&[Side::Input(0), Side::Output]),
        }
    }

    fn title(&self) -> String {
        "Flatten".into()
    }
}
