//! Pruned weights laid out for their products, wherever that is faster on the device.

mod crossover;
mod layout;

pub use crossover::Crossover;
pub(crate) use layout::{Kind, Packed, block_of, on_gpu};

use std::sync::Arc;

use secateur_graph::{Graph, Masks, Op, ParamId};
use secateur_protocol::Layout;

use crate::{Compute, ExecError, Params};

impl Params {
    /// The same parameters, with those pruned matrices laid out anew whose products become cheaper by it on this device.
    /// What `masks` prune is 0.
    pub async fn packed(&self, compute: &Compute, graph: &Graph, masks: &Masks) -> Result<Self, ExecError> {
        let mut packed = self.clone();
        let gpu = compute.adapter().gpu;
        for (id, mask) in masks.iter().filter(|(id, _)| multiplies(graph, *id, gpu)) {
            let (outputs, inputs) = graph.param(id).matrix();
            if mask.count_pruned() > 0
                && let Some(kind) = compute.crossover().pick(mask, [outputs, inputs])
            {
                let weight = self.read(graph, id).await?;
                let layout = kind.pack(&weight, mask, [outputs, inputs], compute.device());
                packed.packed[id.0 as usize] = layout.map(Arc::new);
            }
        }
        Ok(packed)
    }

    /// How a parameter is multiplied with.
    pub fn layout(&self, id: ParamId) -> Layout {
        self.packed[id.0 as usize].as_deref().map_or(Layout::Dense, Packed::layout)
    }
}

/// Whether the parameter is a linear layer's weight, or on the CPU that of a convolution of one group.
fn multiplies(graph: &Graph, id: ParamId, gpu: bool) -> bool {
    let multiplies = |op: &Op| match op {
        Op::Linear(_) => true,
        Op::Conv2d(conv) => conv.groups == 1 && !gpu,
        _ => false,
    };
    graph.nodes.iter().any(|node| multiplies(&node.op) && node.params.first() == Some(&id))
}
