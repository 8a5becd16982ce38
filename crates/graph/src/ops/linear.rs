use serde::{Deserialize, Serialize};

use crate::op::product_u64;
use crate::surgery::Kept;
use crate::{Axis, OpRule, ParamSpec, Role, Shape};

/// y = x Wᵀ + b on the last axis; W is [outputs, inputs] as in PyTorch.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Linear {
    pub inputs: usize,
    pub outputs: usize,
    pub bias: bool,
    /// The checkpoint stores W as [inputs, outputs]: GPT-2's Conv1D.
    pub transposed: bool,
}

impl Linear {
    /// As PyTorch stores it.
    pub fn new(inputs: usize, outputs: usize, bias: bool) -> Self {
        Self { inputs, outputs, bias, transposed: false }
    }
}

impl OpRule for Linear {
    fn infer(&self, inputs: &[&Shape]) -> Result<Shape, (String, String)> {
        match inputs {
            [x] if x.last() == Some(&self.inputs) => {
                let mut shape = (*x).clone();
                shape[x.len() - 1] = self.outputs;
                Ok(shape)
            }
            other => Err((format!("one input with {} features last", self.inputs), format!("{other:?}"))),
        }
    }

    fn params(&self) -> Vec<ParamSpec> {
        let dims = [(Axis::Out, self.outputs), (Axis::In, self.inputs)];
        let weight = ParamSpec { transposed: self.transposed, ..ParamSpec::new("weight", Role::Weight, &dims) };
        let bias = self.bias.then(|| ParamSpec::new("bias", Role::Bias, &[(Axis::Out, self.outputs)]));
        [weight].into_iter().chain(bias).collect()
    }

    fn macs(&self, _inputs: &[&Shape], output: &Shape) -> u64 {
        product_u64(output).saturating_mul(self.inputs as u64)
    }

    fn shrink(&mut self, kept: &Kept<'_>) {
        (self.inputs, self.outputs) = (kept.inputs_left(0), kept.outputs_left());
    }

    fn title(&self) -> String {
        format!("Linear {} → {}", self.inputs, self.outputs)
    }
}
