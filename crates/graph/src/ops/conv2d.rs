use serde::{Deserialize, Serialize};

use crate::groups::{Side, Ties};
use crate::op::product_u64;
use crate::surgery::Kept;
use crate::{Axis, OpRule, ParamSpec, Role, Shape};

/// 2-D convolution on [channels, height, width]; W is [outputs, inputs / groups, kernel, kernel] as in PyTorch.
/// Zero padding on all four sides. With `groups` = `inputs` it is depthwise (Howard et al., 2017).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Conv2d {
    pub inputs: usize,
    pub outputs: usize,
    pub kernel: usize,
    pub stride: usize,
    pub padding: usize,
    pub groups: usize,
    pub bias: bool,
}

impl Conv2d {
    /// Stride 1, no padding, one group, with a bias.
    pub fn new(inputs: usize, outputs: usize, kernel: usize) -> Self {
        Self { inputs, outputs, kernel, stride: 1, padding: 0, groups: 1, bias: true }
    }

    /// Input channels that one output channel sees.
    pub fn inputs_each(&self) -> usize {
        self.inputs.checked_div(self.groups).unwrap_or(0)
    }

    fn check(&self) -> Result<(), (String, String)> {
        if self.kernel == 0 || self.stride == 0 {
            let got = format!("{} and {}", self.kernel, self.stride);
            return Err(("a kernel and a stride of at least 1".into(), got));
        }
        let divides = |channels: usize| channels.checked_rem(self.groups) == Some(0);
        if !divides(self.inputs) || !divides(self.outputs) {
            let want = format!("groups that divide {} inputs and {} outputs", self.inputs, self.outputs);
            return Err((want, self.groups.to_string()));
        }
        Ok(())
    }
}

impl OpRule for Conv2d {
    fn infer(&self, inputs: &[&Shape]) -> Result<Shape, (String, String)> {
        self.check()?;
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
            (Axis::In, self.inputs_each()),
            (Axis::KernelHeight, self.kernel),
            (Axis::KernelWidth, self.kernel),
        ];
        let weight = ParamSpec::new("weight", Role::Weight, &dims);
        let bias = self.bias.then(|| ParamSpec::new("bias", Role::Bias, &dims[..1]));
        [weight].into_iter().chain(bias).collect()
    }

    fn macs(&self, _inputs: &[&Shape], output: &Shape) -> u64 {
        product_u64(output).saturating_mul(product_u64(&[self.inputs_each(), self.kernel, self.kernel]))
    }

    fn ties(&self, ties: &mut Ties<'_>) {
        let (ins, outs) = (self.inputs_each(), self.outputs / self.groups);
        // Depthwise, a channel goes with what is made of it. Other groups keep equal sizes: each loses the same places.
        let depthwise = self.groups > 1 && ins == 1;
        let place = |at: usize| if depthwise { at / outs } else { at % outs };
        let mut outputs: Vec<(Side, &dyn Fn(usize) -> usize)> =
            vec![(Side::Output, &place), (Side::Param(0, 0), &place)];
        if self.bias {
            outputs.push((Side::Param(1, 0), &place));
        }
        if depthwise {
            outputs.push((Side::Input(0), &|at| at));
        } else {
            ties.join(&[(Side::Input(0), &|at| at % ins), (Side::Param(0, 1), &|at| at)]);
        }
        ties.join(&outputs);
    }

    fn shrink(&mut self, kept: &Kept<'_>) {
        if self.groups > 1 && self.inputs_each() == 1 {
            self.groups = kept.inputs_left(0);
        }
        (self.inputs, self.outputs) = (kept.inputs_left(0), kept.outputs_left());
    }

    fn title(&self) -> String {
        let Self { inputs, outputs, kernel, groups, .. } = self;
        let kind = if *groups > 1 { "Grouped conv" } else { "Conv" };
        format!("{kind} {kernel}×{kernel} {inputs} → {outputs}")
    }
}
