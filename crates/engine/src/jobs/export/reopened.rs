use secateur_exec::{Compute, Params, forward, shortened};
use secateur_formats::safetensors::{read_f32, read_header};
use secateur_models::{Model, Task, detect};
use serde_json::Value;

use super::Files;
use crate::session::Runnable;
use crate::stop::Stop;

/// Inputs that the written model and the one on the device are compared on.
const PROBES: usize = 2;
/// More than adding up in another order does.
const MOST: f64 = 0.01;

/// Opens what was written as a user would and returns the largest difference of its answers from those of the model it was
/// written from, relative to the largest answer. None for a model that cannot be run.
///
/// # Errors
/// When the files cannot be opened, or hold another model: one of other sizes, or one that answers otherwise.
pub(super) async fn difference(compute: &Compute, files: &Files, of: &Runnable) -> Result<Option<f64>, Stop> {
    let wrong = |what: String| Stop::because(format!("the written file does not read back: {what}; nothing was saved"));
    let ending = |end: &str| files.iter().find(|(file, _)| file.ends_with(end)).map(|(_, bytes)| bytes.as_slice());
    let (weights, config) = (ending(".safetensors").unwrap_or_default(), ending("config.json").unwrap_or_default());
    let config: Value = serde_json::from_slice(config).map_err(|error| wrong(error.to_string()))?;
    let header = read_header(&weights).await.map_err(Stop::because)?;
    let model = detect(&header, Some(&config)).map_err(|error| wrong(error.to_string()))?;
    if model.task == Task::Unknown {
        return Ok(None);
    }
    let mut params = Params::empty(&model.graph);
    for id in model.graph.param_ids() {
        let name = &model.graph.param(id).name;
        let tensor = header.tensor(name).ok_or_else(|| wrong(format!("{name} is missing")))?;
        let values = read_f32(&weights, tensor).await.map_err(Stop::because)?;
        params.upload_stored(compute, &model.graph, id, values)?;
    }
    let answers = async |model: &Model, params: &Params| {
        let graph = shortened(&model.graph).map_err(Stop::because)?;
        let inputs = of.probe_for(compute, &graph, 0, PROBES)?;
        let answers = forward(&graph, params, inputs, &mut ())?.read().await?;
        compute.check()?;
        Ok::<_, Stop>(of.shared(&graph, answers))
    };
    let (written, want) = (answers(&model, &params).await?, answers(&of.model, &of.params).await?);
    if written.len() != want.len() {
        return Err(wrong(format!("it gives {} numbers, wanted {}", written.len(), want.len())));
    }
    let largest = want.iter().fold(f32::MIN_POSITIVE, |largest, want| largest.max(want.abs()));
    let off = written.iter().zip(&want).map(|(written, want)| (written - want).abs());
    match f64::from(off.fold(0.0, f32::max) / largest) {
        off if off <= MOST => Ok(Some(off)),
        off => Err(wrong(format!("its answers differ by {off:.1e} of the largest"))),
    }
}
