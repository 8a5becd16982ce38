use secateur_graph::ops::{BatchNorm, GroupNorm, LayerNorm, RmsNorm};

use super::body::{Body, float, int};

pub fn layer_norm(body: &mut Body<'_>, op: &LayerNorm) -> String {
    let x = body.x();
    let attributes = vec![int("axis", -1), float("epsilon", op.eps)];
    if op.learned {
        return body.op_with("LayerNormalization", &[&x, body.param(0), body.param(1)], attributes);
    }
    let ones = body.full(1.0, op.features);
    body.op_with("LayerNormalization", &[&x, &ones], attributes)
}

/// On each run of features of the last axis.
pub fn rms_norm(body: &mut Body<'_>, op: &RmsNorm) -> String {
    let (x, shape) = body.input(0);
    let (last, rest) = shape.split_last().map_or((op.features, shape), |(last, rest)| (*last, rest));
    if last == op.features {
        return scaled_by_root(body, &x, op.eps);
    }
    let runs = [rest, &[last / op.features, op.features]].concat();
    let x = body.reshape(&x, &runs);
    let x = scaled_by_root(body, &x, op.eps);
    body.reshape(&x, shape)
}

fn scaled_by_root(body: &mut Body<'_>, x: &str, eps: f64) -> String {
    let (axes, eps) = (body.ints(&[-1]), body.float(eps));
    let square = body.op("Mul", &[x, x]);
    let mean = body.op("ReduceMean", &[&square, &axes]);
    let mean = body.op("Add", &[&mean, &eps]);
    let root = body.op("Sqrt", &[&mean]);
    let x = body.op("Div", &[x, &root]);
    body.op("Mul", &[&x, body.param(0)])
}

/// Groups are the channels of an instance norm.
pub fn group_norm(body: &mut Body<'_>, op: &GroupNorm) -> String {
    let (x, shape) = body.input(0);
    let (ones, zeros) = (body.full(1.0, op.groups), body.full(0.0, op.groups));
    let grouped = body.reshape(&x, &[op.groups, shape.iter().product::<usize>() / op.groups]);
    let normed = body.op_with("InstanceNormalization", &[&grouped, &ones, &zeros], vec![float("epsilon", op.eps)]);
    let normed = body.reshape(&normed, shape);
    let (scale, shift) = (body.unsqueeze(body.param(0), &[1, 2]), body.unsqueeze(body.param(1), &[1, 2]));
    let scaled = body.op("Mul", &[&normed, &scale]);
    body.op("Add", &[&scaled, &shift])
}

/// By the running statistics.
pub fn batch_norm(body: &mut Body<'_>, op: &BatchNorm) -> String {
    let x = body.x();
    let [weight, bias, mean, variance] = [0, 1, 2, 3].map(|at| body.param(at));
    body.op_with("BatchNormalization", &[&x, weight, bias, mean, variance], vec![float("epsilon", op.eps)])
}

/// A learned vector that shifts or scales features.
pub fn with_param(body: &mut Body<'_>, kind: &str) -> String {
    let x = body.x();
    body.op(kind, &[&x, body.param(0)])
}

pub fn normalize(body: &mut Body<'_>) -> String {
    let (x, axes, least) = (body.x(), body.ints(&[-1]), body.float(1e-12));
    let length = body.op("ReduceL2", &[&x, &axes]);
    let length = body.op("Clip", &[&length, &least]);
    body.op("Div", &[&x, &length])
}
