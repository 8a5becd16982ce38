use serde::{Deserialize, Serialize};

use crate::op::product_u64;
use crate::{Axis, OpRule, ParamSpec, Role, Shape};

/// 2-D convolution on [channels, height, width]; W is [outputs, inputs, kernel, kernel] as in PyTorch.
/// Zero padding on all four sides.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Conv2d {
    pub inputs: usize,
    pub outputs: usize,
    pub kernel: usize,
    pub stride: usize,
    pub padding: usize,
    pub bias: bool,
}

impl OpRule for Conv2d {
    fn infer(&self, inputs: &[&Shape]) -> Result<Shape, (String, String)> {
        if self.kernel == 0 || self.stride == 0 {
            let got = format!("{} and {}", self.kernel, self.stride);
            return Err(("a kernel and a stride of at least 1".into(), got));
        }
        let out = |size: usize| {
            Some(size.checked_add(self.padding.checked_mul(2)?)?.checked_sub(self.kernel)? / self.stride + 1)
        };
        let shape = match inputs {
            [x] if x.len() == 3 && x[0] == self.inputs => out(x[1]).zip(out(x[2])),
            _ => None,
        };
        shape.map(|(height, width)| vec![self.outputs, height, width]).ok_or_else(|| {
            let want = format!("[{}, height, width] of at least the kernel's {} each way", self.inputs, self.kernel);
            (want, format!("{inputs:?}"))
        })
    }

    fn params(&self) -> Vec<ParamSpec> {
        let dims = [
            (Axis::Out, self.outputs),
            (Axis::In, self.inputs),
            (Axis::KernelHeight, self.kernel),
            (Axis::KernelWidth, self.kernel),
        ];
        let weight = ParamSpec::new("weight", Role::Weight, &dims);
        let bias = self.bias.then(|| ParamSpec::new("bias", Role::Bias, &dims[..1]));
        [weight].into_iter().chain(bias).collect()
    }

    fn macs(&self, _inputs: &[&Shape], output: &Shape) -> u64 {
        product_u64(output).saturating_mul(product_u64(&[self.inputs, self.kernel, self.kernel]))
    }

    fn title(&self) -> String {
        let Self { inputs, outputs, kernel, .. } = self;
        format!("Conv {kernel}×{kernel} {inputs} → {outputs}")
    }
}
