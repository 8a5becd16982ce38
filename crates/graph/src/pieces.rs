//! A model in pieces that follow each other, each a model of its own.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use crate::ops::Input;
use crate::{Graph, Node, NodeId, Op, Output, Param, ParamId};

/// One block or several, between which and the blocks before there is one value, and another one to the blocks behind.
#[derive(Clone, Debug, PartialEq)]
pub struct Piece {
    /// Its first input, but for the first piece, has the name of the node whose value it is. Inputs of the whole model that
    /// it reads follow. Its answer is what the next piece begins with; the last one has the whole model's outputs.
    pub graph: Graph,
    /// For each of its parameters the whole model's.
    pub params: Vec<ParamId>,
}

impl Graph {
    /// The model in as many pieces as there can be. Run one after the other they answer as the whole.
    pub fn pieces(&self) -> Vec<Piece> {
        let starts = (1..self.blocks()).map(|block| self.block_nodes(block).start);
        let cuts = starts.filter_map(|at| Some((at, self.only_value_at(at)?)));
        let mut pieces = Vec::new();
        let (mut start, mut entry) = (0, None);
        for (at, value) in cuts {
            let answer = Output { name: self.node(value).name.clone(), node: value };
            pieces.push(self.piece(start..at, entry, &[answer]));
            (start, entry) = (at, Some(value));
        }
        pieces.push(self.piece(start..self.nodes.len(), entry, &self.outputs));
        pieces
    }

    /// The one value of the nodes before `at` that those behind need; inputs can be given again.
    fn only_value_at(&self, at: usize) -> Option<NodeId> {
        let read =
            self.nodes[at..].iter().flat_map(|node| &node.inputs).chain(self.outputs.iter().map(|out| &out.node));
        let before = |id: &&NodeId| (id.0 as usize) < at && !matches!(self.node(**id).op, Op::Input(_));
        let values: BTreeSet<NodeId> = read.filter(before).copied().collect();
        values.first().copied().filter(|_| values.len() == 1)
    }

    fn piece(&self, range: Range<usize>, entry: Option<NodeId>, outputs: &[Output]) -> Piece {
        let read = self.nodes[range.clone()].iter().flat_map(|node| &node.inputs);
        let again: BTreeSet<NodeId> =
            read.filter(|id| (id.0 as usize) < range.start && Some(**id) != entry).copied().collect();
        let mut graph = Graph { nodes: Vec::new(), params: Vec::new(), outputs: Vec::new() };
        let (mut places, mut params) = (BTreeMap::new(), Vec::<ParamId>::new());
        if let Some(id) = entry {
            let Node { name, shape, .. } = self.node(id).clone();
            let op = Input::new(&shape).into();
            places.insert(id, NodeId(0));
            graph.nodes.push(Node { name, op, inputs: Vec::new(), params: Vec::new(), shape, block: 0 });
        }
        for id in again.into_iter().chain(range.map(|at| NodeId(at as u32))) {
            let here = NodeId(graph.nodes.len() as u32);
            let mut node = self.node(id).clone();
            node.block = 0;
            node.inputs.iter_mut().for_each(|input| *input = places[input]);
            for param in &mut node.params {
                let known = params.iter().position(|known| known == param).unwrap_or_else(|| {
                    params.push(*param);
                    graph.params.push(Param { node: here, ..self.param(*param).clone() });
                    params.len() - 1
                });
                *param = ParamId(known as u32);
            }
            places.insert(id, here);
            graph.nodes.push(node);
        }
        let placed = |output: &Output| Output { name: output.name.clone(), node: places[&output.node] };
        graph.outputs = outputs.iter().map(placed).collect();
        Piece { graph, params }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ops::{Activation, Add, Linear};
    use crate::{Builder, GraphError};

    /// Four blocks, the second and third of which both read what is before them; the last one is tied to the first.
    fn model() -> Result<Graph, GraphError> {
        let linear = || Linear::new(4, 4, true);
        let mut g = Builder::default();
        let x = g.add("x", Input::new(&[4]), &[])?;
        let first = g.add("first", linear(), &[x])?;
        g.block();
        let second = g.add("second", linear(), &[first])?;
        g.block();
        let third = g.add("third", linear(), &[second])?;
        let sum = g.add("sum", Add, &[third, first])?;
        g.block();
        let late = g.add("late", Add, &[sum, x])?;
        let relu = g.add("relu", Activation::Relu, &[late])?;
        let last = g.tie("last", linear(), &[relu], first)?;
        Ok(g.finish(last))
    }

    #[test]
    fn pieces_are_parted_where_one_value_passes() {
        let graph = model().unwrap();
        let pieces = graph.pieces();
        let names = |piece: &Piece| piece.graph.nodes.iter().map(|node| node.name.clone()).collect::<Vec<_>>();
        let all: Vec<_> = pieces.iter().map(names).collect();
        assert_eq!(
            all,
            [vec!["x", "first"], vec!["first", "second", "third", "sum"], vec!["sum", "x", "late", "relu", "last"]]
        );
        let weights = |piece: &Piece| piece.params.iter().map(|id| graph.param(*id).name.clone()).collect::<Vec<_>>();
        assert_eq!(weights(&pieces[1]), ["second.weight", "second.bias", "third.weight", "third.bias"]);
        assert_eq!(weights(&pieces[2]), ["first.weight", "first.bias"], "tied");
        for piece in &pieces {
            let graph = &piece.graph;
            for (at, node) in graph.nodes.iter().enumerate() {
                assert_eq!(graph.infer(&node.name, &node.op, &node.inputs).unwrap(), node.shape);
                assert!(node.inputs.iter().all(|input| (input.0 as usize) < at));
            }
            assert!(graph.params.iter().all(|param| graph.node(param.node).name != "x"));
        }
        assert_eq!(pieces[2].graph.outputs[0].name, graph.outputs[0].name);
    }

    #[test]
    fn a_model_of_one_block_is_one_piece() {
        let mut g = Builder::default();
        let x = g.add("x", Input::new(&[4]), &[]).unwrap();
        let y = g.add("y", Linear::new(4, 2, false), &[x]).unwrap();
        let graph = g.finish(y);
        assert_eq!(graph.pieces(), [Piece { graph: graph.clone(), params: vec![ParamId(0)] }]);
    }
}
