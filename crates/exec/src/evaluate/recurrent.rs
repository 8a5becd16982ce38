use burn::tensor::Tensor;
use burn::tensor::activation::{relu, sigmoid, tanh};
use burn::tensor::module::linear;
use secateur_graph::ops::{Cell, Recurrent};

use super::{Moment, wrong};
use crate::{ExecError, Memory, Value};

/// Tokens that are cut out of all before each is cut out of them: in training, the gradient of a cut is as long as what it
/// was cut from.
const PIECE: usize = 16;

/// One layer, token by token, with torch.nn's equations.
pub(super) fn evaluate(
    op: &Recurrent,
    moment: Moment<'_>,
    inputs: &[Value],
    memory: Option<&mut Memory>,
) -> Result<Value, ExecError> {
    let [Value::R3(x)] = inputs else { return Err(wrong(moment.node(), "[samples, tokens, features]", inputs)) };
    let [samples, tokens, _] = x.dims();
    let (from_input, from_state) = (moment.need_matrix(0)?.transpose(), moment.need_matrix(1)?.transpose());
    let (input_bias, state_bias) = (moment.vector(2)?, moment.vector(3)?);
    let zero = || Tensor::zeros([samples, op.hidden], &x.device());
    let past = memory.as_ref().and_then(|memory| memory.recurrent.get(&moment.id).cloned());
    let mut state = past.unwrap_or_else(|| (zero(), zero()));

    // What comes from the inputs does not depend on the state: one product for all tokens.
    let driven = linear(x.clone(), from_input, input_bias);
    let mut answers = vec![None; tokens];
    for start in in_order(op, (0..tokens).step_by(PIECE)) {
        let piece = driven.clone().narrow(1, start, PIECE.min(tokens - start));
        for at in in_order(op, 0..piece.dims()[1]) {
            let driven = piece.clone().narrow(1, at, 1).squeeze_dim::<2>(1);
            let recalled = linear(state.0.clone(), from_state.clone(), state_bias.clone());
            state = step(op, driven, recalled, state);
            answers[start + at] = Some(state.0.clone().unsqueeze_dim::<3>(1));
        }
    }
    if let Some(memory) = memory {
        memory.recurrent.insert(moment.id, state);
    }
    Ok(Value::R3(Tensor::cat(answers.into_iter().flatten().collect(), 1)))
}

/// From the first on, or backwards.
fn in_order(op: &Recurrent, places: impl DoubleEndedIterator<Item = usize>) -> Vec<usize> {
    if op.reverse { places.rev().collect() } else { places.collect() }
}

/// The next state and cell, from what the input and what the state say to the stacked gates [samples, gates * hidden].
fn step(
    op: &Recurrent,
    driven: Tensor<2>,
    recalled: Tensor<2>,
    (state, cell): (Tensor<2>, Tensor<2>),
) -> (Tensor<2>, Tensor<2>) {
    let gate = |x: &Tensor<2>, at: usize| x.clone().narrow(1, at * op.hidden, op.hidden);
    let both = |at: usize| gate(&driven, at) + gate(&recalled, at);
    match op.cell {
        Cell::Tanh => (tanh(both(0)), cell),
        Cell::Relu => (relu(both(0)), cell),
        Cell::Gru => {
            let (reset, update) = (sigmoid(both(0)), sigmoid(both(1)));
            let fresh = tanh(gate(&driven, 2) + reset * gate(&recalled, 2));
            (fresh.clone() + update * (state - fresh), cell)
        }
        Cell::Lstm => {
            let (input, forget, fresh, output) = (sigmoid(both(0)), sigmoid(both(1)), tanh(both(2)), sigmoid(both(3)));
            let cell = forget * cell + input * fresh;
            (output * tanh(cell.clone()), cell)
        }
    }
}
