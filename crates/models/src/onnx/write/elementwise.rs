use secateur_graph::ops::{Activation, Affine, Concat, Linear, Slice};

use super::body::{Body, int, text};

/// x Wᵀ + b
pub fn linear(body: &mut Body<'_>, op: &Linear) -> String {
    let ((x, shape), weight) = (body.input(0), body.param(0));
    let transposed = body.is_transposed();
    if shape.len() == 1 {
        let mut inputs = vec![x.as_str(), weight];
        inputs.extend(op.bias.then(|| body.param(1)));
        return body.op_with("Gemm", &inputs, vec![int("transB", i64::from(!transposed))]);
    }
    let weight = if transposed { weight.to_string() } else { body.transpose(weight, &[1, 0]) };
    let product = body.op("MatMul", &[&x, &weight]);
    if op.bias { body.op("Add", &[&product, body.param(1)]) } else { product }
}

pub fn activation(body: &mut Body<'_>, op: Activation) -> String {
    let x = body.x();
    match op {
        Activation::Relu => body.op("Relu", &[&x]),
        Activation::Relu6 => {
            let (least, most) = (body.float(0.0), body.float(6.0));
            body.op("Clip", &[&x, &least, &most])
        }
        Activation::Gelu => body.op("Gelu", &[&x]),
        Activation::GeluTanh => body.op_with("Gelu", &[&x], vec![text("approximate", "tanh")]),
        Activation::QuickGelu => {
            let steep = body.float(1.702);
            let inner = body.op("Mul", &[&x, &steep]);
            let gate = body.op("Sigmoid", &[&inner]);
            body.op("Mul", &[&x, &gate])
        }
        Activation::Silu => {
            let gate = body.op("Sigmoid", &[&x]);
            body.op("Mul", &[&x, &gate])
        }
        Activation::Tanh => body.op("Tanh", &[&x]),
        Activation::Sigmoid => body.op("Sigmoid", &[&x]),
    }
}

pub fn affine(body: &mut Body<'_>, op: &Affine) -> String {
    let (x, scale, shift) = (body.x(), body.float(op.scale), body.float(op.shift));
    let scaled = body.op("Mul", &[&x, &scale]);
    body.op("Add", &[&scaled, &shift])
}

/// Two values of one shape, or the second a vector of features for each sample that meets every token or place.
pub fn pair(body: &mut Body<'_>, kind: &str) -> String {
    let ((a, shape), (b, other)) = (body.input(0), body.input(1));
    let b = match (shape.len(), other.len()) {
        (2, 1) => body.unsqueeze(&b, &[1]),
        (3, 1) => body.unsqueeze(&b, &[2, 3]),
        _ => b,
    };
    body.op(kind, &[&a, &b])
}

pub fn concat(body: &mut Body<'_>, op: &Concat) -> String {
    let parts: Vec<String> = (0..body.node().inputs.len()).map(|at| body.input(at).0).collect();
    let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
    body.op_with("Concat", &parts, vec![int("axis", op.axis as i64 + 1)])
}

pub fn slice(body: &mut Body<'_>, op: &Slice) -> String {
    let x = body.x();
    body.slice(&x, op.axis + 1, op.start, op.len)
}
