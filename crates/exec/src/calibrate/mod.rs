//! Runs samples through a model, block by block, and gathers what its layers see.

mod change;
mod gather;
mod norms;

use std::collections::BTreeMap;

use secateur_graph::{Graph, Node, NodeId, Op, ParamId, Role};
use secateur_protocol::Unit;

pub use change::Change;
pub use gather::{Gather, Gram, Grams, MeanVariance, Moments, Seen, Squares};
pub use norms::batch_norms;

use crate::forward::Walk;
use crate::logits::batch;
use crate::{BATCH, Compute, ExecError, Meter, Params, Tap, Value};

/// Numbers of a node's value in a batch, at most, where a batch has more than one sample: 16 MB.
const LARGEST_VALUE: usize = 1 << 22;

/// The samples that statistics are gathered on.
#[derive(Clone, Copy, Debug)]
pub struct Calibration<'a> {
    /// [samples, ...], row by row, as the model's input node wants them.
    pub inputs: &'a [f32],
    pub samples: usize,
}

/// For each weight what was gathered of its inputs.
pub type Gathered<G> = BTreeMap<ParamId, <G as Gather>::Of>;

/// For each weight: the sum of squares of what each input column of its matrix saw; see [`Squares`].
pub type Sums = Gathered<Squares>;

/// Gathers `G` of every layer's inputs block by block and hands each block's to `visit`, which says what becomes of that
/// block's parameters.
///
/// With `sequential` the statistics of a block see all changes in the blocks before it and none inside it
/// (Wanda, Sun et al., 2023, algorithm 1); otherwise the dense model is measured throughout. Blocks without
/// weights are not visited. Returns all changes together. Ticks before every batch. Holds one batch's values inside
/// a block, one block's statistics and, for every sample, what later blocks still need; batches are smaller where values
/// are large.
pub async fn calibrate<G: Gather, E: From<ExecError>>(
    compute: &Compute,
    graph: &Graph,
    params: &Params,
    calibration: Calibration<'_>,
    sequential: bool,
    meter: &dyn Meter,
    mut visit: impl AsyncFnMut(u32, &Gathered<G>) -> Result<Change, E>,
) -> Result<Change, E> {
    let measured: Vec<NodeId> = graph.node_ids().filter(|id| measured(graph, *id).is_some()).collect();
    let mut walks = walks(compute, graph, calibration, &measured)?;
    let mut all = Change::default();
    let blocks = u64::from(graph.blocks());
    for block in 0..graph.blocks() {
        let tick = async || meter.tick(u64::from(block), blocks, Unit::Layers).await.map_err(ExecError::from);
        let nodes = nodes_of(graph, block);
        let looked_at: Vec<NodeId> = measured.iter().copied().filter(|id| nodes.contains(&(id.0 as usize))).collect();
        let mut gathering = Gathering::<G>::new(graph);
        for walk in &mut walks {
            tick().await?;
            if sequential {
                // What leaves the block is worked out below, by what becomes of it.
                let mut dense = walk.clone().no_further_than(graph, &looked_at);
                dense.run(graph, params, nodes.clone(), &mut gathering)?;
            } else {
                walk.run(graph, params, nodes.clone(), &mut gathering)?;
            }
        }
        let gathered = gathering.read().await?;
        compute.check()?;
        let found = if gathered.is_empty() { Change::default() } else { visit(block, &gathered).await? };
        if sequential {
            let changed = found.of(compute, graph, params)?;
            for walk in &mut walks {
                tick().await?;
                walk.run(graph, &changed, nodes.clone(), &mut ())?;
            }
        }
        all.add(graph, found)?;
    }
    Ok(all)
}

/// For each weight that is measured the first one of its block that reads the same inputs in the same way, perhaps itself:
/// queries, keys and values share what is gathered.
pub fn shared_inputs(graph: &Graph) -> BTreeMap<ParamId, ParamId> {
    let mut reads: BTreeMap<ParamId, Vec<(u32, NodeId, [usize; 3])>> = BTreeMap::new();
    for (id, weight) in graph.node_ids().filter_map(|id| Some((id, measured(graph, id)?))) {
        let node = graph.node(id);
        let window = match &node.op {
            Op::Conv2d(op) => [op.kernel, op.stride, op.padding],
            _ => [0; 3],
        };
        reads.entry(weight).or_default().push((node.block, node.inputs[0], window));
    }
    let mut first = BTreeMap::new();
    reads.into_iter().map(|(weight, reads)| (weight, *first.entry(reads).or_insert(weight))).collect()
}

/// One walk per batch towards what these nodes read, standing before the first node. Nobody asks for the model's answers, so
/// they are not worked out.
fn walks(
    compute: &Compute,
    graph: &Graph,
    calibration: Calibration<'_>,
    nodes: &[NodeId],
) -> Result<Vec<Walk>, ExecError> {
    let Calibration { inputs, samples } = calibration;
    let each = inputs.len().checked_div(samples).unwrap_or(0);
    let at_once = at_once(graph);
    let starts = (0..samples.max(1)).step_by(at_once);
    starts
        .map(|start| {
            let end = samples.min(start + at_once);
            batch(compute, graph, &inputs[start * each..end * each], end - start)
                .map(|inputs| Walk::up_to(graph, inputs, nodes))
        })
        .collect()
}

/// Samples in a batch: fewer than usual where a sample's values are large.
fn at_once(graph: &Graph) -> usize {
    let numbers = |node: &Node| match (&node.op, node.shape.first()) {
        // Each token's look at all others is larger than what comes of it, if the text is long.
        (Op::Attention(op), Some(tokens)) => op.heads.saturating_mul(*tokens).saturating_mul(*tokens),
        _ => node.shape.iter().product(),
    };
    let read = graph.nodes.iter().flat_map(|node| &node.inputs);
    let largest = read.map(|id| numbers(graph.node(*id))).max().unwrap_or(1);
    (LARGEST_VALUE / largest.max(1)).clamp(1, BATCH)
}

/// Blocks are numbered in evaluation order, so a block's nodes stand together.
fn nodes_of(graph: &Graph, block: u32) -> std::ops::Range<usize> {
    let start = graph.nodes.partition_point(|node| node.block < block);
    let end = graph.nodes.partition_point(|node| node.block <= block);
    start..end
}

/// The weight whose inputs a node's statistics are about. A head that is tied to the embedding has none of its own.
fn measured(graph: &Graph, id: NodeId) -> Option<ParamId> {
    let node = graph.node(id);
    let measurable = match &node.op {
        Op::Linear(_) => true,
        Op::Conv2d(op) => op.groups == 1,
        _ => false,
    };
    node.params.iter().copied().find(|id| measurable && graph.param(*id).role == Role::Weight)
}

/// Gathers of the inputs of each layer, once for those that read the same.
struct Gathering<G> {
    shared: BTreeMap<ParamId, ParamId>,
    found: BTreeMap<ParamId, G>,
}

impl<G: Gather> Gathering<G> {
    fn new(graph: &Graph) -> Self {
        Self { shared: shared_inputs(graph), found: BTreeMap::new() }
    }

    async fn read(self) -> Result<Gathered<G>, ExecError> {
        let mut found = BTreeMap::new();
        for (id, gathered) in self.found {
            found.insert(id, gathered.read().await?);
        }
        let of = |(id, first): (ParamId, ParamId)| Some((id, found.get(&first)?.clone()));
        Ok(self.shared.into_iter().filter_map(of).collect())
    }
}

impl<G: Gather> Tap for Gathering<G> {
    fn node(&mut self, graph: &Graph, id: NodeId, inputs: &[Value]) -> Result<(), ExecError> {
        let Some(weight) = measured(graph, id) else { return Ok(()) };
        if self.shared.get(&weight) != Some(&weight) {
            return Ok(());
        }
        let seen = match (&graph.node(id).op, inputs) {
            (Op::Linear(op), [x]) => Seen::Features(x, op.inputs),
            (Op::Conv2d(op), [Value::R4(x)]) => Seen::Places(op, x),
            _ => return Ok(()),
        };
        self.found.entry(weight).or_default().add(&seen)
    }
}
