use crate::{Graph, NodeId, ParamId, Shape};

use super::Grain;

/// A row of entries at a node whose places can be tied to others'.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// Features of the value that comes in there.
    Input(usize),
    /// Features of the node's own value.
    Output,
    /// One axis of one of the node's parameters: its place in the op's list, and the axis.
    Param(usize, usize),
}

/// Where the features of a value lie: the last axis of [tokens, features], the first of [channels, height, width].
/// None for a single number.
pub fn feature_axis(shape: &Shape) -> Option<usize> {
    match shape.len() {
        0 => None,
        2 => Some(1),
        _ => Some(0),
    }
}

/// How many features a value has; none for a single number.
pub(crate) fn features(shape: &Shape) -> usize {
    feature_axis(shape).map_or(0, |axis| shape[axis])
}

/// A value's features or one axis of a parameter, as a whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Slot {
    Value(NodeId),
    Param(ParamId, usize),
}

/// Every feature of every value and every entry of every parameter's axes, in sets of those that can only be cut together
/// (a union-find over all of them).
pub(super) struct Cells {
    pub slots: Vec<Slot>,
    /// The first cell of each slot, and the end.
    starts: Vec<usize>,
    /// The slot of each parameter's first axis; values have that of their node.
    params: Vec<usize>,
    above: Vec<usize>,
    fixed: Vec<bool>,
}

impl Cells {
    pub fn new(graph: &Graph) -> Self {
        let mut cells = Self { slots: vec![], starts: vec![0], params: vec![], above: vec![], fixed: vec![] };
        for id in graph.node_ids() {
            cells.push(Slot::Value(id), features(&graph.node(id).shape));
        }
        for id in graph.param_ids() {
            cells.params.push(cells.slots.len());
            for (axis, dim) in graph.param(id).dims.iter().enumerate() {
                cells.push(Slot::Param(id, axis), dim.size);
            }
        }
        let count = cells.starts[cells.slots.len()];
        cells.above = (0..count).collect();
        cells.fixed = vec![false; count];
        cells
    }

    fn push(&mut self, slot: Slot, size: usize) {
        self.slots.push(slot);
        self.starts.push(self.starts[self.starts.len() - 1] + size);
    }

    /// The cells of a slot.
    pub fn of(&self, slot: usize) -> std::ops::Range<usize> {
        self.starts[slot]..self.starts[slot + 1]
    }

    fn slot(&self, slot: Slot) -> usize {
        match slot {
            Slot::Value(node) => node.0 as usize,
            Slot::Param(param, axis) => self.params[param.0 as usize] + axis,
        }
    }

    /// The cell that stands for its set.
    pub fn root(&mut self, cell: usize) -> usize {
        let mut at = cell;
        while self.above[at] != at {
            self.above[at] = self.above[self.above[at]];
            at = self.above[at];
        }
        at
    }

    fn tie(&mut self, a: usize, b: usize) {
        let (a, b) = (self.root(a), self.root(b));
        let (low, high) = (a.min(b), a.max(b));
        self.above[high] = low;
        self.fixed[low] |= self.fixed[high];
    }

    pub fn is_fixed(&mut self, cell: usize) -> bool {
        let root = self.root(cell);
        self.fixed[root]
    }

    /// Ties two slots of one size, cell by cell.
    pub fn same(&mut self, a: Slot, b: Slot) {
        let (a, b) = (self.of(self.slot(a)), self.of(self.slot(b)));
        a.zip(b).for_each(|(a, b)| self.tie(a, b));
    }

    pub fn fix(&mut self, slot: Slot) {
        for cell in self.of(self.slot(slot)) {
            let root = self.root(cell);
            self.fixed[root] = true;
        }
    }
}

/// What an op ties together at one of its nodes; see [`crate::OpRule::ties`].
pub struct Ties<'a> {
    pub(super) graph: &'a Graph,
    pub(super) node: NodeId,
    pub(super) grain: Grain,
    pub(super) cells: &'a mut Cells,
}

impl Ties<'_> {
    /// How finely attention is cut.
    pub fn grain(&self) -> Grain {
        self.grain
    }

    /// How many values come in.
    pub fn inputs(&self) -> usize {
        self.graph.node(self.node).inputs.len()
    }

    /// Shape of a value that comes in.
    pub fn input_shape(&self, at: usize) -> &Shape {
        &self.graph.node(self.graph.node(self.node).inputs[at]).shape
    }

    /// Number of entries.
    pub fn size(&self, side: Side) -> usize {
        self.cells.of(self.cells.slot(self.slot(side))).len()
    }

    fn slot(&self, side: Side) -> Slot {
        let node = self.graph.node(self.node);
        match side {
            Side::Input(at) => Slot::Value(node.inputs[at]),
            Side::Output => Slot::Value(self.node),
            Side::Param(at, axis) => Slot::Param(node.params[at], axis),
        }
    }

    /// Ties all entries that get the same key, wherever they stand.
    pub fn join(&mut self, sides: &[(Side, &dyn Fn(usize) -> usize)]) {
        let mut first_of = Vec::new();
        for (side, key) in sides {
            for (at, cell) in self.cells.of(self.cells.slot(self.slot(*side))).enumerate() {
                let key = key(at);
                if key >= first_of.len() {
                    first_of.resize(key + 1, None);
                }
                match first_of[key] {
                    Some(first) => self.cells.tie(first, cell),
                    None => first_of[key] = Some(cell),
                }
            }
        }
    }

    /// Ties entry by entry.
    pub fn same(&mut self, sides: &[Side]) {
        self.join(&sides.iter().map(|side| (*side, &(|at| at) as &dyn Fn(usize) -> usize)).collect::<Vec<_>>());
    }

    /// Nothing of this, nor of what it is tied to, can be cut.
    pub fn fix(&mut self, side: Side) {
        self.cells.fix(self.slot(side));
    }
}
