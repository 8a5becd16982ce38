use secateur_graph::ops::{Cell, Recurrent};

use super::body::{Body, int, text, texts};

/// One layer. ONNX has tokens before samples, stacks gates in an order of its own and both biases in one vector.
pub fn recurrent(body: &mut Body<'_>, op: &Recurrent) -> String {
    let (kind, order): (_, &[usize]) = match op.cell {
        Cell::Tanh | Cell::Relu => ("RNN", &[0]),
        Cell::Gru => ("GRU", &[1, 0, 2]),
        Cell::Lstm => ("LSTM", &[0, 3, 1, 2]),
    };
    let x = body.x();
    let x = body.transpose(&x, &[1, 0, 2]);
    let [of_input, of_state] = [0, 1].map(|at| {
        let weight = reordered(body, body.param(at), order);
        body.unsqueeze(&weight, &[0])
    });
    let mut inputs = vec![x, of_input, of_state];
    if op.bias {
        let biases = [2, 3].map(|at| reordered(body, body.param(at), order));
        let bias = body.op_with("Concat", &[&biases[0], &biases[1]], vec![int("axis", 0)]);
        inputs.push(body.unsqueeze(&bias, &[0]));
    }
    let mut attributes = vec![int("hidden_size", op.hidden as i64)];
    if op.reverse {
        attributes.push(text("direction", "reverse"));
    }
    match op.cell {
        Cell::Gru => attributes.push(int("linear_before_reset", 1)),
        Cell::Relu => attributes.push(texts("activations", &["Relu"])),
        Cell::Tanh | Cell::Lstm => {}
    }
    let inputs: Vec<&str> = inputs.iter().map(String::as_str).collect();
    let y = body.op_with(kind, &inputs, attributes);
    let directions = body.ints(&[1]);
    let y = body.op("Squeeze", &[&y, &directions]);
    body.transpose(&y, &[1, 0, 2])
}

/// A stack of gates in another order.
fn reordered(body: &mut Body<'_>, stack: &str, order: &[usize]) -> String {
    if order.len() == 1 {
        return stack.to_string();
    }
    let attributes = vec![int("axis", 0), int("num_outputs", order.len() as i64)];
    let gates = body.outputs_of("Split", &[stack], attributes, order.len());
    let gates: Vec<&str> = order.iter().map(|gate| gates[*gate].as_str()).collect();
    body.op_with("Concat", &gates, vec![int("axis", 0)])
}
