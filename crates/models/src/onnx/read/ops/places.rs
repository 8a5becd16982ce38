use secateur_graph::ops::{AvgPool2d, Conv2d, MaxPool2d, Pad2d, PadChannels, Upsample};

use super::{fixed, linear, need};
use crate::onnx::read::constant::Constant;
use crate::onnx::read::flow::{Flow, Mapped};
use crate::onnx::read::index::axis;
use crate::onnx::read::operator::Operator;
use crate::onnx::read::value::Value;
use crate::onnx::read::view::View;

/// A window that slides over a picture.
struct Window {
    kernel: usize,
    stride: usize,
    padding: usize,
    /// Rows more of padding below and columns more to the right.
    after: usize,
}

pub fn map(flow: &mut Flow, op: Operator<'_>, inputs: &[Option<Value>]) -> Mapped<Value> {
    let x = flow.data(op, 0)?;
    let label = op.label();
    if x.axes.len() != 4 {
        return Err(format!("its input {:?} is no picture", x.dims()).into());
    }
    if op.kind() == "Conv" {
        return conv(flow, op, inputs, &x).map(Value::Data);
    }
    let mut node = flow.plain(&x)?;
    let node = match op.kind() {
        "MaxPool" => {
            let Window { kernel, stride, padding, after: 0 } = window(op, None)? else { return Err(uneven().into()) };
            flow.add(&label, MaxPool2d { kernel, stride, padding }, &[node], &[])?
        }
        "AveragePool" => match window(op, None)? {
            Window { kernel, stride, padding: 0, after: 0 } if kernel == stride => {
                flow.add(&label, AvgPool2d { kernel }, &[node], &[])?
            }
            _ => return Err("its windows overlap or are padded".into()),
        },
        "Resize" => {
            let factor = factor(op, inputs, &x)?;
            flow.add(&label, Upsample { factor }, &[node], &[])?
        }
        _ => {
            let [channels, places] = padding(op, inputs)?;
            if channels != (0, 0) {
                let (before, after) = channels;
                node = flow.add(&label, PadChannels { before, after }, &[node], &[])?;
            }
            match places {
                (0, 0) => node,
                (before, after) => flow.add(&label, Pad2d { before, after }, &[node], &[])?,
            }
        }
    };
    Ok(Value::Data(flow.whole(node, &label)))
}

fn uneven() -> String {
    "its padding is not the same on all sides".into()
}

fn conv(flow: &mut Flow, op: Operator<'_>, inputs: &[Option<Value>], x: &View) -> Mapped<View> {
    let (weight, bias) = (need(inputs, 1)?, fixed(inputs, 2));
    let &[outputs, each, height, width] = weight.shape.as_slice() else { return Err("its kernel is not flat".into()) };
    let Window { kernel, stride, padding, after } = window(op, Some([height, width]))?;
    let groups = op.int("group", 1).max(1) as usize;
    if let (1, 1, Some(vector)) = (kernel, groups, x.squeeze(&[2, 3])) {
        // Of a single place it is a linear layer, as after a mean over places.
        let weight = weight.reshaped(vec![outputs, each])?;
        let y = linear::product(flow, &vector, &linear::turned(&weight)?, bias, [&op.label(); 2])?;
        return Ok(y.unsqueeze(&[2, 3]).unwrap_or(y));
    }
    let label = flow.module(&op.label(), weight);
    let mut node = flow.plain(x)?;
    if after > 0 {
        let pad = Pad2d { before: padding, after: padding + after };
        node = flow.add(&format!("{label}.pad"), pad, &[node], &[])?;
    }
    let padding = if after > 0 { 0 } else { padding };
    let inputs = each.saturating_mul(groups);
    let op = Conv2d { inputs, outputs, kernel, stride, padding, groups, bias: bias.is_some() };
    let params: Vec<&Constant> = [weight].into_iter().chain(bias).collect();
    let node = flow.add(&label, op, &[node], &params)?;
    Ok(flow.whole(node, &label))
}

fn window(op: Operator<'_>, kernel: Option<[usize; 2]>) -> Mapped<Window> {
    let two = |name: &str, usual: i64| match op.ints(name) {
        None => Ok(usual),
        Some([a, b]) if a == b => Ok(*a),
        Some(other) => Err(format!("its {name} are {other:?}")),
    };
    let kernel = match kernel {
        Some([height, width]) if height == width => height as i64,
        Some(other) => return Err(format!("its kernel is {other:?}").into()),
        None => two("kernel_shape", 0)?,
    };
    if two("dilations", 1)? != 1 || op.int("ceil_mode", 0) != 0 {
        return Err("its windows have gaps or end beyond the picture".into());
    }
    if !matches!(op.text("auto_pad"), None | Some("NOTSET" | "VALID" | "")) {
        return Err("its padding depends on the size".into());
    }
    let (before, after) = match op.ints("pads") {
        None => (0, 0),
        Some(&[top, left, bottom, right]) if top == left && bottom == right && top <= bottom => (top, bottom),
        Some(_) => return Err(uneven().into()),
    };
    let size = |size: i64| usize::try_from(size).map_err(|_| format!("it has a negative size {size}"));
    Ok(Window {
        kernel: size(kernel)?,
        stride: size(two("strides", 1)?)?,
        padding: size(before)?,
        after: size(after - before)?,
    })
}

/// How many times larger a picture becomes.
fn factor(op: Operator<'_>, inputs: &[Option<Value>], x: &View) -> Mapped<usize> {
    if op.text("mode").unwrap_or("nearest") != "nearest" {
        return Err("it works places out between others".into());
    }
    let dims = x.dims();
    let scales = fixed(inputs, 2).filter(|scales| scales.len() == 4).map(Constant::all).transpose()?;
    let sizes = fixed(inputs, 3).filter(|sizes| sizes.len() == 4).map(Constant::all).transpose()?;
    let by_size = |sizes: &[f64]| sizes.iter().zip(&dims).map(|(size, own)| size / *own as f64).collect::<Vec<_>>();
    let factors = scales.map(|scales| scales.to_vec()).or_else(|| Some(by_size(&sizes?)));
    match factors.as_deref() {
        Some([1.0, 1.0, height, width]) if height == width && height.fract() == 0.0 && *height >= 1.0 => {
            Ok(*height as usize)
        }
        other => Err(format!("it scales by {other:?}").into()),
    }
}

/// Zeros before and after channels, and before and after both sides.
fn padding(op: Operator<'_>, inputs: &[Option<Value>]) -> Mapped<[(usize, usize); 2]> {
    let zero = fixed(inputs, 2).and_then(Constant::single).is_none_or(|value| value == 0.0);
    if !zero || op.text("mode").unwrap_or("constant") != "constant" {
        return Err("it pads with something else than zeros".into());
    }
    let given = fixed(inputs, 1).map(Constant::integers).transpose()?.or_else(|| op.ints("pads").map(<[i64]>::to_vec));
    let given = given.ok_or("its pads are missing")?;
    let axes = fixed(inputs, 3).map(Constant::integers).transpose()?.unwrap_or_else(|| (0..4).collect());
    if given.len() != 2 * axes.len() {
        return Err("its pads are not as many as its axes".into());
    }
    let mut all = [(0, 0); 4];
    for (at, along) in axes.iter().enumerate() {
        let size = |size: i64| usize::try_from(size).map_err(|_| "it cuts".to_string());
        all[axis(*along, 4)?] = (size(given[at])?, size(given[at + axes.len()])?);
    }
    match all {
        [(0, 0), channels, height, width] if height == width => Ok([channels, height]),
        _ => Err(uneven().into()),
    }
}
