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
