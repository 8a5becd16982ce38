use crate::{Graph, GraphError, Node, NodeId, Op, Param, ParamId};

/// Builds a [`Graph`] node by node, checking shapes as it goes.
///
/// ```
/// use secateur_graph::{Builder, ops::{Input, Linear}};
/// let mut g = Builder::default();
/// let x = g.add("image", Input { shape: vec![784] }, &[])?;
/// g.block();
/// let logits = g.add("fc", Linear { inputs: 784, outputs: 10, bias: true }, &[x])?;
/// assert_eq!(g.finish(logits).params[0].name, "fc.weight");
/// # Ok::<(), secateur_graph::GraphError>(())
/// ```
#[derive(Default)]
pub struct Builder {
    nodes: Vec<Node>,
    params: Vec<Param>,
    block: u32,
}

impl Builder {
    /// Everything added from here on belongs to a new block, unless the present one is still empty.
    pub fn block(&mut self) {
        if self.nodes.last().is_some_and(|node| node.block == self.block) {
            self.block += 1;
        }
    }

    /// Appends a node; its parameters are named after it.
    pub fn add(&mut self, name: &str, op: impl Into<Op>, inputs: &[NodeId]) -> Result<NodeId, GraphError> {
        let op = op.into();
        let shapes: Vec<_> = inputs.iter().map(|id| &self.nodes[id.0 as usize].shape).collect();
        let shape = op.rule().infer(&shapes).map_err(|(want, got)| GraphError {
            op: op.name(),
            node: name.to_string(),
            want,
            got,
        })?;
        let id = NodeId(self.nodes.len() as u32);
        let mut params = Vec::new();
        for spec in op.rule().params() {
            params.push(ParamId(self.params.len() as u32));
            let name = if spec.suffix.is_empty() { name.to_string() } else { format!("{name}.{}", spec.suffix) };
            self.params.push(Param { name, dims: spec.dims, role: spec.role, node: id });
        }
        self.nodes.push(Node { name: name.to_string(), op, inputs: inputs.to_vec(), params, shape, block: self.block });
        Ok(id)
    }

    /// Shape of a node's value for one sample.
    pub fn shape(&self, id: NodeId) -> &[usize] {
        &self.nodes[id.0 as usize].shape
    }

    pub fn finish(self, output: NodeId) -> Graph {
        Graph { nodes: self.nodes, params: self.params, output }
    }
}
