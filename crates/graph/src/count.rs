use crate::op::product_u64;
use crate::{Graph, Node, ParamId, Shape};

/// What a model costs, whatever its numbers are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Counts {
    /// Entries of all parameters.
    pub params: u64,
    /// Multiply-accumulates for one sample.
    pub macs: u64,
    /// Numbers that have to be kept at once while one sample is evaluated node by node: values that somebody still reads.
    pub activations: u64,
}

impl Graph {
    /// What the model costs.
    pub fn counts(&self) -> Counts {
        Counts { params: self.params_total(), macs: self.macs(), activations: self.activations() }
    }

    fn activations(&self) -> u64 {
        let size = |at: usize| product_u64(&self.nodes[at].shape);
        let mut last_reader: Vec<usize> = (0..self.nodes.len()).collect();
        for (at, node) in self.nodes.iter().enumerate() {
            node.inputs.iter().for_each(|input| last_reader[input.0 as usize] = at);
        }
        self.outputs.iter().for_each(|output| last_reader[output.node.0 as usize] = self.nodes.len());
        let (mut live, mut most) = (0_u64, 0);
        for at in 0..self.nodes.len() {
            live = live.saturating_add(size(at));
            most = most.max(live);
            let done = (0..=at).filter(|value| last_reader[*value] == at);
            live = live.saturating_sub(done.map(size).fold(0, u64::saturating_add));
        }
        most
    }

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
        self.nodes.iter().map(|node| self.macs_of(node)).fold(0, u64::saturating_add)
    }

    /// Multiply-accumulates of one of its nodes for one sample.
    pub fn macs_of(&self, node: &Node) -> u64 {
        let inputs: Vec<&Shape> = node.inputs.iter().map(|id| &self.node(*id).shape).collect();
        node.op.rule().macs(&inputs, &node.shape)
    }

    fn entries(&self, params: impl Iterator<Item = ParamId>) -> u64 {
        params.map(|id| self.param(id).len() as u64).fold(0, u64::saturating_add)
    }
}

/// 1234567 as `1,234,567`: how counts are shown everywhere.
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::grouped;

    #[test]
    fn counts_are_grouped_in_threes() {
        assert_eq!([0, 999, 1_000, 299_594, 1_234_567].map(grouped), ["0", "999", "1,000", "299,594", "1,234,567"]);
    }
}
