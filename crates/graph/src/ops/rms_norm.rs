use serde::{Deserialize, Serialize};

use crate::groups::{Grain, Side, Ties};
use crate::surgery::{Kept, runs_left};
use crate::{Axis, OpRule, ParamSpec, Role, Shape};

/// Divides by the root of the mean square, then scales (Zhang & Sennrich, 2019). Works on each run of `features`
/// entries of the last axis: on whole tokens, or on each head as Qwen3 does.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RmsNorm {
    pub features: usize,
    /// Added to the mean square.
    pub eps: f64,
    /// The mean is taken over so many features, those that are missing counting as 0; none: over `features`.
    pub over: Option<usize>,
}

impl RmsNorm {
    pub fn new(features: usize, eps: f64) -> Self {
        Self { features, eps, over: None }
    }
}

impl OpRule for RmsNorm {
    fn infer(&self, inputs: &[&Shape]) -> Result<Shape, (String, String)> {
        let fits = |x: &Shape| x.last().is_some_and(|last| last.checked_rem(self.features) == Some(0));
        match inputs {
            [x] if fits(x) => Ok((*x).clone()),
            other => {
                Err((format!("one input with a multiple of {} features last", self.features), format!("{other:?}")))
            }
        }
    }

    fn params(&self) -> Vec<ParamSpec> {
        vec![ParamSpec::new("weight", Role::Norm, &[(Axis::Feature, self.features)])]
    }

    fn ties(&self, ties: &mut Ties<'_>) {
        if ties.size(Side::Output) == self.features {
            return ties.same(&[Side::Output, Side::Input(0), Side::Param(0, 0)]);
        }
        match ties.grain() {
            // All heads share one scale, so that no single head can take its own away.
            Grain::Heads | Grain::QueryHeads => ties.same(&[Side::Output, Side::Input(0)]),
            Grain::HeadDims => {
                let place = |at| at % self.features;
                ties.join(&[(Side::Output, &place), (Side::Input(0), &place), (Side::Param(0, 0), &place)]);
            }
        }
    }

    fn shrink(&mut self, kept: &Kept<'_>) {
        let (_, left) = runs_left(kept.input(0), kept.input(0).len() / self.features);
        self.over = kept.over(self.over, self.features, left);
        self.features = left;
    }

    fn title(&self) -> String {
        format!("RMSNorm {}", self.features)
    }
}
