use burn::tensor::Tensor;
use burn::tensor::module::layer_norm;
use secateur_graph::Op;
use secateur_graph::ops::{BatchNorm, GroupNorm, LayerNorm, RmsNorm};

use super::{Moment, one, wrong};
use crate::value::each_rank;
use crate::{ExecError, Value};

/// Norms, and learned vectors that shift or scale features.
pub(super) fn evaluate(moment: Moment<'_>, inputs: &[Value]) -> Result<Value, ExecError> {
    let node = moment.node();
    let misfit = || wrong(node, "inputs of the rank the graph says", inputs);
    let x = one(inputs).ok_or_else(misfit)?;
    Ok(match (&node.op, x) {
        (Op::LayerNorm(LayerNorm { features, eps, .. }), x) => {
            let scale = match moment.vector(0)? {
                Some(scale) => scale,
                None => Tensor::ones([*features], &x.device()),
            };
            let shift = moment.vector(1)?;
            each_rank!(x, x -> layer_norm(x, scale, shift, *eps))
        }
        (Op::RmsNorm(op), x) => {
            let scale = moment.need_vector(0)?;
            each_rank!(x, x -> rms_norm(op, x, scale))
        }
        (Op::GroupNorm(op), Value::R4(x)) => {
            Value::R4(by_channel(group_norm(op, x), moment.need_vector(0)?, moment.need_vector(1)?))
        }
        (Op::BatchNorm(op), Value::R4(x)) => {
            let (scale, shift) = batch_norm(op, moment)?;
            Value::R4(by_channel(x, scale, shift))
        }
        (Op::BatchNorm(op), Value::R2(x)) => {
            let (scale, shift) = batch_norm(op, moment)?;
            Value::R2(x * scale.unsqueeze() + shift.unsqueeze())
        }
        (Op::Bias(_), x) => {
            let shift = moment.need_vector(0)?;
            each_rank!(x, x -> x + shift.unsqueeze())
        }
        (Op::LayerScale(_), x) => {
            let scale = moment.need_vector(0)?;
            each_rank!(x, x -> x * scale.unsqueeze())
        }
        (Op::Normalize(_), x) => each_rank!(x, x -> normalize(x)),
        _ => return Err(misfit()),
    })
}

fn rms_norm<const D: usize>(op: &RmsNorm, x: Tensor<D>, scale: Tensor<1>) -> Tensor<D> {
    let shape = x.dims();
    let rows = shape.iter().product::<usize>() / op.features;
    let x = x.reshape([rows, op.features]);
    let root = (x.clone().square().mean_dim(1) + op.eps).sqrt();
    (x / root * scale.unsqueeze()).reshape(shape)
}

/// Each group of channels to mean 0 and variance 1.
fn group_norm(op: &GroupNorm, x: Tensor<4>) -> Tensor<4> {
    let shape @ [samples, channels, height, width] = x.dims();
    let x = x.reshape([samples, op.groups, channels / op.groups * height * width]);
    let x = x.clone() - x.mean_dim(2);
    let variance = x.clone().square().mean_dim(2);
    (x / (variance + op.eps).sqrt()).reshape(shape)
}

/// The running statistics and the learned vectors as one scale and one shift.
fn batch_norm(op: &BatchNorm, moment: Moment<'_>) -> Result<(Tensor<1>, Tensor<1>), ExecError> {
    let [weight, bias, mean, variance] = [0, 1, 2, 3].map(|at| moment.need_vector(at));
    let scale = weight? / (variance? + op.eps).sqrt();
    let shift = bias? - mean? * scale.clone();
    Ok((scale, shift))
}

fn by_channel(x: Tensor<4>, scale: Tensor<1>, shift: Tensor<1>) -> Tensor<4> {
    let channels = x.dims()[1];
    x * scale.reshape([1, channels, 1, 1]) + shift.reshape([1, channels, 1, 1])
}

fn normalize<const D: usize>(x: Tensor<D>) -> Tensor<D> {
    let length = x.clone().square().sum_dim(D - 1).sqrt();
    x / length.clamp_min(1e-12)
}
