use crate::{Graph, Node, ParamId, Shape};

impl Graph {
    /// Entries of all parameters.
    pub fn params_total(&self) -> u64 {
        self.entries(self.param_ids())
    }

    /// Entries of the parameters that masks may cut.
    pub fn prunable_total(&self) -> u64 {
        self.entries(self.prunable())
    }

    /// Multiply-accumulates of the dense model for one sample.
    pub fn macs(&self) -> u64 {
        let cost = |node: &Node| {
            let inputs: Vec<&Shape> = node.inputs.iter().map(|id| &self.node(*id).shape).collect();
            node.op.rule().macs(&inputs, &node.shape)
        };
        self.nodes.iter().map(cost).fold(0, u64::saturating_add)
    }

    fn entries(&self, params: impl Iterator<Item = ParamId>) -> u64 {
        params.map(|id| self.param(id).len() as u64).fold(0, u64::saturating_add)
    }
}
