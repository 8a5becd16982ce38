use burn::backend::Cube;
use burn::backend::wgpu::CubeTensor;
use burn::tensor::{Device, Int, Tensor, TensorData};

use super::mask::integers;
use super::pack::{Compressed, Pattern, unpack_nm};
use super::{contiguous, input, kernels_run_on, on_host, same_device};
use crate::launch::unwritten;
use crate::{KernelError, Product};

/// A weight [N, K] of which N of M neighbours were kept, on a device. For inference: it has no gradients.
#[derive(Clone, Debug)]
pub struct NmWeight {
    shape: [usize; 2],
    /// On a GPU the kept values [N, kept], elsewhere all [N, K] with zeros.
    weight: Tensor<2>,
    /// On a GPU: where in their groups the values stand.
    positions: Option<(Pattern, Tensor<1, Int>)>,
}

impl NmWeight {
    /// `device` may record gradients or not.
    pub fn new(compressed: &Compressed, device: &Device) -> Self {
        let device = device.clone().without_autodiff();
        let &Compressed { rows, cols, pattern, .. } = compressed;
        let matrix = |entries: Vec<f32>, cols| Tensor::from_data(TensorData::new(entries, [rows, cols]), &device);
        let (n, of) = pattern.n_of_m();
        let (weight, positions) = if kernels_run_on(&device) {
            let positions = integers(compressed.positions.clone(), &device);
            (matrix(compressed.values.clone(), cols / of * n), Some((pattern, positions)))
        } else {
            (matrix(unpack_nm(compressed), cols), None)
        };
        Self { shape: [rows, cols], weight, positions }
    }

    /// y [M, N] = x w^T for x [M, K]. What x remembers of gradients ends here.
    pub fn product(&self, x: Tensor<2>) -> Result<Tensor<2>, KernelError> {
        let x = x.without_autodiff();
        let ([samples, _], [outputs, inputs]) = (x.dims(), self.shape);
        input("nm", &x, self.shape)?;
        same_device("nm", x.device(), self.weight.device())?;
        let Some((pattern, positions)) = &self.positions else {
            return Ok(on_host(x, self.weight.clone()));
        };
        if samples * outputs * inputs == 0 {
            return Ok(Tensor::zeros([samples, outputs], &x.device()));
        }
        let elsewhere = |_| KernelError::Device { kernel: "nm" };
        let x: CubeTensor = x.try_into_primitive::<Cube>().map_err(elsewhere)?;
        let values = self.weight.clone().try_into_primitive::<Cube>().map_err(elsewhere)?;
        let positions = positions.clone().try_into_primitive::<Cube>().map_err(elsewhere)?;
        let y = unwritten(&x, &[samples, outputs]);
        let buffers = [x, values, positions, y.clone()].map(contiguous);
        let ([_, kept], (_, of)) = (self.weight.dims(), pattern.n_of_m());
        Product::of(samples, outputs, inputs, kept).in_units(of).launch_bound(pattern.kernel(), &y, buffers.into());
        Ok(Tensor::from_primitive::<Cube>(y))
    }
}
