use secateur_graph::ops::{BatchNorm, GroupNorm, LayerNorm, RmsNorm};

use super::body::{Body, float, int};

pub fn layer_norm(body: &mut Body<'_>, op: &LayerNorm) -> String {
    let x = body.x();
    if let Some(over) = op.over {
        let normed = wider(body, &x, op.eps, op.features as f64 / over as f64);
        return if op.learned {
            scaled_and_shifted(body, &normed, |body, at| body.param(at).to_string())
        } else {
            normed
        };
    }
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
        return scaled_by_root(body, &x, op);
    }
    let runs = [rest, &[last / op.features, op.features]].concat();
    let x = body.reshape(&x, &runs);
    let x = scaled_by_root(body, &x, op);
    body.reshape(&x, shape)
}

fn scaled_by_root(body: &mut Body<'_>, x: &str, op: &RmsNorm) -> String {
    let eps = body.float(op.eps);
    let mean = mean_square(body, x, present(op.features, op.over));
    let mean = body.op("Add", &[&mean, &eps]);
    let root = body.op("Sqrt", &[&mean]);
    let x = body.op("Div", &[x, &root]);
    body.op("Mul", &[&x, body.param(0)])
}

/// The share of the features that a norm counts which are there; the others count as 0.
fn present(features: usize, over: Option<usize>) -> f64 {
    over.map_or(1.0, |over| features as f64 / over as f64)
}

/// The mean over the last axis, times the share of it that is there.
fn mean(body: &mut Body<'_>, x: &str, present: f64) -> String {
    let axes = body.ints(&[-1]);
    let mean = body.op("ReduceMean", &[x, &axes]);
    if present == 1.0 {
        return mean;
    }
    let present = body.float(present);
    body.op("Mul", &[&mean, &present])
}

fn mean_square(body: &mut Body<'_>, x: &str, present: f64) -> String {
    let square = body.op("Mul", &[x, x]);
    mean(body, &square, present)
}

/// The last axis to mean 0 and variance 1 over more features than there are: each missing 0 is as far from the mean as the
/// mean is from 0.
fn wider(body: &mut Body<'_>, x: &str, eps: f64, present: f64) -> String {
    let (missing, eps) = (body.float(1.0 - present), body.float(eps));
    let mean = mean(body, x, present);
    let x = body.op("Sub", &[x, &mean]);
    let variance = mean_square(body, &x, present);
    let square = body.op("Mul", &[&mean, &mean]);
    let rest = body.op("Mul", &[&square, &missing]);
    let variance = body.op("Add", &[&variance, &rest]);
    let variance = body.op("Add", &[&variance, &eps]);
    let deviation = body.op("Sqrt", &[&variance]);
    body.op("Div", &[&x, &deviation])
}

/// x times the first parameter plus the second, both as `param` gives them.
fn scaled_and_shifted(body: &mut Body<'_>, x: &str, param: impl Fn(&mut Body<'_>, usize) -> String) -> String {
    let (scale, shift) = (param(body, 0), param(body, 1));
    let scaled = body.op("Mul", &[x, &scale]);
    body.op("Add", &[&scaled, &shift])
}

/// Groups are the channels of an instance norm.
pub fn group_norm(body: &mut Body<'_>, op: &GroupNorm) -> String {
    let (x, shape) = body.input(0);
    let grouped = body.reshape(&x, &[op.groups, shape.iter().product::<usize>() / op.groups]);
    let normed = match op.over {
        Some(over) => wider(body, &grouped, op.eps, (op.channels / op.groups) as f64 / over as f64),
        None => {
            let (ones, zeros) = (body.full(1.0, op.groups), body.full(0.0, op.groups));
            let inputs = [grouped.as_str(), &ones, &zeros];
            body.op_with("InstanceNormalization", &inputs, vec![float("epsilon", op.eps)])
        }
    };
    let normed = body.reshape(&normed, shape);
    scaled_and_shifted(body, &normed, |body, at| body.unsqueeze(body.param(at), &[1, 2]))
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
