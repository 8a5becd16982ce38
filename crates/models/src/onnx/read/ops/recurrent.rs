use secateur_graph::ops::{Cell, Concat, Recurrent};

use super::{fixed, need};
use crate::onnx::read::constant::Constant;
use crate::onnx::read::flow::{Flow, Mapped};
use crate::onnx::read::operator::Operator;
use crate::onnx::read::value::Value;
use crate::onnx::read::view::{Atom, View, whole_axes, whole_axis};

/// A recurrent layer, one way or both. ONNX has tokens before samples and stacks gates in an order of its own.
pub fn map(flow: &mut Flow, op: Operator<'_>, inputs: &[Option<Value>]) -> Mapped<Value> {
    let x = flow.data(op, 0)?;
    let x = flow.settled(&x)?;
    let (weight, state) = (need(inputs, 1)?, need(inputs, 2)?);
    let (&[directions, stacked, features], &[again, rows, hidden]) = (&weight.shape[..], &state.shape[..]) else {
        return Err("its weights have no axis of directions".into());
    };
    let cell = cell(op)?;
    let shape = flow.shape(x.node);
    let [batch, tokens, own] = whole_axes(&shape, flow.batch).try_into().map_err(|_| "its input is no text")?;
    let from_zero = (5..8).all(|at| inputs.get(at).is_none_or(|input| input.is_none()) || is_zero(inputs, at));
    if x.axes != [tokens.clone(), batch.clone(), own]
        || (again, rows) != (directions, stacked)
        || stacked != cell.gates() * hidden
        || !from_zero
    {
        return Err("it does not begin with zeros, or its input is not [tokens, samples, features]".into());
    }
    let reverse = match (op.text("direction").unwrap_or("forward"), directions) {
        ("forward", 1) => vec![false],
        ("reverse", 1) => vec![true],
        ("bidirectional", 2) => vec![false, true],
        (other, _) => return Err(format!("its direction is {other}").into()),
    };
    let bias = fixed(inputs, 3).filter(|bias| bias.shape == [directions, 2 * stacked]);
    let mut ways = Vec::new();
    for (way, reverse) in reverse.into_iter().enumerate() {
        let mut params = vec![gates(weight, cell, way, features)?, gates(state, cell, way, hidden)?];
        if let Some(bias) = bias {
            let half = |half: usize, word: &str| -> Mapped<Constant> {
                let all = bias.all()?;
                let start = (2 * way + half) * stacked;
                let own = Constant::numbers(vec![1, stacked], &all[start..start + stacked], false);
                // As PyTorch calls it beside its weight.
                let name = weight.name.as_deref().filter(|name| name.contains("weight_ih_l"));
                let name = name.map(|name| name.replace("weight_ih", word).into());
                Ok(Constant { name, ..gates(&own, cell, 0, 1)? })
            };
            params.extend([half(0, "bias_ih")?, half(1, "bias_hh")?]);
        }
        let layer = layer(weight);
        let recurrent = Recurrent { cell, inputs: features, hidden, bias: bias.is_some(), layer, reverse };
        let params: Vec<&Constant> = params.iter().collect();
        ways.push(flow.add(&op.label(), recurrent, &[x.node], &params)?);
    }
    let node = match ways[..] {
        [way] => way,
        _ => flow.add(&op.label(), Concat { axis: 1 }, &ways, &[])?,
    };
    let ways = Atom { axis: 2, stride: hidden, size: directions };
    let ways = if directions > 1 { vec![ways] } else { Vec::new() };
    Ok(Value::Data(View { node, label: op.label(), ..x.with(vec![tokens, ways, batch, whole_axis(2, hidden)]) }))
}

fn cell(op: Operator<'_>) -> Mapped<Cell> {
    let activations = op.texts("activations");
    match (op.kind(), activations.as_slice()) {
        ("LSTM", [] | ["Sigmoid", "Tanh", "Tanh", ..]) => Ok(Cell::Lstm),
        ("GRU", [] | ["Sigmoid", "Tanh", ..]) if op.int("linear_before_reset", 0) != 0 => Ok(Cell::Gru),
        ("RNN", [] | ["Tanh", ..]) => Ok(Cell::Tanh),
        ("RNN", ["Relu", ..]) => Ok(Cell::Relu),
        _ => Err("its equations are not PyTorch's".into()),
    }
}

fn is_zero(inputs: &[Option<Value>], at: usize) -> bool {
    fixed(inputs, at).and_then(|state| state.all().ok()).is_some_and(|all| all.iter().all(|entry| *entry == 0.0))
}

/// One direction's stack [gates * hidden, columns] in PyTorch's order.
fn gates(stack: &Constant, cell: Cell, way: usize, columns: usize) -> Mapped<Constant> {
    let order: &[usize] = match cell {
        Cell::Tanh | Cell::Relu => &[0],
        Cell::Gru => &[1, 0, 2],
        Cell::Lstm => &[0, 2, 3, 1],
    };
    let all = stack.all()?;
    let len = stack.len() / stack.shape[0];
    let gate = len / order.len();
    let own = &all[way * len..(way + 1) * len];
    let numbers: Vec<f64> = order.iter().flat_map(|at| own[at * gate..(at + 1) * gate].iter().copied()).collect();
    let name = stack.name.clone().filter(|_| stack.shape[0] == 1);
    Ok(Constant { name, ..Constant::numbers(vec![len / columns.max(1), columns], numbers, false) })
}

/// The layer's number in PyTorch's names, `rnn.weight_ih_l1`.
fn layer(weight: &Constant) -> usize {
    let name = weight.name.as_deref().unwrap_or_default().trim_end_matches("_reverse");
    name.rsplit_once("_l").and_then(|(_, number)| number.parse().ok()).unwrap_or(0)
}
