use super::{Group, Member, UnitKind};
use crate::{Axis, Graph, Node, NodeId, Op};

/// Where a value is read in such a way that what is multiplied into it there is all that its features do: before a product
/// that sums over them, or a norm that measures them.
#[derive(Clone, Debug, PartialEq)]
pub struct GateSite {
    pub reader: NodeId,
    /// Which of the reader's inputs.
    pub input: usize,
    /// For each feature of the input the unit whose gate it meets.
    pub unit_of: Vec<Option<u32>>,
}

impl Group {
    /// Every place where a unit's gate is multiplied in: 0 there is the same as removing the unit, 1 is the model as it was.
    /// Sub-layers and blocks have none, because theirs is between two values; see [`super::Skip`].
    pub fn gate_sites(&self, graph: &Graph) -> Vec<GateSite> {
        let unit_of = |id: &NodeId| self.values.iter().find(|(value, _)| value == id).map(|(_, unit_of)| unit_of);
        let sites = graph.node_ids().flat_map(|reader| {
            let inputs = graph.node(reader).inputs.iter().enumerate();
            let read = inputs.filter(move |(input, _)| self.sums(graph.node(reader), *input));
            read.filter_map(move |(input, id)| Some(GateSite { reader, input, unit_of: unit_of(id)?.clone() }))
        });
        sites.collect()
    }

    /// Parameters whose entries meet the gates too: a recurrent layer reads its own units, token by token, and a token is no
    /// feature of any value before the answers about it.
    pub fn gated_members(&self, graph: &Graph) -> impl Iterator<Item = &Member> {
        self.members.iter().filter(move |member| {
            let param = graph.param(member.param);
            let recurrent = matches!(graph.node(param.node).op, Op::Recurrent(_));
            let own = graph.node(param.node).params.get(1) == Some(&member.param) && member.axis == 1;
            self.kind == UnitKind::Tokens || (recurrent && own)
        })
    }

    /// Whether a node sums over the features of one of its inputs.
    fn sums(&self, node: &Node, input: usize) -> bool {
        // What the op says of its parameters: a tied one may be somebody else's table.
        let specs = node.op.rule().params();
        let multiplied = || specs.iter().any(|spec| spec.dims.iter().any(|dim| dim.axis == Axis::In));
        match &node.op {
            // Where heads are normed one by one, no head measures another.
            Op::RmsNorm(_) if matches!(self.kind, UnitKind::Heads | UnitKind::KvGroups) => false,
            Op::LayerNorm(_) | Op::RmsNorm(_) | Op::GroupNorm(_) | Op::Normalize(_) => true,
            Op::Attention(_) => self.kind == UnitKind::HeadDims && input == 0,
            _ => input == 0 && multiplied(),
        }
    }
}
