use crate::Kernel;
use crate::check::{Buffer, Noise};

/// What a weight [outputs, inputs] is multiplied by, entry by entry.
#[derive(Clone, Copy, Debug)]
pub enum Factor<'a> {
    One,
    /// Bit i of word i / 32 for entry i, row by row: 1 stays, 0 goes.
    Mask(&'a [u32]),
    /// [inputs]
    Inputs(&'a [f32]),
    /// [outputs]
    Outputs(&'a [f32]),
}

impl<'a> Factor<'a> {
    /// For the weight from `input` to `output`, of so many inputs.
    pub fn at(&self, output: usize, input: usize, inputs: usize) -> f32 {
        let entry = output * inputs + input;
        match self {
            Self::One => 1.0,
            Self::Mask(bits) => (bits[entry / 32] >> (entry % 32) & 1) as f32,
            Self::Inputs(gates) => gates[input],
            Self::Outputs(gates) => gates[output],
        }
    }

    /// As it is bound for one of the shader's variants.
    pub(super) fn bound(kernel: &Kernel, buffer: Option<&'a Buffer>) -> Self {
        match buffer {
            None => Self::One,
            Some(Buffer::U32(bits)) => Self::Mask(bits),
            Some(Buffer::F32(gates)) if kernel.name.starts_with("gated_in") => Self::Inputs(gates),
            Some(Buffer::F32(gates)) => Self::Outputs(gates),
        }
    }

    /// Contents for it, where the variant has one.
    pub(super) fn noise(kernel: &Kernel, noise: &mut Noise, outputs: usize, inputs: usize) -> Option<Buffer> {
        let kind = kernel.name.split('_').take(2).collect::<Vec<_>>();
        match kind.as_slice() {
            ["masked", ..] => Some(Buffer::U32((0..(outputs * inputs).div_ceil(32)).map(|_| noise.word()).collect())),
            ["gated", "in"] => Some(Buffer::F32(noise.many(inputs))),
            ["gated", "out"] => Some(Buffer::F32(noise.many(outputs))),
            _ => None,
        }
    }
}
