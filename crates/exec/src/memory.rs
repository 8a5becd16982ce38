use std::collections::BTreeMap;

use burn::tensor::Tensor;
use secateur_graph::NodeId;

/// What a model remembers of the tokens it has seen, so that a text can be continued token by token: keys and values
/// of each attention, states of recurrent layers.
#[derive(Clone, Debug, Default)]
pub struct Memory {
    /// Tokens seen so far.
    pub(crate) seen: usize,
    /// [samples, tokens, features] of keys and values.
    attention: BTreeMap<NodeId, (Tensor<3>, Tensor<3>)>,
    /// [samples, hidden] of state and cell.
    pub(crate) recurrent: BTreeMap<NodeId, (Tensor<2>, Tensor<2>)>,
}

impl Memory {
    /// Tokens seen so far.
    pub fn tokens(&self) -> usize {
        self.seen
    }

    /// Puts new keys and values behind those of earlier tokens and returns them all.
    pub(crate) fn extend(&mut self, at: NodeId, k: Tensor<3>, v: Tensor<3>) -> (Tensor<3>, Tensor<3>) {
        let all = match self.attention.remove(&at) {
            Some((past_k, past_v)) => (Tensor::cat(vec![past_k, k], 1), Tensor::cat(vec![past_v, v], 1)),
            None => (k, v),
        };
        self.attention.insert(at, all.clone());
        all
    }
}
