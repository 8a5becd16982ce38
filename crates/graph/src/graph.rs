use serde::{Deserialize, Serialize};

use crate::op::product;
use crate::{Op, Shape};

/// Position of a node in [`Graph::nodes`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct NodeId(pub u32);

/// Position of a parameter in [`Graph::params`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ParamId(pub u32);

/// A model without its weights. Made by [`crate::Builder`], so every shape in it has been checked.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Graph {
    /// In an order in which they can be evaluated: a node reads earlier nodes only.
    pub nodes: Vec<Node>,
    /// In the order of the nodes they belong to.
    pub params: Vec<Param>,
    /// The node whose value is the model's answer.
    pub output: NodeId,
}

/// One operation and where its inputs come from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Node {
    /// As the checkpoint names the module, e.g. `vit.encoder.layer.0.intermediate.dense`.
    pub name: String,
    pub op: Op,
    pub inputs: Vec<NodeId>,
    /// In the order of the op's [`crate::OpRule::params`].
    pub params: Vec<ParamId>,
    /// Shape of the value for one sample; the batch axis is left out.
    pub shape: Shape,
    /// The block this node belongs to. Blocks are numbered in evaluation order; calibration goes block by block.
    pub block: u32,
}

/// A named array of numbers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Param {
    /// As in the checkpoint.
    pub name: String,
    pub dims: Vec<Dim>,
    pub role: Role,
    pub node: NodeId,
}

/// One axis of a parameter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dim {
    pub axis: Axis,
    pub size: usize,
}

/// What an axis of a parameter runs over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Axis {
    /// Outputs of the operation: neurons or channels.
    Out,
    /// Inputs of the operation.
    In,
    KernelHeight,
    KernelWidth,
    Token,
    /// Features of a token or channels that are only scaled or shifted.
    Feature,
    /// Size 1, kept because the checkpoint has it.
    Unit,
}

/// What a parameter is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Role {
    /// Weight of a product or convolution: the only role that is pruned entry by entry.
    Weight,
    Bias,
    Norm,
    Embedding,
}

/// Why a graph could not be built.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("{op} at {node}: wanted {want}, got {got}")]
pub struct GraphError {
    pub op: &'static str,
    pub node: String,
    pub want: String,
    pub got: String,
}

impl Graph {
    pub fn node(&self, id: NodeId) -> &Node {
        &self.nodes[id.0 as usize]
    }

    pub fn param(&self, id: ParamId) -> &Param {
        &self.params[id.0 as usize]
    }

    /// Node ids in evaluation order.
    pub fn node_ids(&self) -> impl Iterator<Item = NodeId> + use<> {
        (0..self.nodes.len() as u32).map(NodeId)
    }

    pub fn param_ids(&self) -> impl Iterator<Item = ParamId> + use<> {
        (0..self.params.len() as u32).map(ParamId)
    }

    /// The parameters that masks may cut, in graph order.
    pub fn prunable(&self) -> impl Iterator<Item = ParamId> + '_ {
        self.param_ids().filter(|id| self.param(*id).role == Role::Weight)
    }

    pub fn find_param(&self, name: &str) -> Option<ParamId> {
        self.params.iter().position(|param| param.name == name).map(|at| ParamId(at as u32))
    }

    /// Number of blocks; see [`Node::block`].
    pub fn blocks(&self) -> u32 {
        self.nodes.last().map_or(0, |node| node.block + 1)
    }
}

impl Param {
    pub fn shape(&self) -> Vec<usize> {
        self.dims.iter().map(|dim| dim.size).collect()
    }

    /// Number of entries; the largest number if there is no such number.
    pub fn len(&self) -> usize {
        product(&self.shape())
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// (rows, cols) when read as a matrix with one row per output: a convolution's kernel
    /// [out, in, h, w] has in*h*w columns.
    pub fn matrix(&self) -> (usize, usize) {
        let rows = self.dims.first().map_or(1, |dim| dim.size);
        (rows, self.len().checked_div(rows).unwrap_or(0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Builder;
    use crate::ops::{Activation, Conv2d, Flatten, Input, LayerNorm, Linear};

    /// [1, 4, 4] -> conv -> [2, 3, 3] -> flatten -> linear -> [5], in three blocks.
    fn graph() -> Graph {
        let mut g = Builder::default();
        g.block();
        let x = g.add("image", Input { shape: vec![1, 4, 4] }, &[]).unwrap();
        let conv = Conv2d { inputs: 1, outputs: 2, kernel: 2, stride: 1, padding: 0, bias: true };
        let x = g.add("conv", conv, &[x]).unwrap();
        g.block();
        g.block();
        let x = g.add("relu", Activation::Relu, &[x]).unwrap();
        let x = g.add("flatten", Flatten, &[x]).unwrap();
        g.block();
        let x = g.add("norm", LayerNorm { features: 18, eps: 1e-6 }, &[x]).unwrap();
        let x = g.add("fc", Linear { inputs: 18, outputs: 5, bias: false }, &[x]).unwrap();
        g.finish(x)
    }

    #[test]
    fn parameters_stand_in_node_order() {
        let graph = graph();
        let names: Vec<_> = graph.params.iter().map(|param| param.name.as_str()).collect();
        assert_eq!(names, ["conv.weight", "conv.bias", "norm.weight", "norm.bias", "fc.weight"]);
        assert_eq!(graph.prunable().collect::<Vec<_>>(), [ParamId(0), ParamId(4)]);
        for id in graph.param_ids() {
            let param = graph.param(id);
            assert_eq!(graph.find_param(&param.name), Some(id));
            assert!(graph.node(param.node).params.contains(&id));
        }
        assert_eq!(graph.find_param("fc.bias"), None);
    }

    #[test]
    fn counts_are_the_hand_count() {
        let graph = graph();
        assert_eq!(graph.params_total(), 8 + 2 + 18 + 18 + 90);
        assert_eq!(graph.prunable_total(), 8 + 90);
        assert_eq!(graph.macs(), 18 * 4 + 90);
    }

    #[test]
    fn an_empty_block_is_not_counted() {
        let graph = graph();
        assert_eq!(graph.nodes.iter().map(|node| node.block).collect::<Vec<_>>(), [0, 0, 1, 1, 2, 2]);
        assert_eq!(graph.blocks(), 3);
    }

    #[test]
    fn a_kernel_is_a_matrix_with_a_row_for_each_output() {
        let graph = graph();
        assert_eq!(graph.param(ParamId(0)).shape(), [2, 1, 2, 2]);
        assert_eq!(graph.param(ParamId(0)).matrix(), (2, 4));
        assert_eq!(graph.param(ParamId(4)).matrix(), (5, 18));
    }
}
