use std::borrow::Cow;
use std::collections::BTreeMap;

use secateur_exec::Meter;
use secateur_formats::ReadAt;
use secateur_formats::safetensors::{self, Dtype, Tensor};
use secateur_graph::{Mask, Masks, Param};
use secateur_protocol::{BlobId, Event, FileOut, Unit};
use serde::Serialize;

use crate::Host;
use crate::checkpoint::Checkpoint;
use crate::desk::Job;
use crate::history::Cut;
use crate::jobs::evaluate;
use crate::session::Session;
use crate::stop::Stop;

/// Builds everything worth taking away: the model with zeros, its config, masks, recipe and report.
pub(crate) async fn run<H: Host>(session: &mut Session<H::File>, job: &Job<'_, H>) -> Result<(), Stop> {
    let report = evaluate::report(session, job).await?;
    let open = session.open()?;
    let cut = open.cut().ok_or_else(|| Stop::because("nothing is pruned yet; prune first, then export"))?;
    let checkpoint = &open.checkpoint;

    let model = zeroed(job, checkpoint, &cut.masks).await?;
    let model = reopened(checkpoint, &cut.masks, model).await?;
    let files = [
        ("model.safetensors", model),
        ("config.json", json(&checkpoint.model.config)?),
        ("masks.safetensors", masks_file(checkpoint, cut, &report.masks_digest)?),
        ("recipe.json", json(&cut.recipe)?),
        ("report.json", json(&report)?),
    ];
    let files = files.map(|(name, bytes)| (name.to_string(), bytes));
    let (files, blobs) = with_blobs(files.into_iter().chain(checkpoint.settings(job.host()).await?));
    job.send_with(Event::Exported { files, report }, blobs);
    Ok(())
}

/// Names files by the buffers that travel beside the event.
pub(crate) fn with_blobs(files: impl IntoIterator<Item = (String, Vec<u8>)>) -> (Vec<FileOut>, Vec<Vec<u8>>) {
    let named = |(at, (name, bytes)): (usize, (String, Vec<u8>))| (FileOut { name, data: BlobId(at as u32) }, bytes);
    files.into_iter().enumerate().map(named).unzip()
}

/// A file's bytes, indented for people.
pub(crate) fn json(value: &impl Serialize) -> Result<Vec<u8>, Stop> {
    let mut bytes = serde_json::to_vec_pretty(value).map_err(Stop::because)?;
    bytes.push(b'\n');
    Ok(bytes)
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

/// The mask's entries in the order of the checkpoint's: 1 = kept, 0 = pruned.
fn stored(param: &Param, mask: &Mask) -> Vec<u8> {
    param.to_stored((0..mask.len()).map(|at| u8::from(mask.is_kept(at))).collect())
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

/// One U8 tensor per prunable parameter, in its shape in the checkpoint: 1 = kept, 0 = pruned.
fn masks_file<F>(checkpoint: &Checkpoint<F>, cut: &Cut, digest: &str) -> Result<Vec<u8>, Stop> {
    let graph = &checkpoint.model.graph;
    let tensors = graph.prunable().map(|id| {
        let param = graph.param(id);
        let full = || Mask::full(param.len());
        let mask = cut.masks.get(id).cloned().unwrap_or_else(full);
        let bytes = Cow::Owned(stored(param, &mask));
        Tensor { name: param.name.clone(), dtype: Dtype::U8, shape: param.stored_shape(), bytes }
    });
    let metadata = [("recipe", cut.recipe.canonical()), ("digest", digest.to_string())];
    let metadata: BTreeMap<_, _> = metadata.map(|(key, value)| (key.to_string(), value)).into();
    safetensors::write(tensors, &metadata).map_err(Stop::because)
}
