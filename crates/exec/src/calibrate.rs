use std::collections::BTreeMap;

use burn::tensor::Tensor;
use burn::tensor::module::unfold4d;
use burn::tensor::ops::UnfoldOptions;
use secateur_graph::ops::Conv2d;
use secateur_graph::{Graph, Masks, Node, NodeId, Op, ParamId, Role};
use secateur_protocol::Unit;

use crate::forward::Walk;
use crate::logits::batch;
use crate::value::each_rank;
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

/// For each weight: the sum of squares of what each input column of its matrix saw, over all samples, tokens and
/// places. A convolution's columns are in * height * width of the kernel, padding counts as 0.
pub type Sums = BTreeMap<ParamId, Vec<f32>>;

/// Gathers [`Sums`] block by block and hands each block's to `visit`, which returns the masks of that block.
///
/// With `sequential` the statistics of a block see all pruning in the blocks before it and none inside it
/// (Wanda, Sun et al., 2023, algorithm 1); otherwise the dense model is measured throughout. Blocks without
/// weights are not visited. Returns all masks together. Ticks before every batch. Holds one batch's values inside
/// a block and, for every sample, what later blocks still need; batches are smaller where values are large.
pub async fn calibrate<E: From<ExecError>>(
    compute: &Compute,
    graph: &Graph,
    params: &Params,
    calibration: Calibration<'_>,
    sequential: bool,
    meter: &dyn Meter,
    mut visit: impl AsyncFnMut(u32, &Sums) -> Result<Masks, E>,
) -> Result<Masks, E> {
    let mut walks = walks(compute, graph, calibration)?;
    let mut masks = Masks::default();
    let blocks = u64::from(graph.blocks());
    for block in 0..graph.blocks() {
        let tick = async || meter.tick(u64::from(block), blocks, Unit::Layers).await.map_err(ExecError::from);
        let nodes = nodes_of(graph, block);
        let mut gather = Gather::default();
        for walk in &mut walks {
            tick().await?;
            let mut dense = walk.clone();
            dense.run(graph, params, nodes.clone(), &mut gather)?;
            if !sequential {
                *walk = dense;
            }
        }
        let sums = gather.read().await?;
        compute.check()?;
        let found = if sums.is_empty() { Masks::default() } else { visit(block, &sums).await? };
        if sequential {
            let pruned = params.masked(compute, graph, &found)?;
            for walk in &mut walks {
                tick().await?;
                walk.run(graph, &pruned, nodes.clone(), &mut ())?;
            }
        }
        for (id, mask) in found.iter() {
            masks.set(graph, id, mask.clone()).map_err(ExecError::from)?;
        }
    }
    Ok(masks)
}

/// One walk per batch, standing before the first node. Nobody asks for the model's answers, so they are not worked out.
fn walks(compute: &Compute, graph: &Graph, calibration: Calibration<'_>) -> Result<Vec<Walk>, ExecError> {
    let Calibration { inputs, samples } = calibration;
    let each = inputs.len().checked_div(samples).unwrap_or(0);
    let measured: Vec<NodeId> = graph.node_ids().filter(|id| measured(graph, *id).is_some()).collect();
    let at_once = at_once(graph);
    let starts = (0..samples.max(1)).step_by(at_once);
    starts
        .map(|start| {
            let end = samples.min(start + at_once);
            batch(compute, graph, &inputs[start * each..end * each], end - start)
                .map(|inputs| Walk::up_to(graph, inputs, &measured))
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

/// Adds up squares on the device: sums of each batch, added when they are read.
#[derive(Default)]
struct Gather(BTreeMap<ParamId, Vec<Tensor<2>>>);

impl Gather {
    async fn read(self) -> Result<Sums, ExecError> {
        let mut sums = Sums::new();
        for (id, batches) in self.0 {
            sums.insert(id, Value::R2(sum_rows(Tensor::cat(batches, 0))).read().await?);
        }
        Ok(sums)
    }
}

impl Tap for Gather {
    fn node(&mut self, graph: &Graph, id: NodeId, inputs: &[Value]) -> Result<(), ExecError> {
        let Some(weight) = measured(graph, id) else { return Ok(()) };
        let squares = match (&graph.node(id).op, inputs) {
            (Op::Linear(op), [x]) => each_rank!(x.clone(), x => squares_by_feature(x, op.inputs)),
            (Op::Conv2d(op), [Value::R4(x)]) => squares_by_place(op, x.clone()),
            _ => return Ok(()),
        };
        self.0.entry(weight).or_default().push(squares);
        Ok(())
    }
}

/// [..., features] -> [1, features]
fn squares_by_feature<const D: usize>(x: Tensor<D>, features: usize) -> Tensor<2> {
    let rows = x.dims().iter().product::<usize>() / features;
    sum_rows(x.reshape([rows, features]).square())
}

/// [samples, in, height, width] -> [1, in * kernel * kernel]: the unfolded input's columns. Samples are added up
/// before unfolding, which gives the same sums for a fraction of the memory.
fn squares_by_place(op: &Conv2d, x: Tensor<4>) -> Tensor<2> {
    let options = UnfoldOptions::new([op.stride; 2], [op.padding; 2], [1; 2]);
    let [samples, channels, height, width] = x.dims();
    let squares = sum_rows(x.reshape([samples, channels * height * width]).square());
    let places = unfold4d(squares.reshape([1, channels, height, width]), [op.kernel; 2], options);
    sum_rows(places.squeeze_dim::<2>(0).transpose())
}

/// [rows, columns] -> [1, columns]. Halves are added until one row is left: with so many rows, one after the other would
/// round away what decides between neighbours in the ranking (Higham, 1993).
fn sum_rows(mut x: Tensor<2>) -> Tensor<2> {
    while x.dims()[0] > 1 {
        let rows = x.dims()[0];
        let half = rows / 2;
        let folded = x.clone().narrow(0, 0, half) + x.clone().narrow(0, half, half);
        x = if rows.is_multiple_of(2) { folded } else { Tensor::cat(vec![folded, x.narrow(0, rows - 1, 1)], 0) };
    }
    x
}
