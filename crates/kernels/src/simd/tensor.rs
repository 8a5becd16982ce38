use burn::backend::Flex;
use burn::backend::tensor::FloatTensor;
use burn::tensor::{Device, Tensor, TensorData};

use super::conv::{self, Matrix};
use super::{Packed, Window, dense, few};

/// Up to so many samples a weight is multiplied with as it lies, and from so many on it is worth laying it out for one
/// product. Between them the library's product is the best. A convolution with so few places is the library's.
const FEW: usize = 4;
const MANY: usize = 64;
/// One kept entry takes as long as so many of the weight as it lies when there are few samples.
const SPARSE: usize = 8;

/// A weight [outputs, inputs] for [`linear`] and [`convolve`].
#[derive(Clone, Copy, Debug)]
pub enum Weight<'a> {
    /// As it lies.
    Plain(&'a Tensor<2>),
    Packed(&'a Packed),
}

impl Weight<'_> {
    fn size(&self) -> [usize; 2] {
        match self {
            Self::Plain(weight) => weight.dims(),
            Self::Packed(packed) => packed.size().into(),
        }
    }
}

impl Packed {
    /// Whether so many samples are multiplied faster than with the weight as it lies.
    pub fn pays(&self, samples: usize) -> bool {
        let (outputs, inputs) = self.size();
        match self {
            Self::Rows(rows) => samples > FEW || rows.count() * SPARSE < outputs * inputs,
            Self::Blocks(_) => true,
        }
    }
}

/// y [..., outputs] = x [..., inputs] Wᵀ + bias [outputs]. None where this is not for us: on another device than the CPU,
/// or where somebody asked for gradients; or where burn's own product is faster; or where the sizes do not fit, which it then
/// says.
pub fn linear<const D: usize>(x: &Tensor<D>, weight: Weight<'_>, bias: Option<&Tensor<1>>) -> Option<Tensor<D>> {
    let mut shape = x.dims();
    let [outputs, inputs] = weight.size();
    if shape[D - 1] != inputs || bias.is_some_and(|bias| bias.dims() != [outputs]) {
        return None;
    }
    let samples = shape[..D - 1].iter().product::<usize>();
    if matches!(weight, Weight::Plain(_)) && (FEW + 1..MANY).contains(&samples) {
        return None;
    }
    shape[D - 1] = outputs;
    on_cpu(x, weight, bias, shape, |x, weight, bias, y| match weight {
        Matrix::Packed(packed) => packed.product(x, bias, y),
        Matrix::Plain(weight) if samples <= FEW => few(x, weight, inputs, bias, y),
        Matrix::Plain(weight) => dense(x, weight, inputs, bias, y),
    })
}

/// y [samples, outputs, height', width'] of pictures x [samples, channels, height, width] under a window, for a weight
/// [outputs, channels * kernel * kernel] and a bias [outputs]: burn's `conv2d` of one group. None as for [`linear`].
pub fn convolve(x: &Tensor<4>, window: Window, weight: Weight<'_>, bias: Option<&Tensor<1>>) -> Option<Tensor<4>> {
    let size = weight.size();
    if bias.is_some_and(|bias| bias.dims() != size[..1]) {
        return None;
    }
    let shape = window.shape(x.dims(), size)?;
    if (1..=FEW).contains(&(shape[0] * shape[2] * shape[3])) {
        return None;
    }
    on_cpu(x, weight, bias, shape, |numbers, weight, bias, y| {
        conv::convolve((numbers, x.dims()), window, weight, bias, (y, size[0]));
    })
}

/// The tensor of this shape that `work` writes, given the numbers of x, weight and bias. None on another device than the CPU,
/// and where somebody asked for gradients.
fn on_cpu<const D: usize>(
    x: &Tensor<D>,
    weight: Weight<'_>,
    bias: Option<&Tensor<1>>,
    shape: [usize; D],
    work: impl FnOnce(&[f32], Matrix<'_>, Option<&[f32]>, &mut [f32]),
) -> Option<Tensor<D>> {
    let numbers = primitive(x)?;
    let (plain, vector);
    let weight = match weight {
        Weight::Packed(packed) => Matrix::Packed(packed),
        Weight::Plain(weight) => {
            plain = primitive(weight)?;
            Matrix::Plain(plain.as_slice()?)
        }
    };
    let bias = match bias {
        None => None,
        Some(bias) => {
            vector = primitive(bias)?;
            Some(vector.as_slice()?)
        }
    };
    let numbers = numbers.as_slice()?;
    Some(made(shape, &x.device(), |y| work(numbers, weight, bias, y)))
}

/// The tensor of this shape that `work` writes.
pub(super) fn made<const D: usize>(shape: [usize; D], device: &Device, work: impl FnOnce(&mut [f32])) -> Tensor<D> {
    let mut y = vec![0.0; shape.iter().product()];
    work(&mut y);
    Tensor::from_data(TensorData::new(y, shape), device)
}

/// A tensor of the CPU, row by row. None on another device, and where somebody asked for gradients.
pub(crate) fn primitive<const D: usize>(tensor: &Tensor<D>) -> Option<FloatTensor<Flex>> {
    Some(tensor.clone().try_into_primitive::<Flex>().ok()?.to_contiguous())
}

#[cfg(test)]
mod tests {
    use pollster::block_on;

    use super::*;
    use crate::check::{Close, Noise};
    use crate::simd::{Blocks, Rows};

    #[test]
    fn it_is_burns_product() {
        let device = Device::flex();
        let mut noise = Noise::new(5);
        let mut random = |len| noise.many(len);
        let (weight, bias) = (random(30 * 20), random(30));
        let w = Tensor::<2>::from_data(TensorData::new(weight.clone(), [30, 20]), &device);
        let b = Tensor::<1>::from_data(TensorData::new(bias, [30]), &device);
        // An input that does not lie row by row.
        let x = Tensor::<3>::from_data(TensorData::new(random(3 * 20 * 30), [3, 20, 30]), &device).swap_dims(1, 2);
        let want = x.clone().matmul(w.clone().transpose().unsqueeze()) + b.clone().unsqueeze();
        let read = |tensor: Tensor<3>| block_on(tensor.into_data_async()).unwrap().try_into_vec::<f32>().unwrap();
        let want = read(want);
        let packed = [Packed::Blocks(Blocks::new(&weight, 30, 20)), Packed::Rows(Rows::new(&weight, 30, 20).unwrap())];
        for weight in [Weight::Plain(&w), Weight::Packed(&packed[0]), Weight::Packed(&packed[1])] {
            let got = linear(&x, weight, Some(&b)).unwrap();
            assert_eq!(got.dims(), [3, 30, 30]);
            Close { abs: 1e-5, rel: 1e-5 }.compare(&want, &read(got), 30).unwrap();
        }
    }

    #[test]
    fn gradients_and_sizes_that_do_not_fit_are_left_to_burn() {
        let device = Device::flex();
        let (x, w) = (Tensor::<2>::ones([2, 3], &device), Tensor::<2>::ones([4, 3], &device));
        assert!(linear(&x, Weight::Plain(&w), None).is_some());
        assert!(linear(&x.clone().autodiff().require_grad(), Weight::Plain(&w), None).is_none());
        assert!(linear(&x, Weight::Plain(&w.clone().autodiff()), None).is_none());
        assert!(linear(&x, Weight::Plain(&w.transpose()), None).is_none());
        assert!(linear(&x, Weight::Plain(&Tensor::ones([4, 3], &device)), Some(&Tensor::ones([3], &device))).is_none());
    }
}
