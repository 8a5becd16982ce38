//! Cutting units out for good: a smaller graph, and which slices of the parameters it keeps.

mod kept;
mod masks;

use std::collections::BTreeMap;

pub use kept::{Kept, count, runs_left};

use crate::groups::{Group, LegalError, feature_axis, features};
use crate::{Graph, GraphError, Node, NodeId, Op, Output, Param, ParamId};

/// What norms take their mean and variance over when features go.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Statistics {
    /// Over as many features as before, those that are gone counting as 0: the model answers as the masked one does.
    #[default]
    Kept,
    /// Over the features that are left, as a stock model of that width does: another function, to be trained or compensated.
    Recomputed,
}

/// Units that go, by the place of their group in [`Graph::groups`]; each unit once, in any order.
pub type Removal = BTreeMap<usize, Vec<u32>>;

/// A smaller model.
#[derive(Clone, Debug, PartialEq)]
pub struct Surgery {
    pub graph: Graph,
    /// Where each of its parameters comes from.
    pub params: Vec<Slices>,
}

impl Surgery {
    /// The tokens that stay of a model's vocabulary, in rising order, which is that of their new numbers; none: all.
    pub fn tokens(&self, whole: &Graph) -> Option<&[usize]> {
        let table = whole.token_table()?;
        self.params.iter().find(|slices| slices.from == table)?.kept[0].as_deref()
    }
}

/// The part of a parameter that stays.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Slices {
    pub from: ParamId,
    /// For each axis the entries that stay, in rising order; none: all.
    pub kept: Vec<Option<Vec<usize>>>,
}

/// Why a model could not be cut.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum CutError {
    #[error(transparent)]
    Legal(#[from] LegalError),
    #[error("there is no group {group}, only {groups}")]
    NoGroup { group: usize, groups: usize },
    /// Removals that are legal one by one and do not go together.
    #[error("{0}; these cuts do not go together, make them one after the other")]
    Graph(#[from] GraphError),
    #[error("{node}: {left} of its features would stay in a value of {shape:?}; these cuts do not go together")]
    Width { node: String, left: usize, shape: Vec<usize> },
}

impl Graph {
    /// The model without some units.
    pub fn cut(&self, groups: &[Group], removal: &Removal, statistics: Statistics) -> Result<Surgery, CutError> {
        Surgeon::new(self, &Marks::new(self, groups, removal)?, statistics).run()
    }

    /// For each node, whether an output depends on it, where whoever reads a node reads what `instead` says.
    pub(crate) fn needed(&self, instead: &dyn Fn(NodeId) -> NodeId) -> Vec<bool> {
        let mut needed = vec![false; self.nodes.len()];
        self.outputs.iter().for_each(|output| needed[instead(output.node).0 as usize] = true);
        for at in (0..self.nodes.len()).rev() {
            if needed[at] {
                self.nodes[at].inputs.iter().for_each(|input| needed[instead(*input).0 as usize] = true);
            }
        }
        needed
    }

    /// Parameters that outputs depend on, but not where whoever reads a node reads what `instead` says.
    pub(crate) fn useless(&self, instead: &dyn Fn(NodeId) -> NodeId) -> Vec<ParamId> {
        let used = |instead| {
            let mut used = vec![false; self.params.len()];
            let nodes = self.nodes.iter().zip(self.needed(instead)).filter(|(_, needed)| *needed);
            nodes.flat_map(|(node, _)| &node.params).for_each(|id| used[id.0 as usize] = true);
            used
        };
        let (before, after) = (used(&|id| id), used(instead));
        self.param_ids().filter(|id| before[id.0 as usize] && !after[id.0 as usize]).collect()
    }
}

/// What a removal leaves of each value and parameter.
pub(crate) struct Marks {
    /// For each node's features whether they stay.
    values: Vec<Vec<bool>>,
    /// The same of each parameter's axes.
    params: Vec<Vec<Vec<bool>>>,
    /// Who reads the one reads the other instead.
    skips: BTreeMap<NodeId, NodeId>,
    /// Parameters that go with what is skipped.
    skipped: Vec<ParamId>,
}

impl Marks {
    pub fn new(graph: &Graph, groups: &[Group], removal: &Removal) -> Result<Self, CutError> {
        let values = graph.nodes.iter().map(|node| vec![true; features(&node.shape)]).collect();
        let axes = |param: &Param| param.dims.iter().map(|dim| vec![true; dim.size]).collect();
        let params = graph.params.iter().map(axes).collect();
        let mut marks = Self { values, params, skips: BTreeMap::new(), skipped: Vec::new() };
        for (at, units) in removal {
            let no_group = CutError::NoGroup { group: *at, groups: groups.len() };
            marks.remove(groups.get(*at).ok_or(no_group)?, units)?;
        }
        marks.skipped = graph.useless(&|id| marks.instead(id));
        Ok(marks)
    }

    fn remove(&mut self, group: &Group, units: &[u32]) -> Result<(), CutError> {
        group.check(units)?;
        let mut gone = vec![false; group.units];
        units.iter().for_each(|unit| gone[*unit as usize] = true);
        let strike = |kept: &mut [bool], unit_of: &[Option<u32>]| {
            for (kept, unit) in kept.iter_mut().zip(unit_of) {
                *kept &= unit.is_none_or(|unit| !gone[unit as usize]);
            }
        };
        for (node, unit_of) in &group.values {
            strike(&mut self.values[node.0 as usize], unit_of);
        }
        for member in &group.members {
            strike(&mut self.params[member.param.0 as usize][member.axis], &member.unit_of);
        }
        for (skip, _) in group.skips.iter().zip(&gone).filter(|(_, gone)| **gone) {
            self.skips.insert(skip.to, skip.from);
        }
        Ok(())
    }

    /// What is read instead of a node.
    fn instead(&self, mut id: NodeId) -> NodeId {
        while let Some(from) = self.skips.get(&id) {
            id = *from;
        }
        id
    }
}

struct Surgeon<'a> {
    old: &'a Graph,
    marks: &'a Marks,
    statistics: Statistics,
    cut: Surgery,
    /// New places of old nodes and parameters.
    nodes: Vec<Option<NodeId>>,
    params: Vec<Option<ParamId>>,
}

impl<'a> Surgeon<'a> {
    fn new(old: &'a Graph, marks: &'a Marks, statistics: Statistics) -> Self {
        let graph = Graph { nodes: Vec::new(), params: Vec::new(), outputs: Vec::new() };
        let cut = Surgery { graph, params: Vec::new() };
        Self { old, marks, statistics, cut, nodes: vec![None; old.nodes.len()], params: vec![None; old.params.len()] }
    }

    fn run(mut self) -> Result<Surgery, CutError> {
        let needed = self.old.needed(&|id| self.marks.instead(id));
        // The model goes on taking what it took, needed or not.
        let stays = |id: &NodeId| needed[id.0 as usize] || matches!(self.old.node(*id).op, Op::Input(_));
        for id in self.old.node_ids().filter(stays).collect::<Vec<_>>() {
            self.node(id)?;
        }
        let outputs = self.old.outputs.iter();
        self.cut.graph.outputs =
            outputs.map(|output| Output { name: output.name.clone(), node: self.now(output.node) }).collect();
        Ok(self.cut)
    }

    /// Where the node stands now that is read instead of an old one; those before the present node are all there.
    fn now(&self, old: NodeId) -> NodeId {
        self.nodes[self.marks.instead(old).0 as usize].expect("a node reads earlier nodes, and those needed are kept")
    }

    fn node(&mut self, id: NodeId) -> Result<(), CutError> {
        let node = self.old.node(id);
        let inputs = node.inputs.iter().map(|input| self.marks.instead(*input));
        let input = |id: NodeId| (&self.marks.values[id.0 as usize][..], feature_axis(&self.old.node(id).shape));
        let kept = &self.marks.values[id.0 as usize];
        let mut op = node.op.clone();
        let params = node.params.iter().map(|id| &self.marks.params[id.0 as usize][..]).collect();
        let inputs = inputs.map(input).collect();
        op.rule_mut().shrink(&Kept { inputs, output: kept, params, statistics: self.statistics });
        let inputs: Vec<NodeId> = node.inputs.iter().map(|input| self.now(*input)).collect();
        let shape = self.cut.graph.infer(&node.name, &op, &inputs)?;
        if features(&shape) != count(kept) {
            return Err(CutError::Width { node: node.name.clone(), left: count(kept), shape });
        }
        let place = NodeId(self.cut.graph.nodes.len() as u32);
        let specs = op.rule().params();
        let params = node.params.iter().zip(specs).map(|(old, spec)| self.param(*old, spec.dims, place)).collect();
        let block = self.block(node.block);
        self.nodes[id.0 as usize] = Some(place);
        self.cut.graph.nodes.push(Node { name: node.name.clone(), op, inputs, params, shape, block });
        Ok(())
    }

    /// Blocks are numbered without gaps.
    fn block(&self, old: u32) -> u32 {
        let last = |nodes: &[Option<NodeId>]| nodes.iter().rposition(Option::is_some);
        match last(&self.nodes) {
            None => 0,
            Some(at) => self.cut.graph.blocks() - 1 + u32::from(self.old.nodes[at].block != old),
        }
    }

    fn param(&mut self, old: ParamId, dims: Vec<crate::Dim>, node: NodeId) -> ParamId {
        if let Some(there) = self.params[old.0 as usize] {
            return there;
        }
        let id = ParamId(self.cut.params.len() as u32);
        let entries = |kept: &Vec<bool>| {
            let all = kept.iter().all(|kept| *kept);
            (!all).then(|| (0..kept.len()).filter(|at| kept[*at]).collect())
        };
        let kept = self.marks.params[old.0 as usize].iter().map(entries).collect();
        self.cut.graph.params.push(Param { dims, node, ..self.old.param(old).clone() });
        self.cut.params.push(Slices { from: old, kept });
        self.params[old.0 as usize] = Some(id);
        id
    }
}

#[cfg(test)]
mod tests;
