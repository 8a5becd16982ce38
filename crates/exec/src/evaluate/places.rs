use burn::tensor::Tensor;
use burn::tensor::module::{avg_pool2d, conv2d, max_pool2d};
use burn::tensor::ops::{AvgPoolOptions, ConvOptions, MaxPoolOptions};
use secateur_graph::Op;
use secateur_graph::ops::{AvgPool2d, Conv2d, MaxPool2d, Pad2d, PadChannels, ToPlaces, Unpatch, Upsample};
use secateur_kernels::simd::{self, Weight, Window};

use super::{Moment, Multiply, one, wrong};
use crate::value::each_rank;
use crate::{ExecError, Value};

/// Pictures [samples, channels, height, width], and the way from them to tokens and back.
pub(super) fn evaluate(moment: Moment<'_>, inputs: &[Value]) -> Result<Value, ExecError> {
    let node = moment.node();
    let misfit = || wrong(node, "inputs of the rank the graph says", inputs);
    Ok(match (&node.op, one(inputs).ok_or_else(misfit)?) {
        (Op::Conv2d(op), Value::R4(x)) => {
            let Some(Value::R4(weight)) = moment.param(0)? else { return Err(misfit()) };
            Value::R4(convolve(op, x, weight, moment.multiply(0), moment.vector(1)?))
        }
        (Op::MaxPool2d(MaxPool2d { kernel, stride, padding }), Value::R4(x)) => {
            let options = MaxPoolOptions::new([*kernel; 2]).with_stride([*stride; 2]).with_padding([*padding; 2]);
            Value::R4(max_pool2d(x, options))
        }
        (Op::AvgPool2d(AvgPool2d { kernel }), Value::R4(x)) => {
            Value::R4(avg_pool2d(x, AvgPoolOptions::new([*kernel; 2])))
        }
        (Op::MeanPlaces(_), Value::R4(x)) => Value::R2(x.flatten::<3>(2, 3).mean_dim(2).squeeze_dim(2)),
        (Op::Upsample(op), Value::R4(x)) => Value::R4(upsample(op, x)),
        (Op::Pad2d(Pad2d { before, after }), Value::R4(x)) => {
            Value::R4(pad(pad(x, 2, *before, *after), 3, *before, *after))
        }
        (Op::PadChannels(PadChannels { before, after }), Value::R4(x)) => Value::R4(pad(x, 1, *before, *after)),
        (Op::Flatten(_), x) => Value::R2(each_rank!(x, x => flatten(x))),
        (Op::ToTokens(_), Value::R4(x)) => Value::R3(x.flatten::<3>(2, 3).swap_dims(1, 2)),
        (Op::ToPlaces(ToPlaces { height, width }), Value::R3(x)) => {
            let [samples, _, channels] = x.dims();
            Value::R4(x.swap_dims(1, 2).reshape([samples, channels, *height, *width]))
        }
        (Op::Unpatch(op), Value::R3(x)) => Value::R4(unpatch(op, x)),
        _ => return Err(misfit()),
    })
}

/// [samples, in, height, width] -> [samples, out, height', width']. On a GPU, for several groups and where gradients are
/// recorded, the library's convolution serves.
fn convolve(
    op: &Conv2d,
    x: Tensor<4>,
    weight: Tensor<4>,
    multiply: Multiply<'_>,
    bias: Option<Tensor<1>>,
) -> Tensor<4> {
    let &Conv2d { kernel, stride, padding, groups, .. } = op;
    let window = Window { kernel, stride, padding };
    let own = match multiply {
        _ if groups > 1 => None,
        Multiply::Packed(packed) => packed.convolve(&x, window, bias.as_ref()),
        Multiply::OwnDense | Multiply::Usual => {
            let weight = weight.clone().reshape([op.outputs, op.inputs * kernel * kernel]);
            simd::convolve(&x, window, Weight::Plain(&weight), bias.as_ref())
        }
    };
    own.unwrap_or_else(|| conv2d(x, weight, bias, ConvOptions::new([stride; 2], [padding; 2], [1; 2], groups)))
}

fn flatten<const D: usize>(x: Tensor<D>) -> Tensor<2> {
    let shape = x.dims();
    x.reshape([shape[0], shape[1..].iter().product()])
}

fn upsample(op: &Upsample, x: Tensor<4>) -> Tensor<4> {
    let ([samples, channels, height, width], factor) = (x.dims(), op.factor);
    let x = x.reshape([samples, channels, height, 1, width, 1]);
    let x = x.expand([samples, channels, height, factor, width, factor]);
    x.reshape([samples, channels, height * factor, width * factor])
}

/// Zeros before and after the entries of one axis.
fn pad(x: Tensor<4>, axis: usize, before: usize, after: usize) -> Tensor<4> {
    let zeros = |size: usize| {
        let mut shape = x.dims();
        shape[axis] = size;
        (size > 0).then(|| Tensor::zeros(shape, &x.device()))
    };
    let parts = [zeros(before), Some(x.clone()), zeros(after)];
    Tensor::cat(parts.into_iter().flatten().collect(), axis)
}

fn unpatch(op: &Unpatch, x: Tensor<3>) -> Tensor<4> {
    let &Unpatch { height, width, patch, channels } = op;
    let samples = x.dims()[0];
    let x = x.reshape([samples, height, width, patch, patch, channels]).permute([0, 5, 1, 3, 2, 4]);
    x.reshape([samples, channels, height * patch, width * patch])
}
