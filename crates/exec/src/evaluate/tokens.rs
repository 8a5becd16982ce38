use std::f64::consts::TAU;

use burn::tensor::module::embedding;
use burn::tensor::{Device, Tensor, TensorData};
use secateur_graph::Op;
use secateur_graph::ops::{AddPosition, MeanTokens, SelectToken, Timestep};

use super::{Moment, wrong};
use crate::{ExecError, Memory, Value};

/// Tokens [samples, tokens, features]: where they come from, where they stand, and which of them answer.
pub(super) fn evaluate(moment: Moment<'_>, inputs: &[Value], memory: Option<&mut Memory>) -> Result<Value, ExecError> {
    let node = moment.node();
    let misfit = || wrong(node, "inputs of the rank the graph says", inputs);
    Ok(match (&node.op, inputs) {
        (Op::Embedding(_), [Value::R2(ids)]) => Value::R3(embedding(moment.need_matrix(0)?, ids.clone().int())),
        (Op::Embedding(_), [Value::R1(ids)]) => {
            let ids = ids.clone().unsqueeze_dim::<2>(1).int();
            Value::R2(embedding(moment.need_matrix(0)?, ids).squeeze_dim(1))
        }
        (Op::AddPosition(op), [Value::R3(x)]) => {
            let first = op.first + memory.map_or(0, |memory| memory.seen);
            let table = match moment.param(0)? {
                Some(Value::R3(table)) => table,
                Some(Value::R2(table)) => table.unsqueeze_dim(0),
                _ => return Err(misfit()),
            };
            Value::R3(x.clone() + rows(op, table, first, x.dims()[1]).ok_or_else(misfit)?)
        }
        (Op::SinePositions(op), [Value::R3(x)]) => {
            let table = op.table().into_iter().map(|entry| entry as f32).collect::<Vec<_>>();
            let table = TensorData::new(table, [1, op.height * op.width, op.features]);
            Value::R3(x.clone() + Tensor::<3>::from_data(table, &x.device()))
        }
        (Op::Timestep(op), [Value::R1(t)]) => Value::R2(waves(op, t.clone())),
        (Op::PrependToken(_), [Value::R3(x)]) => {
            let [samples, _, features] = x.dims();
            let first = match moment.param(0)? {
                Some(Value::R3(tokens)) => tokens,
                Some(Value::R1(token)) => token.unsqueeze(),
                _ => return Err(misfit()),
            };
            let count = first.dims()[1];
            Value::R3(Tensor::cat(vec![first.expand([samples, count, features]), x.clone()], 1))
        }
        (Op::SelectToken(SelectToken { index }), [Value::R3(x)]) => {
            Value::R2(x.clone().narrow(1, *index, 1).squeeze_dim(1))
        }
        (Op::LastToken(_), [Value::R3(x)]) => {
            let last = x.dims()[1] - 1;
            Value::R2(x.clone().narrow(1, last, 1).squeeze_dim(1))
        }
        (Op::SelectHighest(_), [Value::R3(x), Value::R2(ids)]) => Value::R2(select_highest(x.clone(), ids.clone())),
        (Op::MeanTokens(MeanTokens { from }), [Value::R3(x)]) => {
            let counted = x.dims()[1] - from;
            Value::R2(x.clone().narrow(1, *from, counted).mean_dim(1).squeeze_dim(1))
        }
        _ => return Err(misfit()),
    })
}

/// [1, tokens, features] of the table, from row `first` on; none past its end.
fn rows(op: &AddPosition, table: Tensor<3>, first: usize, tokens: usize) -> Option<Tensor<3>> {
    (first + tokens <= op.entries).then(|| table.narrow(1, first, tokens))
}

/// [samples] -> [samples, features]
fn waves(op: &Timestep, t: Tensor<1>) -> Tensor<2> {
    let half = op.features / 2;
    let frequency = |at: usize| (-(10_000f64.ln()) * at as f64 / (half as f64 - op.shift)).exp() as f32;
    let frequencies = row((0..half).map(frequency).collect(), &t.device());
    let angles = within_one_turn(t.unsqueeze_dim::<2>(1) * frequencies);
    let (sines, cosines) = sines_and_cosines(angles);
    Tensor::cat(if op.cosines_first { vec![cosines, sines] } else { vec![sines, cosines] }, 1)
}

/// The same angles between -pi and pi: WGSL promises nothing of a sine beyond. The turn is taken off in two parts
/// (Cody & Waite, 1980), the first of so few digits that its multiples are exact in f32.
fn within_one_turn(angles: Tensor<2>) -> Tensor<2> {
    const COARSE: f64 = 6.28125;
    let turns = (angles.clone() / TAU).round();
    angles - turns.clone() * COARSE - turns * (TAU - COARSE)
}

/// Of angles within one turn, by their series at a quarter of the angle and twice the double-angle formulas: WGSL
/// promises its own within 2^-11 only, and software adapters make use of that.
fn sines_and_cosines(angles: Tensor<2>) -> (Tensor<2>, Tensor<2>) {
    let x = angles * 0.25;
    let square = x.clone().square();
    let series = |coefficients: [f64; 4]| {
        let sum = coefficients.into_iter().rev().fold(square.zeros_like(), |sum, c| (sum + c) * square.clone());
        sum + 1.0
    };
    let sine = x * series([-1.0 / 6.0, 1.0 / 120.0, -1.0 / 5040.0, 1.0 / 362_880.0]);
    let cosine = series([-1.0 / 2.0, 1.0 / 24.0, -1.0 / 720.0, 1.0 / 40_320.0]);
    let doubled = |(sine, cosine): (Tensor<2>, Tensor<2>)| (sine.clone() * cosine * 2.0, sine.square() * -2.0 + 1.0);
    doubled(doubled((sine, cosine)))
}

/// The token at which the ids [samples, tokens] are highest, the first of several.
fn select_highest(x: Tensor<3>, ids: Tensor<2>) -> Tensor<2> {
    let [samples, tokens, features] = x.dims();
    // Devices break ties as they like: earlier places get a little more. Ids times tokens stay whole in f32.
    let place = row((0..tokens).map(|at| at as f32).collect(), &x.device());
    let highest = (ids * tokens as f64 - place).argmax(1);
    x.gather(1, highest.unsqueeze_dim::<3>(2).expand([samples, 1, features])).squeeze_dim(1)
}

fn row(values: Vec<f32>, device: &Device) -> Tensor<2> {
    let len = values.len();
    Tensor::from_data(TensorData::new(values, [1, len]), device)
}
