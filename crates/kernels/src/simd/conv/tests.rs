use burn::tensor::module::conv2d;
use burn::tensor::ops::ConvOptions;
use burn::tensor::{Device, Tensor, TensorData};
use pollster::block_on;

use crate::check::{Close, Noise};
use crate::simd::{Blocks, Packed, Rows, Weight, Window, convolve};

/// Samples, channels, height, width, outputs, kernel, stride, padding: nothing, one, around a block and a piece, odd, cut
/// short by the stride, padded by more than the kernel.
const SIZES: &[[usize; 8]] = &[
    [0, 3, 5, 5, 4, 3, 1, 1],
    [2, 3, 5, 5, 0, 3, 1, 1],
    [5, 1, 1, 1, 1, 1, 1, 0],
    [6, 1, 1, 1, 5, 3, 1, 1],
    [2, 17, 7, 9, 33, 1, 1, 0],
    [3, 20, 6, 6, 16, 1, 2, 0],
    [1, 5, 4, 4, 7, 1, 1, 1],
    [1, 16, 16, 16, 16, 3, 1, 1],
    [3, 8, 7, 5, 11, 3, 1, 1],
    [2, 9, 15, 14, 18, 3, 2, 1],
    [2, 3, 16, 31, 6, 7, 2, 3],
    [5, 2, 8, 8, 3, 2, 2, 0],
    [1, 2, 14, 13, 20, 4, 4, 0],
    [1, 3, 11, 12, 4, 5, 3, 2],
    [70, 4, 2, 2, 9, 3, 1, 1],
    [1, 2, 6, 5, 3, 2, 3, 4],
    [1, 4, 40, 33, 13, 3, 1, 0],
];

struct Case {
    x: Tensor<4>,
    /// [outputs, channels, kernel, kernel]
    weight: Tensor<4>,
    bias: Tensor<1>,
    window: Window,
}

/// A share of the weights is kept.
fn case([samples, channels, height, width, outputs, kernel, stride, padding]: [usize; 8], kept: f32) -> Case {
    let mut noise = Noise::new(5);
    let device = Device::flex();
    let x = noise.many(samples * channels * height * width);
    let weight = (0..outputs * channels * kernel * kernel)
        .map(|_| if noise.one().abs() < kept { noise.one() } else { 0.0 })
        .collect::<Vec<_>>();
    Case {
        x: Tensor::from_data(TensorData::new(x, [samples, channels, height, width]), &device),
        weight: Tensor::from_data(TensorData::new(weight, [outputs, channels, kernel, kernel]), &device),
        bias: Tensor::from_data(TensorData::new(noise.many(outputs), [outputs]), &device),
        window: Window { kernel, stride, padding },
    }
}

fn numbers<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
    block_on(tensor.into_data_async()).unwrap().try_into_vec().unwrap()
}

#[test]
fn all_layouts_give_burns_convolution() {
    let mut compared = 0;
    for size in SIZES {
        for kept in [1.0, 0.3, 0.02] {
            let Case { x, weight, bias, window } = case(*size, kept);
            let [outputs, channels, kernel, _] = weight.dims();
            let (inputs, flat) = (channels * kernel * kernel, numbers(weight.clone()));
            let matrix = weight.clone().reshape([outputs, inputs]);
            let blocks = Packed::Blocks(Blocks::new(&flat, outputs, inputs));
            let rows = Packed::Rows(Rows::new(&flat, outputs, inputs).unwrap());
            let layouts = [
                ("dense", Weight::Plain(&matrix)),
                ("blocks", Weight::Packed(&blocks)),
                ("rows", Weight::Packed(&rows)),
            ];
            for bias in [None, Some(&bias)] {
                let want = burns(&x, &weight, bias, window);
                for (layout, weight) in layouts {
                    let got = convolve(&x, window, weight, bias).unwrap();
                    assert_eq!(got.dims(), want.dims());
                    let close = Close { abs: 1e-5, rel: 1e-5 };
                    close
                        .compare(&numbers(want.clone()), &numbers(got), size[3])
                        .unwrap_or_else(|mismatch| panic!("{size:?}, {layout}, {kept} kept: {mismatch}"));
                    compared += 1;
                }
            }
        }
    }
    assert_eq!(compared, SIZES.len() * 3 * 2 * 3);
}

/// Burn's `conv2d`, which is not for results with nothing in them.
fn burns(x: &Tensor<4>, weight: &Tensor<4>, bias: Option<&Tensor<1>>, window: Window) -> Tensor<4> {
    let shape = window.shape(x.dims(), [weight.dims()[0], weight.dims()[1..].iter().product()]).unwrap();
    if shape.contains(&0) {
        return Tensor::zeros(shape, &x.device());
    }
    let options = ConvOptions::new([window.stride; 2], [window.padding; 2], [1; 2], 1);
    conv2d(x.clone(), weight.clone(), bias.cloned(), options)
}

#[test]
fn what_does_not_fit_and_gradients_are_left_to_burn() {
    let Case { x, weight, bias, window } = case([1, 2, 5, 5, 4, 3, 1, 0], 1.0);
    let matrix = weight.reshape([4, 18]);
    let refused = |x: &Tensor<4>, window, matrix: &Tensor<2>, bias: &Tensor<1>| {
        convolve(x, window, Weight::Plain(matrix), Some(bias)).is_none()
    };
    assert!(!refused(&x, window, &matrix, &bias));
    assert!(refused(&x.clone().slice([0..1, 0..2, 0..4, 0..4]), window, &matrix, &bias), "a few places");
    assert!(refused(&x, window, &matrix.clone().reshape([6, 12]), &bias));
    assert!(refused(&x, window, &matrix, &bias.clone().narrow(0, 0, 3)));
    for window in [Window { stride: 0, ..window }, Window { kernel: 0, ..window }] {
        assert!(refused(&x, window, &matrix, &bias), "{window:?}");
    }
    assert!(refused(&x.clone().slice([0..1, 0..2, 0..2, 0..5]), window, &matrix, &bias), "smaller than the window");
    assert!(refused(&x.clone().autodiff().require_grad(), window, &matrix, &bias));
}
