use secateur_formats::onnx::proto::AttributeProto;
use secateur_graph::ops::{AvgPool2d, Conv2d, MaxPool2d, Pad2d, PadChannels, ToPlaces, Unpatch, Upsample};

use super::body::{Body, int, ints, text};

pub fn conv2d(body: &mut Body<'_>, op: &Conv2d) -> String {
    let x = body.x();
    let mut inputs = vec![x.as_str(), body.param(0)];
    inputs.extend(op.bias.then(|| body.param(1)));
    let mut attributes = window(op.kernel, op.stride, op.padding);
    attributes.push(int("group", op.groups as i64));
    body.op_with("Conv", &inputs, attributes)
}

pub fn max_pool2d(body: &mut Body<'_>, op: &MaxPool2d) -> String {
    let x = body.x();
    body.op_with("MaxPool", &[&x], window(op.kernel, op.stride, op.padding))
}

pub fn avg_pool2d(body: &mut Body<'_>, op: &AvgPool2d) -> String {
    let x = body.x();
    body.op_with("AveragePool", &[&x], window(op.kernel, op.kernel, 0))
}

fn window(kernel: usize, stride: usize, padding: usize) -> Vec<AttributeProto> {
    vec![
        ints("kernel_shape", &[kernel as i64; 2]),
        ints("strides", &[stride as i64; 2]),
        ints("pads", &[padding as i64; 4]),
    ]
}

pub fn mean_places(body: &mut Body<'_>) -> String {
    let (x, places) = (body.x(), body.ints(&[2, 3]));
    body.op_with("ReduceMean", &[&x, &places], vec![int("keepdims", 0)])
}

pub fn upsample(body: &mut Body<'_>, op: &Upsample) -> String {
    let x = body.x();
    let factor = op.factor as f64;
    let scales = body.table("scales", &[4], [1.0, 1.0, factor, factor].into_iter());
    let attributes = vec![
        text("mode", "nearest"),
        text("coordinate_transformation_mode", "asymmetric"),
        text("nearest_mode", "floor"),
    ];
    body.op_with("Resize", &[&x, "", &scales], attributes)
}

pub fn pad2d(body: &mut Body<'_>, op: &Pad2d) -> String {
    let (before, after) = (op.before as i64, op.after as i64);
    pad(body, &[0, 0, before, before, 0, 0, after, after])
}

pub fn pad_channels(body: &mut Body<'_>, op: &PadChannels) -> String {
    pad(body, &[0, op.before as i64, 0, 0, 0, op.after as i64, 0, 0])
}

/// Zeros before each axis, then after each.
fn pad(body: &mut Body<'_>, zeros: &[i64]) -> String {
    let (x, zeros) = (body.x(), body.ints(zeros));
    body.op("Pad", &[&x, &zeros])
}

pub fn flatten(body: &mut Body<'_>) -> String {
    let x = body.x();
    body.op_with("Flatten", &[&x], vec![int("axis", 1)])
}

pub fn to_tokens(body: &mut Body<'_>) -> String {
    let (x, shape) = body.input(0);
    let x = body.reshape(&x, &[shape[0], shape[1] * shape[2]]);
    body.transpose(&x, &[0, 2, 1])
}

pub fn to_places(body: &mut Body<'_>, op: &ToPlaces) -> String {
    let (x, shape) = body.input(0);
    let x = body.transpose(&x, &[0, 2, 1]);
    body.reshape(&x, &[shape[1], op.height, op.width])
}

pub fn unpatch(body: &mut Body<'_>, op: &Unpatch) -> String {
    let &Unpatch { height, width, patch, channels } = op;
    let x = body.x();
    let x = body.reshape(&x, &[height, width, patch, patch, channels]);
    let x = body.transpose(&x, &[0, 5, 1, 3, 2, 4]);
    body.reshape(&x, &[channels, height * patch, width * patch])
}
