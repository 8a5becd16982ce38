use crate::{Graph, Shape};

impl Graph {
    /// Entries of all parameters.
    pub fn params_total(&self) -> u64 {
        self.params.iter().map(|param| param.len() as u64).sum()
    }

    /// Entries of the parameters that masks may cut.
    pub fn prunable_total(&self) -> u64 {
        self.prunable().map(|id| self.param(id).len() as u64).sum()
    }

    /// Multiply-accumulates of the dense model for one sample.
    pub fn macs(&self) -> u64 {
        let cost = |node: &crate::Node| {
            let inputs: Vec<&Shape> = node.inputs.iter().map(|id| &self.node(*id).shape).collect();
            node.op.rule().macs(&inputs, &node.shape)
        };
        self.nodes.iter().map(cost).sum()
    }
}
