use burn::backend::Flex;
use burn::tensor::{Tensor, TensorData};

use super::{Packed, dense, few};

/// Up to so many samples a weight is multiplied with as it lies, and from so many on it is worth laying it out for one
/// product. Between them the library's product is the best.
const FEW: usize = 4;
const MANY: usize = 64;
/// One kept entry takes as long as so many of the weight as it lies when there are few samples.
const SPARSE: usize = 8;

/// A weight [outputs, inputs] for [`linear`].
#[derive(Clone, Copy, Debug)]
pub enum Weight<'a> {
    /// As it lies.
    Plain(&'a Tensor<2>),
    Packed(&'a Packed),
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
    let (outputs, inputs) = match weight {
        Weight::Plain(weight) => weight.dims().into(),
        Weight::Packed(packed) => packed.size(),
    };
    if shape[D - 1] != inputs || bias.is_some_and(|bias| bias.dims() != [outputs]) {
        return None;
    }
    let samples = shape[..D - 1].iter().product::<usize>();
    if matches!(weight, Weight::Plain(_)) && (FEW + 1..MANY).contains(&samples) {
        return None;
    }
    shape[D - 1] = outputs;
    let device = x.device();
    let x = x.clone().try_into_primitive::<Flex>().ok()?.to_contiguous();
    let bias = match bias {
        Some(bias) => Some(bias.clone().try_into_primitive::<Flex>().ok()?.to_contiguous()),
        None => None,
    };
    let (x, bias) = (x.as_slice::<f32>()?, bias.as_ref().map(|bias| bias.as_slice::<f32>()));
    let bias = if let Some(bias) = bias { Some(bias?) } else { None };
    let mut y = vec![0.0; shape.iter().product()];
    match weight {
        Weight::Packed(packed) => packed.product(x, bias, &mut y),
        Weight::Plain(weight) => {
            let weight = weight.clone().try_into_primitive::<Flex>().ok()?.to_contiguous();
            let plain = if samples <= FEW { few } else { dense };
            plain(x, weight.as_slice::<f32>()?, inputs, bias, &mut y);
        }
    }
    Some(Tensor::from_data(TensorData::new(y, shape), &device))
}

#[cfg(test)]
mod tests {
    use burn::tensor::Device;
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
