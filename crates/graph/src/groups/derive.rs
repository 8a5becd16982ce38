use std::collections::BTreeMap;

use super::ties::{Cells, Slot};
use super::{Grain, Group, Member, Ties, UnitKind, Vocabulary, tokens};
use crate::{Graph, Node, NodeId, Op, ParamId};

/// Cells of one slot that belong to one set: the slot's number and the places in it.
type Part = (usize, Vec<u32>);

/// Groups of units that are made of features.
pub(super) fn groups(graph: &Graph) -> Vec<Group> {
    let attentions = |grain: &Grain| {
        graph.nodes.iter().any(|node| match &node.op {
            Op::Attention(op) => *grain == Grain::HeadDims || op.heads > op.kv_heads,
            _ => false,
        })
    };
    let finer = [Grain::QueryHeads, Grain::HeadDims].into_iter().filter(attentions);
    [Grain::Heads].into_iter().chain(finer).flat_map(|grain| of_grain(graph, grain)).collect()
}

fn of_grain(graph: &Graph, grain: Grain) -> Vec<Group> {
    let mut cells = Cells::new(graph);
    for id in graph.node_ids() {
        graph.node(id).op.rule().ties(&mut Ties { graph, node: id, grain, cells: &mut cells });
    }
    let tables = tokens::tables(graph);
    tokens::tie(graph, &tables, &mut cells);
    let is_row = |slot: &Slot| matches!(slot, Slot::Param(id, 0) if tables.contains(id));
    let mut groups = Vec::new();
    for units in by_pattern(sets(&mut cells, &is_row)) {
        let slots: Vec<Slot> = units[0].iter().map(|(slot, _)| cells.slots[*slot]).collect();
        let tokens = slots.iter().any(is_row);
        let Some((kind, at)) = kind(graph, grain, &slots, tokens) else { continue };
        groups.push(group(graph, &slots, &units, kind, at));
    }
    groups
}

/// Sets of cells that can be cut and that values and parameters have a part in, in the order of their first cells. Tokens'
/// rows have no value where the model does not answer about tokens.
fn sets(cells: &mut Cells, is_row: &dyn Fn(&Slot) -> bool) -> Vec<Vec<Part>> {
    let mut place_of = BTreeMap::new();
    let mut sets: Vec<Vec<Part>> = Vec::new();
    for slot in 0..cells.slots.len() {
        for (at, cell) in cells.of(slot).enumerate() {
            if cells.is_fixed(cell) {
                continue;
            }
            let place = *place_of.entry(cells.root(cell)).or_insert(sets.len());
            if place == sets.len() {
                sets.push(Vec::new());
            }
            match sets[place].last_mut() {
                Some((last, entries)) if *last == slot => entries.push(at as u32),
                _ => sets[place].push((slot, vec![at as u32])),
            }
        }
    }
    let value = |part: &Part| matches!(cells.slots[part.0], Slot::Value(_));
    let row = |part: &Part| is_row(&cells.slots[part.0]);
    sets.retain(|set| !set.iter().all(value) && (set.iter().any(value) || set.iter().any(row)));
    sets
}

/// Sets that take as many cells from the same slots, together.
fn by_pattern(sets: Vec<Vec<Part>>) -> Vec<Vec<Vec<Part>>> {
    let mut place_of = BTreeMap::new();
    let mut groups: Vec<Vec<Vec<Part>>> = Vec::new();
    for set in sets {
        let pattern: Vec<(usize, usize)> = set.iter().map(|(slot, entries)| (*slot, entries.len())).collect();
        let place = *place_of.entry(pattern).or_insert(groups.len());
        if place == groups.len() {
            groups.push(Vec::new());
        }
        groups[place].push(set);
    }
    groups
}

fn group(graph: &Graph, slots: &[Slot], units: &[Vec<Part>], kind: UnitKind, at: String) -> Group {
    let (mut members, mut values) = (Vec::new(), Vec::new());
    for (part, slot) in slots.iter().enumerate() {
        let size = match slot {
            Slot::Value(node) => super::features(&graph.node(*node).shape),
            Slot::Param(param, axis) => graph.param(*param).dims[*axis].size,
        };
        let mut unit_of = vec![None; size];
        for (unit, parts) in units.iter().enumerate() {
            parts[part].1.iter().for_each(|at| unit_of[*at as usize] = Some(unit as u32));
        }
        match slot {
            Slot::Value(node) => values.push((*node, unit_of)),
            Slot::Param(param, axis) => members.push(Member { param: *param, axis: *axis, unit_of }),
        }
    }
    let bins = (kind == UnitKind::Heads).then(|| bins(graph, &values)).flatten();
    Group { kind, at, units: units.len(), members, values, bins, skips: Vec::new(), vocabulary: Vocabulary::default() }
}

/// Which keys the query heads look at, where several share some.
fn bins(graph: &Graph, values: &[(NodeId, Vec<Option<u32>>)]) -> Option<Vec<u32>> {
    let node = values.iter().map(|(id, _)| graph.node(*id)).find(|node| matches!(node.op, Op::Attention(_)))?;
    let Op::Attention(op) = &node.op else { return None };
    (op.heads > op.kv_heads).then(|| (0..op.heads).map(|head| (head / (op.heads / op.kv_heads)) as u32).collect())
}

/// What units with cells in these slots are, and where they are made. None for what another grain tells better. `tokens`:
/// rows of a vocabulary are among them.
fn kind(graph: &Graph, grain: Grain, slots: &[Slot], tokens: bool) -> Option<(UnitKind, String)> {
    let nodes = || {
        slots.iter().filter_map(|slot| match slot {
            Slot::Value(id) => Some(graph.node(*id)),
            Slot::Param(..) => None,
        })
    };
    let attention = nodes().find_map(|node| match &node.op {
        Op::Attention(op) => Some((op, node.name.clone())),
        _ => None,
    });
    let kind = match (grain, attention) {
        (Grain::Heads, _) if tokens => UnitKind::Tokens,
        (Grain::Heads, Some((op, at))) if op.heads == op.kv_heads => return Some((UnitKind::Heads, at)),
        (Grain::Heads, Some((_, at))) => return Some((UnitKind::KvGroups, at)),
        (Grain::QueryHeads, Some((op, at))) => return (op.heads > op.kv_heads).then_some((UnitKind::Heads, at)),
        (Grain::HeadDims, Some((_, at))) => return Some((UnitKind::HeadDims, at)),
        (Grain::QueryHeads | Grain::HeadDims, None) => return None,
        (Grain::Heads, None) if is_stream(nodes()) => UnitKind::Width,
        (Grain::Heads, None) if nodes().any(|node| matches!(node.op, Op::Conv2d(_))) => UnitKind::Channels,
        (Grain::Heads, None) => UnitKind::Neurons,
    };
    Some((kind, maker(graph, slots)?))
}

/// Whether these values are those of a residual stream of tokens, or of an embedding.
fn is_stream<'a>(nodes: impl Iterator<Item = &'a Node> + Clone) -> bool {
    let table = |node: &Node| matches!(node.op, Op::Embedding(_) | Op::AddPosition(_) | Op::PrependToken(_));
    let norm = |node: &Node| matches!(node.op, Op::LayerNorm(_) | Op::RmsNorm(_));
    let add = |node: &Node| matches!(node.op, Op::Add(_));
    nodes.clone().any(table) || (nodes.clone().any(norm) && nodes.clone().any(add))
}

/// The module of the first parameter, in graph order, whose first axis or features are among these slots.
fn maker(graph: &Graph, slots: &[Slot]) -> Option<String> {
    let first = slots.iter().find_map(|slot| match slot {
        Slot::Param(id, axis) => makes(graph, *id, *axis).then_some(*id),
        Slot::Value(_) => None,
    })?;
    Some(graph.node(graph.param(first).node).name.clone())
}

fn makes(graph: &Graph, id: ParamId, axis: usize) -> bool {
    matches!(graph.param(id).dims[axis].axis, crate::Axis::Out | crate::Axis::Feature)
}
