use burn::tensor::Tensor;
use burn::tensor::module::{batch_norm_train, layer_norm};
use secateur_graph::Op;
use secateur_graph::ops::{BatchNorm, GroupNorm, LayerNorm, RmsNorm};
use secateur_kernels::simd;

use super::{Moment, Statistics, one, wrong};
use crate::value::each_rank;
use crate::{ExecError, Value};

/// The share of the newest batch in running statistics, as PyTorch has it.
const MOMENTUM: f64 = 0.1;

/// Norms, and learned vectors that shift or scale features.
pub(super) fn evaluate(
    moment: Moment<'_>,
    inputs: &[Value],
    statistics: Option<&mut Statistics>,
) -> Result<Value, ExecError> {
    let node = moment.node();
    let misfit = || wrong(node, "inputs of the rank the graph says", inputs);
    let x = one(inputs).ok_or_else(misfit)?;
    Ok(match (&node.op, x) {
        (Op::LayerNorm(LayerNorm { features, eps, over, .. }), x) => {
            let scale = match moment.vector(0)? {
                Some(scale) => scale,
                None => Tensor::ones([*features], &x.device()),
            };
            let shift = moment.vector(1)?;
            each_rank!(x, x -> by_features(x, scale, shift, *eps, over.unwrap_or(*features)))
        }
        (Op::RmsNorm(op), x) => {
            let scale = moment.need_vector(0)?;
            each_rank!(x, x -> rms_norm(op, x, scale))
        }
        (Op::GroupNorm(op), Value::R4(x)) => {
            Value::R4(by_channel(group_norm(op, x), moment.need_vector(0)?, moment.need_vector(1)?))
        }
        (Op::BatchNorm(op), x) => match (statistics, x) {
            (Some(statistics), x) => each_rank!(x, x -> by_batch(op, moment, x, statistics)?),
            (None, Value::R4(x)) => {
                let (scale, shift) = batch_norm(op, moment)?;
                Value::R4(by_channel(x, scale, shift))
            }
            (None, Value::R2(x)) => {
                let (scale, shift) = batch_norm(op, moment)?;
                Value::R2(x * scale.unsqueeze() + shift.unsqueeze())
            }
            _ => return Err(misfit()),
        },
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
    let mean = x.clone().square().mean_dim(1) * present(op.features, op.over);
    (x / (mean + op.eps).sqrt() * scale.unsqueeze()).reshape(shape)
}

/// The share of the features that a norm counts which are there; the others count as 0.
fn present(features: usize, over: Option<usize>) -> f64 {
    over.map_or(1.0, |over| features as f64 / over as f64)
}

/// Takes x's last axis to mean 0 and variance 1 over more features than there are.
fn wider<const D: usize>(x: Tensor<D>, eps: f64, present: f64) -> Tensor<D> {
    let mean = x.clone().mean_dim(D - 1) * present;
    let x = x - mean.clone();
    // Each missing 0 is as far from the mean as the mean is from 0.
    let variance = x.clone().square().mean_dim(D - 1) * present + mean.square() * (1.0 - present);
    x / (variance + eps).sqrt()
}

/// Layer norm whose mean and variance are taken over `over` features.
fn by_features<const D: usize>(
    x: Tensor<D>,
    scale: Tensor<1>,
    shift: Option<Tensor<1>>,
    eps: f64,
    over: usize,
) -> Tensor<D> {
    if let Some(y) = simd::layer_norm(&x, &scale, shift.as_ref(), eps, over) {
        return y;
    }
    let features = x.dims()[D - 1];
    if features == over {
        return layer_norm(x, scale, shift, eps);
    }
    let y = wider(x, eps, present(features, Some(over))) * scale.unsqueeze();
    match shift {
        Some(shift) => y + shift.unsqueeze(),
        None => y,
    }
}

/// Each group of channels to mean 0 and variance 1.
fn group_norm(op: &GroupNorm, x: Tensor<4>) -> Tensor<4> {
    let shape @ [samples, channels, height, width] = x.dims();
    let each = channels / op.groups;
    let x = x.reshape([samples, op.groups, each * height * width]);
    wider(x, op.eps, present(each, op.over)).reshape(shape)
}

/// The running statistics and the learned vectors as one scale and one shift.
fn batch_norm(op: &BatchNorm, moment: Moment<'_>) -> Result<(Tensor<1>, Tensor<1>), ExecError> {
    let [weight, bias, mean, variance] = [0, 1, 2, 3].map(|at| moment.need_vector(at));
    let scale = weight? / (variance? + op.eps).sqrt();
    let shift = bias? - mean? * scale.clone();
    Ok((scale, shift))
}

/// Training: each channel to mean 0 and variance 1 over the batch, and what the running statistics become. As in PyTorch,
/// the running variance follows the unbiased one.
fn by_batch<const D: usize>(
    op: &BatchNorm,
    moment: Moment<'_>,
    x: Tensor<D>,
    statistics: &mut Statistics,
) -> Result<Tensor<D>, ExecError> {
    let counted = x.dims().iter().product::<usize>() / op.channels;
    if counted < 2 {
        return Err(wrong(moment.node(), "at least two numbers of each channel to learn from", &[]));
    }
    let [weight, bias, mean, variance] = [0, 1, 2, 3].map(|at| moment.need_vector(at));
    let batch = batch_norm_train(x, weight?, bias?, op.eps);
    let unbiased = batch.variance.inner() * (counted as f64 / (counted - 1) as f64);
    let ids = &moment.node().params;
    for (id, running, now) in [(ids[2], mean?, batch.mean.inner()), (ids[3], variance?, unbiased)] {
        statistics.push((id, Value::R1(running.inner() * (1.0 - MOMENTUM) + now * MOMENTUM)));
    }
    Ok(batch.output)
}

fn by_channel(x: Tensor<4>, scale: Tensor<1>, shift: Tensor<1>) -> Tensor<4> {
    let channels = x.dims()[1];
    x * scale.reshape([1, channels, 1, 1]) + shift.reshape([1, channels, 1, 1])
}

fn normalize<const D: usize>(x: Tensor<D>) -> Tensor<D> {
    let length = x.clone().square().sum_dim(D - 1).sqrt();
    x / length.clamp_min(1e-12)
}
