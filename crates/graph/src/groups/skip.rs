use std::collections::BTreeSet;

use super::{Group, UnitKind, Vocabulary};
use crate::{Graph, NodeId, Op, ParamId};

/// A branch or block that can be left out: whoever reads `to` reads `from` instead, which has the same shape.
#[derive(Clone, Debug, PartialEq)]
pub struct Skip {
    pub from: NodeId,
    pub to: NodeId,
    /// Parameters that nobody needs any more then, in graph order.
    pub params: Vec<ParamId>,
    /// Whether the model with these parameters at 0 answers as the one without them: not where a norm stands on the way
    /// itself, as in BERT's blocks.
    pub by_zeros: bool,
    /// What it is: `attention of blocks.3`.
    pub name: String,
}

/// The model's sub-layers, and its blocks.
pub(super) fn groups(graph: &Graph) -> Vec<Group> {
    let branches = branches(graph);
    let sub_layers = branches.iter().map(|(from, to)| skip(graph, *from, *to, true, branch_name(graph, *from, *to)));
    let blocks = (0..graph.blocks()).filter_map(|block| {
        let (from, to) = way_through(graph, block)?;
        Some(skip(graph, from, to, is_chain(&branches, from, to), block_name(graph, block)))
    });
    let kinds = [(UnitKind::SubLayers, sub_layers.collect()), (UnitKind::Blocks, blocks.collect::<Vec<_>>())];
    let groups = kinds.into_iter().filter(|(_, skips)| !skips.is_empty());
    groups.map(|(kind, skips)| whole(kind, skips)).collect()
}

fn whole(kind: UnitKind, skips: Vec<Skip>) -> Group {
    let units = skips.len();
    Group {
        kind,
        at: String::new(),
        units,
        members: Vec::new(),
        values: Vec::new(),
        bins: None,
        skips,
        vocabulary: Vocabulary::default(),
    }
}

fn skip(graph: &Graph, from: NodeId, to: NodeId, by_zeros: bool, name: String) -> Skip {
    let params = graph.useless(&|id| if id == to { from } else { id });
    Skip { from, to, params, by_zeros, name }
}

/// Additions of something to what it was made from: (what it was made from, the sum).
fn branches(graph: &Graph) -> Vec<(NodeId, NodeId)> {
    let sum = |id: NodeId| {
        let node = graph.node(id);
        let (Op::Add(_), [a, b]) = (&node.op, node.inputs.as_slice()) else { return None };
        let stays = |from: NodeId, branch: NodeId| {
            graph.node(from).shape == node.shape
                && graph.node(branch).shape == node.shape
                && leads_to(graph, from, branch)
        };
        match () {
            () if stays(*a, *b) => Some((*a, id)),
            () if stays(*b, *a) => Some((*b, id)),
            () => None,
        }
    };
    graph.node_ids().filter_map(sum).collect()
}

/// Whether a node's value depends on another's.
fn leads_to(graph: &Graph, from: NodeId, to: NodeId) -> bool {
    let mut depends = vec![false; graph.nodes.len()];
    depends[from.0 as usize] = true;
    for at in from.0 as usize + 1..=to.0 as usize {
        depends[at] = graph.nodes[at].inputs.iter().any(|input| depends[input.0 as usize]);
    }
    from != to && depends[to.0 as usize]
}

/// Whether nothing but additions of branches stands between two nodes.
fn is_chain(branches: &[(NodeId, NodeId)], from: NodeId, mut to: NodeId) -> bool {
    while let Some((before, _)) = branches.iter().find(|(_, sum)| *sum == to) {
        if *before == from {
            return true;
        }
        to = *before;
    }
    false
}

/// The node before a block and the block's last, if that is the only one that others read and both have one shape.
fn way_through(graph: &Graph, block: u32) -> Option<(NodeId, NodeId)> {
    let inside = |id: &NodeId| graph.node(*id).block == block;
    let read_outside = graph.nodes.iter().filter(|node| node.block != block).flat_map(|node| node.inputs.iter());
    let answers = graph.outputs.iter().map(|output| &output.node);
    let ends: BTreeSet<NodeId> = read_outside.chain(answers).copied().filter(inside).collect();
    let [end] = ends.into_iter().collect::<Vec<_>>()[..] else { return None };
    let nodes = graph.nodes.iter().filter(|node| node.block == block);
    let starts = nodes.flat_map(|node| &node.inputs).copied().filter(|id| !inside(id));
    // What a block goes on from is the newest that it reads; a U-Net's skip is older, and so are time and text.
    let start = starts.max()?;
    let alike = graph.node(start).shape == graph.node(end).shape;
    (alike && leads_to(graph, start, end)).then_some((start, end))
}

fn branch_name(graph: &Graph, from: NodeId, to: NodeId) -> String {
    let on_the_way = |id: &NodeId| *id > from && *id < to && leads_to(graph, *id, to) && leads_to(graph, from, *id);
    let ids: Vec<NodeId> = graph.node_ids().filter(on_the_way).collect();
    let has = |is: fn(&Op) -> bool| ids.iter().any(|id| is(&graph.node(*id).op));
    let what = match () {
        () if has(|op| matches!(op, Op::Attention(_))) => "attention",
        () if has(|op| matches!(op, Op::Recurrent(_))) => "recurrent layer",
        () if has(|op| matches!(op, Op::Conv2d(_))) => "convolutions",
        () => "MLP",
    };
    format!("{what} of {}", place(graph, ids.into_iter()))
}

fn block_name(graph: &Graph, block: u32) -> String {
    place(graph, graph.node_ids().filter(|id| graph.node(*id).block == block))
}

/// What the names of the parameters of some nodes start with.
fn place(graph: &Graph, nodes: impl Iterator<Item = NodeId>) -> String {
    let params = nodes.flat_map(|id| &graph.node(id).params);
    super::text::common(params.map(|id| graph.param(*id).name.as_str()))
}
