use serde::{Deserialize, Serialize};

use crate::groups::{Side, Ties, feature_axis};
use crate::{OpRule, Shape};

/// Values side by side along one axis of a sample: a U-Net's skip connections, the two halves of a bidirectional layer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Concat {
    pub axis: usize,
}

impl OpRule for Concat {
    fn infer(&self, inputs: &[&Shape]) -> Result<Shape, (String, String)> {
        let alike = |a: &Shape, b: &Shape| {
            a.len() == b.len() && a.iter().zip(b).enumerate().all(|(at, (a, b))| at == self.axis || a == b)
        };
        match inputs {
            [first, _, ..] if self.axis < first.len() && inputs.iter().all(|x| alike(first, x)) => {
                let mut shape = (*first).clone();
                shape[self.axis] = inputs.iter().map(|x| x[self.axis]).fold(0, usize::saturating_add);
                Ok(shape)
            }
            other => Err((format!("at least two inputs alike but for axis {}", self.axis), format!("{other:?}"))),
        }
    }

    fn ties(&self, ties: &mut Ties<'_>) {
        let mut start = 0;
        for at in 0..ties.inputs() {
            ties.join(&[(Side::Output, &|at| at), (Side::Input(at), &|at| start + at)]);
            if feature_axis(ties.input_shape(at)) == Some(self.axis) {
                start += ties.size(Side::Input(at));
            }
        }
    }

    fn title(&self) -> String {
        "Side by side".into()
    }
}
