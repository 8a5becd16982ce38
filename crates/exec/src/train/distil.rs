use burn::tensor::Tensor;
use burn::tensor::activation::{log_softmax, softmax};
use secateur_graph::{Graph, NodeId};

use super::step::flat;
use crate::forward::values_of;
use crate::value::each_rank;
use crate::{ExecError, Inputs, Params, Value};

/// A teacher of the same graph, usually the dense model (Hinton et al., 2015).
#[derive(Clone, Debug)]
pub struct Distil<'a> {
    pub teacher: &'a Params,
    /// Both answers are divided by it before they are compared, and the loss multiplied with its square.
    pub temperature: f64,
    /// The share of the loss that the teacher's answers decide, 0 to 1; the task decides the rest.
    pub share: f64,
    /// The weight of the mean of squared differences between hidden states, at the end of each block.
    pub hidden: f64,
}

impl Distil<'_> {
    /// The last node of each block but the last, where hidden states are compared.
    pub(super) fn hidden(&self, graph: &Graph) -> Vec<NodeId> {
        if self.hidden == 0.0 {
            return Vec::new();
        }
        let last = |block| NodeId(graph.block_nodes(block).end as u32 - 1);
        (0..graph.blocks().saturating_sub(1)).map(last).collect()
    }

    /// What the teacher answers, and its hidden states.
    pub(super) fn answers(&self, graph: &Graph, inputs: Inputs) -> Result<Vec<Value>, ExecError> {
        let nodes: Vec<NodeId> = [graph.output()].into_iter().chain(self.hidden(graph)).collect();
        values_of(graph, self.teacher, inputs, &nodes)
    }

    /// The loss that both decide. Answers whose last axis is a choice are compared by their probabilities, pictures by their
    /// numbers.
    pub(super) fn blend(&self, task: Tensor<1>, said: &[Value], taught: &[Value]) -> Tensor<1> {
        let answers = match (&said[0], &taught[0]) {
            (Value::R4(said), Value::R4(taught)) => apart(Value::R4(said.clone()), Value::R4(taught.clone())),
            (said, taught) => self.surprise(said.clone(), taught.clone()),
        };
        let mut loss = task * (1.0 - self.share) + answers * self.share;
        for (said, taught) in said.iter().zip(taught).skip(1) {
            loss = loss + apart(said.clone(), taught.clone()) * self.hidden;
        }
        loss
    }

    /// KL(teacher || student) by row, times temperature squared.
    fn surprise(&self, said: Value, taught: Value) -> Tensor<1> {
        let classes = said.shape().last().copied().unwrap_or(1).max(1);
        let rows = |value: Value| -> Tensor<2> {
            each_rank!(value, value => {
                let rows = value.dims().iter().product::<usize>() / classes;
                value.reshape([rows, classes])
            })
        };
        let (said, taught) = (rows(said) / self.temperature, rows(taught).autodiff() / self.temperature);
        let count = said.dims()[0] as f64;
        let apart = softmax(taught.clone(), 1) * (log_softmax(taught, 1) - log_softmax(said, 1));
        apart.sum() * (self.temperature * self.temperature / count)
    }
}

/// The mean of squared differences.
fn apart(said: Value, taught: Value) -> Tensor<1> {
    let taught = each_rank!(taught, taught => flat(taught)).autodiff();
    each_rank!(said, said => (flat(said) - taught).square().mean())
}
