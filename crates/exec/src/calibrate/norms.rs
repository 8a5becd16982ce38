use std::collections::BTreeMap;

use secateur_graph::{Graph, NodeId, Op, ParamId};
use secateur_kernels::score::Moments;
use secateur_protocol::Unit;

use super::{Calibration, walks};
use crate::evaluate::wrong;
use crate::{Compute, ExecError, Meter, Params, Tap, Value};

/// What batch norms should remember of these samples: each channel's mean and variance, seen with the norms before it
/// remembering theirs already. Ticks before every batch of every norm.
pub async fn batch_norms(
    compute: &Compute,
    graph: &Graph,
    params: &Params,
    calibration: Calibration<'_>,
    meter: &dyn Meter,
) -> Result<BTreeMap<ParamId, Value>, ExecError> {
    let norms: Vec<NodeId> = graph.node_ids().filter(|id| matches!(graph.node(*id).op, Op::BatchNorm(_))).collect();
    let mut walks = walks(compute, graph, calibration, &norms)?;
    let mut remembered = BTreeMap::new();
    let mut start = 0;
    for (done, norm) in norms.iter().enumerate() {
        let at = norm.0 as usize;
        let now = params.with(&remembered);
        let mut channels = Channels { norm: *norm, moments: None };
        for walk in &mut walks {
            meter.tick(done as u64, norms.len() as u64, Unit::Layers).await?;
            walk.run(graph, &now, start..at, &mut ())?;
            walk.clone().run(graph, &now, at..at + 1, &mut channels)?;
        }
        compute.check()?;
        if let Some(moments) = channels.moments {
            let [_, _, mean, variance] = graph.node(*norm).params[..] else { continue };
            remembered.insert(mean, Value::R1(moments.mean()));
            remembered.insert(variance, Value::R1(moments.variance()));
        }
        start = at;
    }
    Ok(remembered)
}

/// Moments of what a norm reads, channel by channel.
struct Channels {
    norm: NodeId,
    moments: Option<Moments>,
}

impl Tap for Channels {
    fn node(&mut self, graph: &Graph, id: NodeId, inputs: &[Value]) -> Result<(), ExecError> {
        let rows = match inputs {
            _ if id != self.norm => return Ok(()),
            [Value::R4(x)] => {
                let [samples, channels, height, width] = x.dims();
                x.clone().permute([0, 2, 3, 1]).reshape([samples * height * width, channels])
            }
            [Value::R2(x)] => x.clone(),
            other => return Err(wrong(graph.node(id), "pictures or features", other)),
        };
        let before = self.moments.take();
        let before = before.unwrap_or_else(|| Moments::new(rows.dims()[1], &rows.device()));
        self.moments = Some(before.with(rows)?);
        Ok(())
    }
}
