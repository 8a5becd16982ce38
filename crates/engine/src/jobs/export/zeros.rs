use secateur_exec::Meter;
use secateur_formats::ReadAt;
use secateur_formats::safetensors::{self, Header, TensorInfo};
use secateur_graph::{Graph, Masks};
use secateur_protocol::Unit;

use super::masks::stored;
use super::{Files, json, tensors, weights_name};
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
    let model = zeroed(job, checkpoint, cut).await?;
    let model = reopened(checkpoint, &cut.masks, model).await?;
    let name = weights_name(&checkpoint.model).to_string();
    Ok(vec![(name, model), ("config.json".into(), json(&checkpoint.model.config)?)])
}

/// The model's own file, byte for byte but for what the method changed and the pruned entries: zero is all bits zero in every
/// float type.
async fn zeroed<H: Host>(job: &Job<'_, H>, checkpoint: &Checkpoint<H::File>, cut: &Cut) -> Result<Vec<u8>, Stop> {
    let graph = &checkpoint.model.graph;
    let mut out = checkpoint.start();
    let total = checkpoint.file.len();
    for tensor in &checkpoint.header.tensors {
        let mut bytes = tensors::bytes(checkpoint, cut, tensor).await?;
        if let Some((id, mask)) = graph.find_param(&tensor.name).and_then(|id| Some((id, cut.masks.get(id)?))) {
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

/// Reads the written file again.
async fn reopened<F: ReadAt>(checkpoint: &Checkpoint<F>, masks: &Masks, bytes: Vec<u8>) -> Result<Vec<u8>, Stop> {
    check(&bytes, &checkpoint.header, &checkpoint.model.graph, masks).await?;
    Ok(bytes)
}

/// A file must list the same tensors as before and hold zeros where the masks prune.
async fn check(file: &[u8], before: &Header, graph: &Graph, masks: &Masks) -> Result<(), Stop> {
    let header = safetensors::read_header(&file).await.map_err(Stop::because)?;
    let wrong = |what: &str| Stop::because(format!("the written file does not read back: {what}; nothing was saved"));
    let listed = |header: &Header| {
        let entry = |tensor: &TensorInfo| (tensor.name.clone(), tensor.dtype, tensor.shape.clone());
        header.tensors.iter().map(entry).collect::<Vec<_>>()
    };
    if listed(&header) != listed(before) {
        return Err(wrong("it lists other tensors"));
    }
    for (id, mask) in masks.iter() {
        let param = graph.param(id);
        let tensor = header.tensor(&param.name).ok_or_else(|| wrong(&param.name))?;
        let values = safetensors::read_f32(&file, tensor).await.map_err(Stop::because)?;
        if values.iter().zip(stored(param, mask)).any(|(value, kept)| kept == 0 && *value != 0.0) {
            return Err(wrong(&format!("{} holds pruned entries", param.name)));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::borrow::Cow;
    use std::collections::BTreeMap;

    use secateur_formats::safetensors::{Dtype, Tensor};
    use secateur_graph::Mask;

    use super::*;

    fn file(graph: &Graph, value: impl Fn(usize) -> f32) -> Vec<u8> {
        let tensors = graph.params.iter().map(|param| {
            let bytes: Vec<u8> = (0..param.len()).flat_map(|at| value(at).to_le_bytes()).collect();
            Tensor { name: param.name.clone(), dtype: Dtype::F32, shape: param.shape(), bytes: Cow::Owned(bytes) }
        });
        safetensors::write(tensors, &BTreeMap::new()).unwrap()
    }

    #[test]
    fn a_pruned_entry_that_came_back_is_found_out() {
        let graph = secateur_models::initial(&serde_json::json!({
            "model_type": "lenet", "num_channels": 1, "image_size": 28, "conv_channels": [2], "conv_kernels": [5],
            "conv_paddings": [0], "fc_features": [8], "num_labels": 2,
        }));
        let graph = graph.unwrap().graph;
        let id = graph.prunable().next().unwrap();
        let (mut masks, mut mask) = (Masks::default(), Mask::full(graph.param(id).len()));
        mask.prune(3);
        masks.set(&graph, id, mask).unwrap();
        let verdict = |bytes: Vec<u8>| {
            let header = pollster::block_on(safetensors::read_header(&bytes.as_slice())).unwrap();
            pollster::block_on(check(&bytes, &header, &graph, &masks))
        };
        assert!(verdict(file(&graph, |at| if at == 3 { 0.0 } else { 1.0 })).is_ok());
        let Err(Stop::Failed(error)) = verdict(file(&graph, |_| 1e-30)) else { panic!("it passed") };
        assert!(error.contains("holds pruned entries; nothing was saved"), "{error}");
    }
}
