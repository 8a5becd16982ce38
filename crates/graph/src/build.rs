use crate::{Graph, GraphError, Node, NodeId, Op, Output, Param, ParamId, ParamSpec};

/// Builds a [`Graph`] node by node, checking shapes as it goes.
///
/// ```
/// use secateur_graph::{Builder, ops::{Input, Linear}};
/// let mut g = Builder::default();
/// let x = g.add("image", Input::new(&[784]), &[])?;
/// g.block();
/// let logits = g.add("fc", Linear::new(784, 10, true), &[x])?;
/// assert_eq!(g.finish(logits).params[0].name, "fc.weight");
/// # Ok::<(), secateur_graph::GraphError>(())
/// ```
pub struct Builder {
    graph: Graph,
    block: u32,
}

impl Default for Builder {
    fn default() -> Self {
        Self { graph: Graph { nodes: Vec::new(), params: Vec::new(), outputs: Vec::new() }, block: 0 }
    }
}

impl Builder {
    /// Everything added from here on belongs to a new block, unless the present one is still empty.
    pub fn block(&mut self) {
        if self.graph.nodes.last().is_some_and(|node| node.block == self.block) {
            self.block += 1;
        }
    }

    /// Appends a node; its parameters are named after it.
    pub fn add(&mut self, name: &str, op: impl Into<Op>, inputs: &[NodeId]) -> Result<NodeId, GraphError> {
        self.add_of(name, name, op, inputs)
    }

    /// Appends a node whose parameters are named after `module`: several nodes may stand for one module.
    pub fn add_of(
        &mut self,
        name: &str,
        module: &str,
        op: impl Into<Op>,
        inputs: &[NodeId],
    ) -> Result<NodeId, GraphError> {
        let op = op.into();
        let node = self.next();
        let specs = op.rule().params();
        let first = self.graph.params.len() as u32;
        let params = (first..first + specs.len() as u32).map(ParamId).collect();
        let id = self.push(name, op, inputs, params)?;
        self.graph.params.extend(specs.into_iter().map(|ParamSpec { suffix, dims, role, transposed }| {
            let name = if suffix.is_empty() { module.to_string() } else { format!("{module}.{suffix}") };
            Param { name, dims, role, node, transposed }
        }));
        Ok(id)
    }

    /// Appends a node that uses the parameters of an earlier one, e.g. a language model's head tied to its embedding.
    pub fn tie(&mut self, name: &str, op: impl Into<Op>, inputs: &[NodeId], to: NodeId) -> Result<NodeId, GraphError> {
        let op = op.into();
        let params = self.graph.node(to).params.clone();
        let sizes = |specs: &[ParamSpec]| -> Vec<Vec<usize>> {
            specs.iter().map(|spec| spec.dims.iter().map(|dim| dim.size).collect()).collect()
        };
        let want = sizes(&op.rule().params());
        let got: Vec<_> = params.iter().map(|id| self.graph.param(*id).shape()).collect();
        if want != got {
            let (want, got) = (format!("parameters of {want:?}"), format!("those of {to:?}, {got:?}"));
            return Err(GraphError { op: op.name(), node: name.to_string(), want, got });
        }
        self.push(name, op, inputs, params)
    }

    fn push(&mut self, name: &str, op: Op, inputs: &[NodeId], params: Vec<ParamId>) -> Result<NodeId, GraphError> {
        let id = self.next();
        let shape = self.graph.infer(name, &op, inputs)?;
        let (name, inputs, block) = (name.to_string(), inputs.to_vec(), self.block);
        self.graph.nodes.push(Node { name, op, inputs, params, shape, block });
        Ok(id)
    }

    fn next(&self) -> NodeId {
        NodeId(self.graph.nodes.len() as u32)
    }

    /// Shape of a node's value for one sample.
    pub fn shape(&self, id: NodeId) -> &[usize] {
        &self.graph.node(id).shape
    }

    /// A model with one answer.
    pub fn finish(self, output: NodeId) -> Graph {
        self.finish_with(&[("logits", output)])
    }

    /// A model with several answers, the one it is judged by first; there must be at least one.
    pub fn finish_with(mut self, outputs: &[(&str, NodeId)]) -> Graph {
        self.graph.outputs = outputs.iter().map(|(name, node)| Output { name: (*name).into(), node: *node }).collect();
        self.graph
    }
}
