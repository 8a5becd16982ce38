use std::collections::BTreeMap;

use burn::tensor::Tensor;
use burn::tensor::module::unfold4d;
use burn::tensor::ops::UnfoldOptions;
use secateur_graph::ops::Conv2d;
use secateur_graph::{Graph, Masks, NodeId, Op, ParamId, Role};
use secateur_protocol::Unit;

use crate::forward::Walk;
use crate::logits::batch;
use crate::value::each_rank;
use crate::{BATCH, Compute, ExecError, Meter, Params, Tap, Value};

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
/// a block and, for every sample, what later blocks still need.
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

/// One walk per batch, standing before the first node.
fn walks(compute: &Compute, graph: &Graph, calibration: Calibration<'_>) -> Result<Vec<Walk>, ExecError> {
    let Calibration { inputs, samples } = calibration;
    let each = inputs.len().checked_div(samples).unwrap_or(0);
    let starts = (0..samples.max(1)).step_by(BATCH);
    starts
        .map(|start| {
            let end = samples.min(start + BATCH);
            batch(compute, graph, &inputs[start * each..end * each], end - start)
                .map(|inputs| Walk::new(graph, inputs, &[graph.output()]))
        })
        .collect()
}

/// Blocks are numbered in evaluation order, so a block's nodes stand together.
fn nodes_of(graph: &Graph, block: u32) -> std::ops::Range<usize> {
    let start = graph.nodes.partition_point(|node| node.block < block);
    let end = graph.nodes.partition_point(|node| node.block <= block);
    start..end
}

/// Adds up squares on the device.
#[derive(Default)]
struct Gather(BTreeMap<ParamId, Tensor<1>>);

impl Gather {
    async fn read(self) -> Result<Sums, ExecError> {
        let mut sums = Sums::new();
        for (id, sum) in self.0 {
            sums.insert(id, Value::R1(sum).read().await?);
        }
        Ok(sums)
    }
}

impl Tap for Gather {
    fn node(&mut self, graph: &Graph, id: NodeId, inputs: &[Value], _: &Value) -> Result<(), ExecError> {
        let node = graph.node(id);
        let Some(weight) = node.params.iter().find(|id| graph.param(**id).role == Role::Weight) else { return Ok(()) };
        let squares = match (&node.op, inputs) {
            (Op::Linear(op), [x]) => each_rank!(x.clone(), x => squares_by_feature(x, op.inputs)),
            (Op::Conv2d(op), [Value::R4(x)]) if op.groups == 1 => squares_by_place(op, x.clone()),
            _ => return Ok(()),
        };
        let sum = match self.0.remove(weight) {
            Some(sum) => sum + squares,
            None => squares,
        };
        self.0.insert(*weight, sum);
        Ok(())
    }
}

/// [..., features] -> [features]
fn squares_by_feature<const D: usize>(x: Tensor<D>, features: usize) -> Tensor<1> {
    let rows = x.dims().iter().product::<usize>() / features;
    x.reshape([rows, features]).square().sum_dim(0).squeeze_dim(0)
}

/// [samples, in, height, width] -> [in * kernel * kernel]: the unfolded input's columns. Samples are added up
/// before unfolding, which gives the same sums for a fraction of the memory.
fn squares_by_place(op: &Conv2d, x: Tensor<4>) -> Tensor<1> {
    let options = UnfoldOptions::new([op.stride; 2], [op.padding; 2], [1; 2]);
    let places = unfold4d(x.square().sum_dim(0), [op.kernel; 2], options);
    let columns = op.inputs * op.kernel * op.kernel;
    places.sum_dim(2).reshape([columns])
}
