use std::collections::BTreeMap;
use std::ops::Range;

use secateur_graph::{Graph, Node, NodeId, Op};

use crate::evaluate::{Moment, Statistics, evaluate, wrong};
use crate::relevance::{Signs, explained};
use crate::{ExecError, Gates, Inputs, Memory, Params, Value};

/// Looks at values while a model runs.
pub trait Tap {
    /// Called once per node, when its inputs are there. Values have the batch axis first.
    fn node(&mut self, graph: &Graph, id: NodeId, inputs: &[Value]) -> Result<(), ExecError>;
}

/// Looks at nothing.
impl Tap for () {
    fn node(&mut self, _: &Graph, _: NodeId, _: &[Value]) -> Result<(), ExecError> {
        Ok(())
    }
}

/// Runs the model and returns its first output's value [samples, ...].
pub fn forward(graph: &Graph, params: &Params, inputs: Inputs, tap: &mut dyn Tap) -> Result<Value, ExecError> {
    let mut walk = Walk::new(graph, inputs, &[graph.output()]);
    walk.run(graph, params, 0..graph.nodes.len(), tap)?;
    walk.take_output(graph, graph.output())
}

/// [`forward`] of the model whose units are multiplied with gates.
pub fn forward_gated(graph: &Graph, params: &Params, gates: &Gates, inputs: Inputs) -> Result<Value, ExecError> {
    let mut walk = Walk::new(graph, inputs, &[graph.output()]).gated(graph, gates.clone());
    walk.run(graph, &gates.params(params), 0..graph.nodes.len(), &mut ())?;
    walk.take_output(graph, graph.output())
}

/// Runs as much of the model as the given inputs allow and returns the values of the outputs that follow from them,
/// by name.
pub fn outputs(graph: &Graph, params: &Params, inputs: Inputs) -> Result<BTreeMap<String, Value>, ExecError> {
    outputs_gated(graph, params, inputs, &Gates::default())
}

/// [`outputs`] of the model whose units are multiplied with gates.
pub fn outputs_gated(
    graph: &Graph,
    params: &Params,
    inputs: Inputs,
    gates: &Gates,
) -> Result<BTreeMap<String, Value>, ExecError> {
    let possible: Vec<_> = graph.outputs.iter().filter(|output| allowed(graph, &inputs, output.node)).collect();
    // Nothing at all follows: running for the first output names what is missing.
    let wanted = if possible.is_empty() { vec![&graph.outputs[0]] } else { possible };
    let nodes: Vec<_> = wanted.iter().map(|output| output.node).collect();
    let mut walk = Walk::new(graph, inputs, &nodes).gated(graph, gates.clone());
    walk.run(graph, &gates.params(params), 0..graph.nodes.len(), &mut ())?;
    wanted.into_iter().map(|output| Ok((output.name.clone(), walk.take_output(graph, output.node)?))).collect()
}

/// Runs the model on the next tokens of a text whose beginning `memory` remembers, and remembers them too.
/// `graph` is resized to as many tokens as are given; `gates` multiply its units. On failure the memory stays as it was.
pub fn forward_next(
    graph: &Graph,
    params: &Params,
    gates: &Gates,
    tokens: Inputs,
    memory: &mut Memory,
) -> Result<Value, ExecError> {
    let count = graph.inputs().next().and_then(|node| node.shape.first().copied()).unwrap_or(1);
    let mut walk = Walk::new(graph, tokens, &[graph.output()]).gated(graph, gates.clone());
    walk.memory = Some(memory.clone());
    walk.run(graph, &gates.params(params), 0..graph.nodes.len(), &mut ())?;
    let output = walk.take_output(graph, graph.output())?;
    *memory = walk.memory.unwrap_or_default();
    memory.seen += count;
    Ok(output)
}

/// Runs the model in training: batch norms go by the batch they see. The first output's value and those of the nodes in
/// `also`; what the running statistics become comes beside them.
pub(crate) fn forward_learning(
    graph: &Graph,
    params: &Params,
    gates: &Gates,
    inputs: Inputs,
    also: &[NodeId],
) -> Result<(Vec<Value>, Statistics), ExecError> {
    let nodes: Vec<NodeId> = [graph.output()].iter().chain(also).copied().collect();
    let mut walk = Walk::new(graph, inputs, &nodes).gated(graph, gates.clone()).learning();
    walk.run(graph, &gates.params(params), 0..graph.nodes.len(), &mut ())?;
    let values: Result<Vec<Value>, ExecError> = nodes.iter().map(|node| walk.take_output(graph, *node)).collect();
    Ok((values?, walk.take_statistics()))
}

/// The values of these nodes.
pub fn values_of(graph: &Graph, params: &Params, inputs: Inputs, nodes: &[NodeId]) -> Result<Vec<Value>, ExecError> {
    let mut walk = Walk::new(graph, inputs, nodes);
    walk.run(graph, params, 0..graph.nodes.len(), &mut ())?;
    nodes.iter().map(|node| walk.take_output(graph, *node)).collect()
}

fn allowed(graph: &Graph, inputs: &Inputs, output: NodeId) -> bool {
    let needed = needed(graph, &[output]);
    let given = |node: &Node| match &node.op {
        Op::Input(input) => input.optional || inputs.has(&node.name),
        _ => true,
    };
    graph.nodes.iter().zip(needed).all(|(node, needed)| !needed || given(node))
}

/// For each node, whether one of the outputs follows from it.
fn needed(graph: &Graph, outputs: &[NodeId]) -> Vec<bool> {
    let mut needed = vec![false; graph.nodes.len()];
    for NodeId(at) in outputs {
        needed[*at as usize] = true;
    }
    for at in (0..graph.nodes.len()).rev() {
        if needed[at] {
            graph.nodes[at].inputs.iter().for_each(|NodeId(input)| needed[*input as usize] = true);
        }
    }
    needed
}

/// A run that can stop between nodes. It holds only values that somebody still needs.
#[derive(Clone)]
pub(crate) struct Walk {
    inputs: Inputs,
    memory: Option<Memory>,
    /// In training.
    statistics: Option<Statistics>,
    pub(crate) values: Vec<Option<Value>>,
    /// Nodes on the way.
    passed: Vec<bool>,
    /// How many readers of each node's value are still to come; outputs have one more. Nobody needs the value of a node
    /// without.
    readers: Vec<usize>,
    pub(crate) gates: Gates,
    /// Where relevance is to run backward.
    signs: Option<Signs>,
}

impl Walk {
    /// A run towards these nodes' values.
    pub(crate) fn new(graph: &Graph, inputs: Inputs, outputs: &[NodeId]) -> Self {
        let mut walk = Self::up_to(graph, inputs, outputs);
        outputs.iter().for_each(|id| walk.readers[id.0 as usize] += 1);
        walk
    }

    /// A run that passes these nodes, for a tap to see what goes into them. Their own values are worked out only where
    /// others of them follow.
    pub(crate) fn up_to(graph: &Graph, inputs: Inputs, nodes: &[NodeId]) -> Self {
        let passed = needed(graph, nodes);
        let mut readers = vec![0; graph.nodes.len()];
        for id in graph.nodes.iter().zip(&passed).filter(|(_, passed)| **passed).flat_map(|(node, _)| &node.inputs) {
            readers[id.0 as usize] += 1;
        }
        Self {
            inputs,
            memory: None,
            statistics: None,
            values: vec![None; graph.nodes.len()],
            passed,
            readers,
            gates: Gates::default(),
            signs: None,
        }
    }

    /// The same run, going no further than a tap needs to see what goes into these nodes.
    pub(crate) fn no_further_than(self, graph: &Graph, nodes: &[NodeId]) -> Self {
        let Self { passed, readers, .. } = Self::up_to(graph, self.inputs.clone(), nodes);
        Self { passed, readers, ..self }
    }

    /// The same run, backward through which relevance goes.
    pub(crate) fn explained(self, signs: Signs) -> Self {
        Self { signs: Some(signs), ..self }
    }

    /// The same run with gates. What a branch began with is needed once more where it ends.
    pub(crate) fn gated(mut self, graph: &Graph, gates: Gates) -> Self {
        for id in graph.node_ids().filter(|id| self.passed[id.0 as usize]) {
            if let Some(from) = gates.began(id) {
                self.readers[from.0 as usize] += 1;
            }
        }
        Self { gates, ..self }
    }

    /// The same run in training: batch norms go by the batch they see.
    pub(crate) fn learning(self) -> Self {
        Self { statistics: Some(Statistics::new()), ..self }
    }

    /// What running statistics become after a run in training.
    pub(crate) fn take_statistics(&mut self) -> Statistics {
        self.statistics.take().unwrap_or_default()
    }

    /// Evaluates the nodes in `range`; all nodes before it must have been evaluated.
    pub(crate) fn run(
        &mut self,
        graph: &Graph,
        params: &Params,
        range: Range<usize>,
        tap: &mut dyn Tap,
    ) -> Result<(), ExecError> {
        for at in range.filter(|at| self.passed[*at]).collect::<Vec<_>>() {
            let id = NodeId(at as u32);
            let node = graph.node(id);
            let mut inputs = Vec::new();
            for (at, from) in node.inputs.iter().enumerate() {
                let value = self.take(node, *from)?;
                inputs.push(self.gates.input(graph, id, at, value));
            }
            let before = self.gates.began(id).map(|from| self.take(node, from)).transpose()?;
            tap.node(graph, id, &inputs)?;
            if self.readers[at] > 0 {
                let moment = Moment { graph, params, id, given: &self.inputs };
                let output = match &self.signs {
                    Some(signs) => explained(moment, signs, &inputs)?,
                    None => evaluate(moment, &inputs, self.memory.as_mut(), self.statistics.as_mut())?,
                };
                self.values[at] = Some(self.gates.sum(id, before, output));
            }
        }
        Ok(())
    }

    pub(crate) fn take_output(&mut self, graph: &Graph, id: NodeId) -> Result<Value, ExecError> {
        self.take(graph.node(id), id)
    }

    /// A node's value; its last reader gets the value itself.
    fn take(&mut self, reader: &Node, id: NodeId) -> Result<Value, ExecError> {
        let at = id.0 as usize;
        self.readers[at] -= 1;
        let value = if self.readers[at] == 0 { self.values[at].take() } else { self.values[at].clone() };
        value.ok_or_else(|| wrong(reader, "inputs that were evaluated before", &[]))
    }
}
