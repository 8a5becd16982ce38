use secateur_exec::Meter;
use secateur_formats::ReadAt;
use secateur_formats::safetensors;
use secateur_graph::Masks;
use secateur_protocol::Unit;

use super::masks::stored;
use super::{Files, json, weights_name};
use crate::Host;
use crate::checkpoint::Checkpoint;
use crate::desk::Job;
use crate::history::Cut;
use crate::stop::Stop;

/// The model in its own shapes, with zeros.
pub(super) async fn files<H: Host>(
    job: &Job<'_, H>,
    checkpoint: &Checkpoint<H::File>,
    cut: &Cut,
) -> Result<Files, Stop> {
    let model = zeroed(job, checkpoint, &cut.masks).await?;
    let model = reopened(checkpoint, &cut.masks, model).await?;
    let name = weights_name(&checkpoint.model).to_string();
    Ok(vec![(name, model), ("config.json".into(), json(&checkpoint.model.config)?)])
}

/// The model's own file, byte for byte but for the pruned entries: zero is all bits zero in every float type.
async fn zeroed<H: Host>(job: &Job<'_, H>, checkpoint: &Checkpoint<H::File>, masks: &Masks) -> Result<Vec<u8>, Stop> {
    let graph = &checkpoint.model.graph;
    let mut out = checkpoint.start();
    let total = checkpoint.file.len();
    for tensor in &checkpoint.header.tensors {
        let mut bytes = checkpoint.file.read(tensor.range.clone()).await.map_err(Stop::because)?;
        if let Some((id, mask)) = graph.find_param(&tensor.name).and_then(|id| Some((id, masks.get(id)?))) {
            let width = bytes.len() / mask.len().max(1);
            for (at, _) in stored(graph.param(id), mask).into_iter().enumerate().filter(|(_, kept)| *kept == 0) {
                bytes[at * width..(at + 1) * width].fill(0);
            }
        }
        out.extend(bytes);
        job.tick(tensor.range.end, total, Unit::Bytes).await?;
    }
    Ok(out)
}

/// Reads the written file again: it must list the same tensors and hold zeros where the masks prune.
async fn reopened<F: ReadAt>(checkpoint: &Checkpoint<F>, masks: &Masks, bytes: Vec<u8>) -> Result<Vec<u8>, Stop> {
    let file = bytes.as_slice();
    let header = safetensors::read_header(&file).await.map_err(Stop::because)?;
    let wrong = |what: &str| Stop::because(format!("the written file does not read back: {what}; nothing was saved"));
    let listed = |header: &safetensors::Header| {
        let entry = |tensor: &safetensors::TensorInfo| (tensor.name.clone(), tensor.dtype, tensor.shape.clone());
        header.tensors.iter().map(entry).collect::<Vec<_>>()
    };
    if listed(&header) != listed(&checkpoint.header) {
        return Err(wrong("it lists other tensors"));
    }
    for (id, mask) in masks.iter() {
        let param = checkpoint.model.graph.param(id);
        let tensor = header.tensor(&param.name).ok_or_else(|| wrong(&param.name))?;
        let values = safetensors::read_f32(&file, tensor).await.map_err(Stop::because)?;
        if values.iter().zip(stored(param, mask)).any(|(value, kept)| kept == 0 && *value != 0.0) {
            return Err(wrong(&format!("{} holds pruned entries", param.name)));
        }
    }
    Ok(bytes)
}
