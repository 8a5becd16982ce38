use std::borrow::Cow;
use std::collections::BTreeMap;

use secateur_exec::Meter;

use secateur_formats::safetensors::{self, Tensor};
use secateur_graph::Param;
use secateur_graph::surgery::{Slices, Surgery};
use secateur_protocol::Unit;
use serde_json::Value;

use super::{Files, NOT_SMALLER, WEIGHTS, json, tensors, weights_name};
use crate::Host;
use crate::checkpoint::Checkpoint;
use crate::desk::Job;
use crate::history::Cut;
use crate::stop::Stop;

/// A smaller model that stock libraries open.
pub(super) async fn uniform<H: Host>(
    job: &Job<'_, H>,
    checkpoint: &Checkpoint<H::File>,
    cut: &Cut,
) -> Result<Files, Stop> {
    let surgery = smaller(checkpoint, cut)?;
    let model = &checkpoint.model;
    let uniform = model.uniform(&surgery).map_err(|why| Stop::because(format!("no uniform model: {why}")))?;
    let weights = weights(job, checkpoint, cut, &surgery, &uniform.names).await?;
    files(weights_name(model), weights, &uniform.config)
}

/// Opens ragged models in PyTorch.
const LOADER: &str = include_str!("load_ragged.py");

/// A smaller model, each layer with its own sizes, and what opens it.
pub(super) async fn ragged<H: Host>(
    job: &Job<'_, H>,
    checkpoint: &Checkpoint<H::File>,
    cut: &Cut,
) -> Result<Files, Stop> {
    let surgery = smaller(checkpoint, cut)?;
    let names: Vec<String> = surgery.graph.params.iter().map(|param| param.name.clone()).collect();
    let weights = weights(job, checkpoint, cut, &surgery, &names).await?;
    let config = checkpoint.model.cut_config(&cut.removal, cut.statistics, &surgery);
    let mut files = files(WEIGHTS, weights, &config)?;
    files.push(("load_ragged.py".into(), LOADER.into()));
    Ok(files)
}

fn smaller<F>(checkpoint: &Checkpoint<F>, cut: &Cut) -> Result<Surgery, Stop> {
    if cut.removal.is_empty() {
        return Err(Stop::because(NOT_SMALLER));
    }
    cut.surgery(&checkpoint.model.graph)
}

fn files(name: &str, weights: Vec<u8>, config: &Value) -> Result<Files, Stop> {
    Ok(vec![(name.into(), weights), ("config.json".into(), json(config)?)])
}

/// The parameters that are left, in the checkpoint's element types, read tensor by tensor.
async fn weights<H: Host>(
    job: &Job<'_, H>,
    checkpoint: &Checkpoint<H::File>,
    cut: &Cut,
    surgery: &Surgery,
    names: &[String],
) -> Result<Vec<u8>, Stop> {
    let whole = &checkpoint.model.graph;
    let mut left = Vec::new();
    for ((param, slices), name) in surgery.graph.params.iter().zip(&surgery.params).zip(names) {
        let from = whole.param(slices.from);
        let tensor = checkpoint.tensor(&from.name)?;
        let bytes = tensors::bytes(checkpoint, cut, tensor).await?;
        let bytes = Cow::Owned(sliced(&bytes, from, slices));
        left.push(Tensor { name: name.clone(), dtype: tensor.dtype, shape: param.stored_shape(), bytes });
        job.tick(left.len() as u64, names.len() as u64, Unit::Layers).await?;
    }
    let metadata = BTreeMap::from([("format".to_string(), "pt".to_string())]);
    safetensors::write(left, &metadata).map_err(Stop::because)
}

/// The entries of a stored tensor that stay, in its order.
fn sliced(bytes: &[u8], param: &Param, slices: &Slices) -> Vec<u8> {
    let width = bytes.len() / param.len().max(1);
    let kept = slices.kept.iter().zip(&param.dims);
    let mut axes: Vec<Vec<usize>> =
        kept.map(|(kept, dim)| kept.clone().unwrap_or_else(|| (0..dim.size).collect())).collect();
    let mut sizes = param.shape();
    if param.transposed {
        axes.reverse();
        sizes.reverse();
    }
    let mut out = Vec::new();
    let mut starts = vec![0];
    for (axis, size) in axes.iter().zip(sizes) {
        starts = starts.iter().flat_map(|start| axis.iter().map(move |at| start * size + at)).collect();
    }
    for start in starts {
        out.extend_from_slice(&bytes[start * width..(start + 1) * width]);
    }
    out
}
