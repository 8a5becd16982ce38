//! Products of all pairs of inputs, batch after batch.

use burn::tensor::{Device, Tensor, TensorData};

use crate::{KernelError, simd};

/// XᵀX of all inputs X so far, a row each: half the second derivative of a layer's squared error by each row of its weight
/// (Frantar & Alistarh, 2023, §3).
#[derive(Clone, Debug)]
pub struct Gram {
    features: usize,
    device: Device,
    sums: Sums,
}

#[derive(Clone, Debug)]
enum Sums {
    Cpu(simd::Gram),
    /// [C, C]
    Elsewhere(Box<Tensor<2>>),
}

impl Gram {
    /// Of no inputs yet, with so many features.
    pub fn new(features: usize, device: &Device) -> Self {
        let none = Tensor::zeros([features, features], device);
        let sums = match simd::primitive(&none) {
            Some(_) => Sums::Cpu(simd::Gram::new(features)),
            None => Sums::Elsewhere(Box::new(none)),
        };
        Self { features, device: device.clone(), sums }
    }

    /// With the batch `x` [N, C] of N more inputs, e.g. tokens.
    ///
    /// # Errors
    /// Says so if the numbers of features or the devices differ.
    pub fn with(mut self, x: Tensor<2>) -> Result<Self, KernelError> {
        let kernel = "gram";
        let [rows, features] = x.dims();
        if features != self.features {
            let (want, got) = (format!("x [N, {}]", self.features), format!("[{rows}, {features}]"));
            return Err(KernelError::Shape { kernel, want, got });
        }
        if rows == 0 {
            return Ok(self);
        }
        match (&mut self.sums, simd::primitive(&x)) {
            (Sums::Cpu(sums), Some(x)) => sums.add(x.as_slice().expect("a contiguous tensor of f32")),
            (Sums::Elsewhere(sums), None) if x.device() == self.device => {
                **sums = *sums.clone() + x.clone().transpose().matmul(x);
            }
            _ => return Err(KernelError::Device { kernel }),
        }
        Ok(self)
    }

    /// XᵀX, [C, C].
    pub fn products(self) -> Tensor<2> {
        match self.sums {
            Sums::Cpu(sums) => {
                let size = [self.features; 2];
                Tensor::from_data(TensorData::new(sums.whole(), size), &self.device)
            }
            Sums::Elsewhere(sums) => *sums,
        }
    }
}
