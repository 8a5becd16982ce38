use std::sync::Arc;

use secateur_graph::{Graph, Masks, Op, ParamId};
use secateur_kernels::simd::{Blocks, Packed, Rows, Weight, linear};
use secateur_protocol::Layout;

use crate::value::Value;
use crate::{Compute, ExecError, Params};

/// What products with pruned weights cost on a device, in the time of its dense product. Which layout pays follows from it
/// and from a mask.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Crossover {
    /// With all blocks.
    pub blocks: f64,
    /// With all entries.
    pub rows: f64,
}

/// The product that is measured: samples, inputs, outputs. Like a layer of a small transformer, and done in milliseconds.
const MEASURED: [usize; 3] = [128, 256, 256];
/// Of the measured rows: a weight of which less is kept is what they are for.
const KEPT: f64 = 0.25;
const REPEATS: usize = 7;
/// A layout must win by so much, in times of the dense product.
const WORTH_IT: f64 = 0.95;

impl Crossover {
    /// Where nothing but the dense product pays.
    pub const NEVER: Self = Self { blocks: f64::INFINITY, rows: f64::INFINITY };

    /// Takes some milliseconds. `now_ms` is a clock. Other devices than the CPU have no such layouts.
    pub fn measure(compute: &Compute, now_ms: impl Fn() -> f64) -> Result<Self, ExecError> {
        if compute.adapter().gpu {
            return Ok(Self::NEVER);
        }
        let [samples, inputs, outputs] = MEASURED;
        let every =
            |n: usize| (0..outputs * inputs).map(|at| if at % n == 0 { 0.5 } else { 0.0 }).collect::<Vec<f32>>();
        let x = Value::upload(compute, &[samples, inputs], vec![0.5; samples * inputs])?;
        let dense = Value::upload(compute, &[outputs, inputs], every(1))?;
        let blocks = Packed::Blocks(Blocks::new(&every(1), outputs, inputs));
        let rows = Rows::new(&every((1.0 / KEPT) as usize), outputs, inputs).map(Packed::Rows);
        let (Value::R2(x), Value::R2(dense), Some(rows)) = (x, dense, rows) else { return Ok(Self::NEVER) };
        let best = |weight: Weight<'_>| {
            let times = (0..REPEATS).map(|_| {
                let start = now_ms();
                linear(&x, weight, None).map_or(f64::INFINITY, |_| now_ms() - start)
            });
            times.fold(f64::INFINITY, f64::min)
        };
        let dense = best(Weight::Plain(&dense));
        let ratio = |ms: f64| if dense > 0.0 { ms / dense } else { f64::INFINITY };
        // At least 1: what is won by laying out all blocks once, the dense model could have too.
        let blocks = ratio(best(Weight::Packed(&blocks))).max(1.0);
        Ok(Self { blocks, rows: ratio(best(Weight::Packed(&rows))) / KEPT })
    }

    /// The cheapest layout of a pruned weight.
    fn pick(&self, weight: &[f32], outputs: usize, inputs: usize) -> Option<Packed> {
        let entries = weight.len().max(1) as f64;
        let kept = weight.iter().filter(|value| **value != 0.0).count() as f64 / entries;
        let rows = self.rows * kept;
        // No block is emptier than all of them: worth looking only where that could win.
        if self.blocks * kept >= WORTH_IT && rows >= WORTH_IT {
            return None;
        }
        let packed = Blocks::new(weight, outputs, inputs);
        let (some, all) = packed.count();
        let blocks = self.blocks * some as f64 / all.max(1) as f64;
        match () {
            () if blocks < WORTH_IT && blocks <= rows => Some(Packed::Blocks(packed)),
            () if rows < WORTH_IT => Rows::new(weight, outputs, inputs).map(Packed::Rows),
            () => None,
        }
    }
}

impl Params {
    /// The same parameters, with those pruned matrices laid out anew whose products become cheaper by it on this device.
    pub async fn packed(&self, compute: &Compute, graph: &Graph, masks: &Masks) -> Result<Self, ExecError> {
        let mut packed = self.clone();
        let crossover = compute.crossover();
        if crossover == Crossover::NEVER {
            return Ok(packed);
        }
        for (id, mask) in masks.iter().filter(|(id, _)| multiplies(graph, *id)) {
            if mask.count_pruned() > 0 {
                let (outputs, inputs) = graph.param(id).matrix();
                let layout = crossover.pick(&self.read(graph, id).await?, outputs, inputs);
                packed.packed[id.0 as usize] = layout.map(Arc::new);
            }
        }
        Ok(packed)
    }

    /// How a parameter is multiplied with.
    pub fn layout(&self, id: ParamId) -> Layout {
        match self.packed[id.0 as usize].as_deref() {
            None => Layout::Dense,
            Some(Packed::Blocks(_)) => Layout::Blocks,
            Some(Packed::Rows(_)) => Layout::Rows,
        }
    }
}

/// Whether the parameter is a linear layer's weight.
fn multiplies(graph: &Graph, id: ParamId) -> bool {
    graph.nodes.iter().any(|node| matches!(node.op, Op::Linear(_)) && node.params.first() == Some(&id))
}
