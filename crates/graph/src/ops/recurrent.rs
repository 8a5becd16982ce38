use serde::{Deserialize, Serialize};

use crate::groups::{Side, Ties};
use crate::op::{product, product_u64};
use crate::surgery::Kept;
use crate::{Axis, OpRule, ParamSpec, Role, Shape};

/// One recurrent layer over [tokens, inputs] → [tokens, hidden], from a zero state; parameters are named and stacked as
/// torch.nn's RNN, GRU and LSTM have them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Recurrent {
    pub cell: Cell,
    pub inputs: usize,
    pub hidden: usize,
    pub bias: bool,
    /// The number in the parameters' names.
    pub layer: usize,
    /// From the last token to the first, the second half of a bidirectional layer.
    pub reverse: bool,
}

/// The kinds of recurrent cell.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Cell {
    Tanh,
    Relu,
    /// Cho et al. (2014), gates stacked as reset, update, new.
    Gru,
    /// Hochreiter & Schmidhuber (1997), gates stacked as input, forget, cell, output.
    Lstm,
}

impl Cell {
    /// How many matrices are stacked in one weight.
    pub fn gates(self) -> usize {
        match self {
            Self::Tanh | Self::Relu => 1,
            Self::Gru => 3,
            Self::Lstm => 4,
        }
    }
}

impl OpRule for Recurrent {
    fn infer(&self, inputs: &[&Shape]) -> Result<Shape, (String, String)> {
        match inputs {
            [x] if x.len() == 2 && x[1] == self.inputs => Ok(vec![x[0], self.hidden]),
            other => Err((format!("[tokens, {}]", self.inputs), format!("{other:?}"))),
        }
    }

    /// weight_ih, weight_hh, then bias_ih and bias_hh.
    fn params(&self) -> Vec<ParamSpec> {
        let suffix = |word: &str| format!("{word}_l{}{}", self.layer, if self.reverse { "_reverse" } else { "" });
        let out = (Axis::Out, product(&[self.cell.gates(), self.hidden]));
        let weight = |word, inputs| ParamSpec::new(suffix(word), Role::Weight, &[out, (Axis::In, inputs)]);
        let bias = |word| ParamSpec::new(suffix(word), Role::Bias, &[out]);
        let weights = [weight("weight_ih", self.inputs), weight("weight_hh", self.hidden)];
        let biases = ["bias_ih", "bias_hh"].into_iter().filter(|_| self.bias).map(bias);
        weights.into_iter().chain(biases).collect()
    }

    fn macs(&self, _inputs: &[&Shape], output: &Shape) -> u64 {
        let inputs = self.inputs.saturating_add(self.hidden) as u64;
        product_u64(output).saturating_mul(self.cell.gates() as u64).saturating_mul(inputs)
    }

    fn ties(&self, ties: &mut Ties<'_>) {
        let unit = |at: usize| at % self.hidden;
        ties.same(&[Side::Input(0), Side::Param(0, 1)]);
        let stacked = (0..self.params().len()).map(|at| Side::Param(at, 0));
        let all = stacked.chain([Side::Output, Side::Param(1, 1)]);
        ties.join(&all.map(|side| (side, &unit as &dyn Fn(usize) -> usize)).collect::<Vec<_>>());
    }

    fn shrink(&mut self, kept: &Kept<'_>) {
        (self.inputs, self.hidden) = (kept.inputs_left(0), kept.outputs_left());
    }

    fn title(&self) -> String {
        let cell = match self.cell {
            Cell::Tanh => "RNN",
            Cell::Relu => "RNN with ReLU",
            Cell::Gru => "GRU",
            Cell::Lstm => "LSTM",
        };
        let backwards = if self.reverse { ", backwards" } else { "" };
        format!("{cell} {} → {}{backwards}", self.inputs, self.hidden)
    }
}
