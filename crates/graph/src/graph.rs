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
    /// The model's answers; the first is the one it is judged by.
    pub outputs: Vec<Output>,
}

/// A value that a model answers with.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Output {
    /// `logits`, `hidden`, `sample` ...
    pub name: String,
    pub node: NodeId,
}

/// One operation and where its inputs come from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Node {
    /// As the checkpoint names the module, e.g. `vit.encoder.layer.0.intermediate.dense`.
    pub name: String,
    pub op: Op,
    pub inputs: Vec<NodeId>,
    /// In the order of the op's [`crate::OpRule::params`]; tied ones belong to an earlier node.
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
    /// The first node that uses it.
    pub node: NodeId,
    /// The checkpoint stores the matrix with its two axes the other way round, as GPT-2's Conv1D does.
    pub transposed: bool,
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
    /// What a batch norm has seen in training: applied, but not learned by gradients.
    Statistic,
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

    /// The node whose value the model is judged by.
    pub fn output(&self) -> NodeId {
        self.outputs[0].node
    }

    /// The input nodes, in graph order.
    pub fn inputs(&self) -> impl Iterator<Item = &Node> {
        self.nodes.iter().filter(|node| matches!(node.op, Op::Input(_)))
    }

    /// The same model on inputs of other sizes, e.g. a shorter text or a larger picture; parameters are the same.
    /// `size` gives an input's shape by its name; an optional input without one goes on having the first input's.
    pub fn resized(&self, size: impl Fn(&str) -> Option<Shape>) -> Result<Self, GraphError> {
        let mut graph = self.clone();
        let first = self.inputs().next().map(|node| (&node.shape, size(&node.name)));
        for at in 0..graph.nodes.len() {
            let mut node = graph.nodes[at].clone();
            if let Op::Input(input) = &mut node.op {
                let follows = first.as_ref().filter(|(shape, _)| input.optional && input.shape == **shape);
                let shape = size(&node.name).or_else(|| follows?.1.clone());
                input.shape = shape.unwrap_or_else(|| input.shape.clone());
            }
            node.shape = graph.infer(&node.name, &node.op, &node.inputs)?;
            graph.nodes[at] = node;
        }
        Ok(graph)
    }

    /// The shape of a node's value, given the nodes before it.
    pub(crate) fn infer(&self, name: &str, op: &Op, inputs: &[NodeId]) -> Result<Shape, GraphError> {
        let shapes: Vec<_> = inputs.iter().map(|id| &self.node(*id).shape).collect();
        op.rule().infer(&shapes).map_err(|(want, got)| GraphError { op: op.name(), node: name.to_string(), want, got })
    }

    /// A block's nodes stand together: blocks are numbered in evaluation order.
    pub fn block_nodes(&self, block: u32) -> std::ops::Range<usize> {
        let start = self.nodes.partition_point(|node| node.block < block);
        start..self.nodes.partition_point(|node| node.block <= block)
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

    /// Shape in the checkpoint's file.
    pub fn stored_shape(&self) -> Vec<usize> {
        let mut shape = self.shape();
        if self.transposed {
            shape.reverse();
        }
        shape
    }

    /// Entries in the graph's order, from those in the checkpoint's.
    pub fn from_stored<T: Copy>(&self, stored: Vec<T>) -> Vec<T> {
        let (rows, cols) = self.matrix();
        if self.transposed { transpose(&stored, cols, rows) } else { stored }
    }

    /// Entries in the checkpoint's order, from those in the graph's.
    pub fn to_stored<T: Copy>(&self, entries: Vec<T>) -> Vec<T> {
        let (rows, cols) = self.matrix();
        if self.transposed { transpose(&entries, rows, cols) } else { entries }
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

/// [rows, cols] -> [cols, rows]; entries that do not fill the matrix stay as they are.
fn transpose<T: Copy>(entries: &[T], rows: usize, cols: usize) -> Vec<T> {
    if rows.checked_mul(cols) != Some(entries.len()) {
        return entries.to_vec();
    }
    (0..cols).flat_map(|col| (0..rows).map(move |row| entries[row * cols + col])).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Builder;
    use crate::ops::{Activation, Add, Conv2d, Embedding, Flatten, Input, LayerNorm, Linear};

    /// [1, 4, 4] -> conv -> [2, 3, 3] -> flatten -> linear -> [5], in three blocks.
    fn graph() -> Graph {
        let mut g = Builder::default();
        g.block();
        let x = g.add("image", Input::new(&[1, 4, 4]), &[]).unwrap();
        let conv = Conv2d { inputs: 1, outputs: 2, kernel: 2, stride: 1, padding: 0, groups: 1, bias: true };
        let x = g.add("conv", conv, &[x]).unwrap();
        g.block();
        g.block();
        let x = g.add("relu", Activation::Relu, &[x]).unwrap();
        let x = g.add("flatten", Flatten, &[x]).unwrap();
        g.block();
        let x = g.add("norm", LayerNorm::new(18, 1e-6), &[x]).unwrap();
        let x = g.add("fc", Linear::new(18, 5, false), &[x]).unwrap();
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
        // The picture and what the convolution makes of it; that and its ReLU; ...
        assert_eq!(graph.counts().activations, 18 + 18);
    }

    #[test]
    fn another_size_of_picture_changes_shapes_and_no_parameters() {
        let mut g = Builder::default();
        let x = g.add("image", Input::new(&[1, 4, 4]), &[]).unwrap();
        let x = g.add("conv", Conv2d::new(1, 2, 2), &[x]).unwrap();
        let graph = g.finish(x);
        let larger = graph.resized(|name| (name == "image").then(|| vec![1, 9, 6])).unwrap();
        assert_eq!(larger.node(larger.output()).shape, [2, 8, 5]);
        assert_eq!(larger.params, graph.params);
        let error = graph.resized(|_| Some(vec![1, 1, 6])).unwrap_err().to_string();
        assert!(error.contains("Conv2d at conv: wanted [1, height, width]"), "{error}");
    }

    #[test]
    fn an_optional_input_follows_the_first() {
        let mut g = Builder::default();
        let tokens = g.add("tokens", Input::new(&[8]), &[]).unwrap();
        let types = g.add("token_types", Input { shape: vec![8], optional: true }, &[]).unwrap();
        let x = g.add("sum", Add, &[tokens, types]).unwrap();
        let graph = g.finish(x);
        let short = graph.resized(|name| (name == "tokens").then(|| vec![5])).unwrap();
        assert_eq!(short.node(short.output()).shape, [5]);
    }

    #[test]
    fn a_tied_head_uses_the_embedding() {
        let mut g = Builder::default();
        let tokens = g.add("tokens", Input::new(&[3]), &[]).unwrap();
        let x = g.add("embed", Embedding { entries: 7, features: 4 }, &[tokens]).unwrap();
        let logits = g.tie("head", Linear::new(4, 7, false), &[x], x).unwrap();
        let error = g.tie("wrong", Linear::new(4, 6, false), &[x], x).unwrap_err().to_string();
        assert!(error.contains("Linear at wrong: wanted parameters of [[6, 4]]"), "{error}");
        let graph = g.finish(logits);
        assert_eq!(graph.params_total(), 28);
        assert_eq!(graph.node(graph.output()).params, graph.nodes[1].params);
        assert_eq!(graph.prunable_total(), 0, "an embedding is not cut entry by entry");
    }

    #[test]
    fn an_empty_block_is_not_counted() {
        let graph = graph();
        assert_eq!(graph.nodes.iter().map(|node| node.block).collect::<Vec<_>>(), [0, 0, 1, 1, 2, 2]);
        assert_eq!(graph.blocks(), 3);
    }

    #[test]
    fn a_transposed_matrix_is_stored_the_other_way_round() {
        let mut g = Builder::default();
        let x = g.add("x", Input::new(&[3]), &[]).unwrap();
        let x = g.add("c_fc", Linear { transposed: true, ..Linear::new(3, 2, false) }, &[x]).unwrap();
        let graph = g.finish(x);
        let param = graph.param(ParamId(0));
        assert_eq!((param.shape(), param.stored_shape()), (vec![2, 3], vec![3, 2]));
        assert_eq!(param.from_stored(vec![1, 4, 2, 5, 3, 6]), [1, 2, 3, 4, 5, 6]);
        assert_eq!(param.to_stored(vec![1, 2, 3, 4, 5, 6]), [1, 4, 2, 5, 3, 6]);
    }

    #[test]
    fn a_kernel_is_a_matrix_with_a_row_for_each_output() {
        let graph = graph();
        assert_eq!(graph.param(ParamId(0)).shape(), [2, 1, 2, 2]);
        assert_eq!(graph.param(ParamId(0)).matrix(), (2, 4));
        assert_eq!(graph.param(ParamId(4)).matrix(), (5, 18));
    }
}
