use serde::{Deserialize, Serialize};

use crate::groups::{Side, Ties};
use crate::{OpRule, Shape};

/// The token of [tokens, features] at which the second input [tokens] is largest, the first of several: CLIP reads a
/// text's summary where its end mark, the highest token id, stands.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SelectHighest;

impl OpRule for SelectHighest {
    fn infer(&self, inputs: &[&Shape]) -> Result<Shape, (String, String)> {
        match inputs {
            [x, ids] if x.len() == 2 && ids.as_slice() == [x[0]] && x[0] > 0 => Ok(vec![x[1]]),
            other => Err(("[tokens, features] and [tokens]".into(), format!("{other:?}"))),
        }
    }

    fn ties(&self, ties: &mut Ties<'_>) {
        ties.same(&[Side::Output, Side::Input(0)]);
    }

    fn title(&self) -> String {
        "Token of the highest id".into()
    }
}
