use burn::tensor::{DType, Device, Int, Tensor, TensorData};
use secateur_graph::Mask;

use super::kernels_run_on;
use crate::KernelError;

/// Which weights of a matrix [N, K] are kept, on a device.
#[derive(Clone, Debug)]
pub struct PackedMask {
    shape: [usize; 2],
    pub(super) form: Form,
}

#[derive(Clone, Debug)]
pub(super) enum Form {
    /// 32 entries to a word, row by row, entry 0 in the lowest bit. On a GPU.
    Bits(Tensor<1, Int>),
    /// 1 for kept, 0 for pruned. Elsewhere.
    Entries(Tensor<2>),
}

impl PackedMask {
    /// Of a weight [N, K]. `device` may record gradients or not: a mask has none.
    pub fn new(mask: &Mask, shape: [usize; 2], device: &Device) -> Result<Self, KernelError> {
        let [rows, cols] = shape;
        if mask.len() != rows * cols {
            let (want, got) = (format!("a mask of {} entries for {shape:?}", rows * cols), mask.len().to_string());
            return Err(KernelError::Shape { kernel: "masked", want, got });
        }
        let device = device.clone().without_autodiff();
        let entries = || Tensor::from_data(TensorData::new(mask.to_f32(), shape), &device);
        let form = if kernels_run_on(&device) {
            Form::Bits(integers(halves(mask.words()), &device))
        } else {
            Form::Entries(entries())
        };
        Ok(Self { shape, form })
    }

    /// Rows and columns of the weight.
    pub fn shape(&self) -> [usize; 2] {
        self.shape
    }

    pub(super) fn device(&self) -> Device {
        match &self.form {
            Form::Bits(bits) => bits.device(),
            Form::Entries(entries) => entries.device(),
        }
    }
}

/// Words of 64 bits as twice as many of 32, the lower half first.
fn halves(words: &[u64]) -> Vec<u32> {
    words.iter().flat_map(|word| [*word as u32, (word >> 32) as u32]).collect()
}

/// Words in a tensor of 32-bit integers, bit by bit.
pub(super) fn integers(words: Vec<u32>, device: &Device) -> Tensor<1, Int> {
    let words: Vec<i32> = words.into_iter().map(|word| word as i32).collect();
    let len = words.len();
    Tensor::from_data(TensorData::new(words, [len]), (device, DType::I32))
}
