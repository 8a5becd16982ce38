//! A training as files: the model for everybody, and all that it takes to go on.

use std::borrow::Cow;
use std::collections::BTreeMap;

use secateur_exec::train::State;
use secateur_exec::{Compute, Params};
use secateur_formats::quote;
use secateur_formats::safetensors::{self, Dtype, Tensor};
use secateur_graph::{Graph, Param};
use secateur_protocol::TrainLog;

use crate::stop::Stop;
use crate::{Asset, Host};

pub(super) const FILE: &str = "training.safetensors";
/// The tensor with every step's loss.
const LOSSES: &str = "losses";
/// The note with the log.
const LOG: &str = "log";

/// The parameters as a safetensors file, named as upstream names them.
pub(super) async fn model(graph: &Graph, params: &Params) -> Result<Vec<u8>, Stop> {
    let mut tensors = Vec::new();
    for id in graph.param_ids() {
        let param = graph.param(id);
        let values = param.to_stored(params.read(graph, id).await?);
        tensors.push(tensor(param.name.clone(), param.stored_shape(), &values));
    }
    let metadata = BTreeMap::from([("format".to_string(), "pt".to_string())]);
    safetensors::write(tensors, &metadata).map_err(Stop::because)
}

/// All of a training, in the graph's shapes: `params.{name}`, `moment1.{name}` ..., the losses, and the log as a note, so
/// that one file holds it all.
pub(super) async fn training(graph: &Graph, state: &State, log: &TrainLog) -> Result<Vec<u8>, Stop> {
    let mut tensors = vec![tensor(LOSSES.into(), vec![state.losses.len()], &state.losses)];
    for (part, params) in state.parts() {
        for id in graph.param_ids().filter(|id| params.get(graph, *id).is_ok()) {
            let Param { name, .. } = graph.param(id);
            let values = params.read(graph, id).await?;
            tensors.push(tensor(format!("{part}.{name}"), graph.param(id).shape(), &values));
        }
    }
    let metadata = BTreeMap::from([(LOG.to_string(), serde_json::to_string(log).map_err(Stop::because)?)]);
    safetensors::write(tensors, &metadata).map_err(Stop::because)
}

/// Reads [`training`] back. `wanted` is the log of the training that is asked for, before its first step; that in the
/// file must be of the same.
pub(super) async fn resumed<H: Host>(
    host: &H,
    compute: &Compute,
    graph: &Graph,
    name: &str,
    wanted: TrainLog,
) -> Result<(State, TrainLog), Stop> {
    let wrong = |what: String| Stop::because(format!("{name}: {what}; begin anew, or go on with another file"));
    let file = host.open(Asset::User(name)).await.map_err(Stop::because)?;
    let header = safetensors::read_header(&file).await.map_err(|error| wrong(error.to_string()))?;
    let log = header.metadata.get(LOG).ok_or_else(|| wrong("it has no note of a training".into()))?;
    let log: TrainLog = serde_json::from_str(log).map_err(|error| wrong(format!("its note: {error}")))?;
    let kind = |log: &TrainLog| format!("{} from seed {} over {} steps", log.model, log.seed, log.steps);
    if kind(&log) != kind(&wanted) {
        return Err(wrong(format!("wanted a training of {}, got one of {}", kind(&wanted), kind(&log))));
    }
    let mut state = State::new(graph, Params::empty(graph));
    for tensor in &header.tensors {
        let values = safetensors::read_f32(&file, tensor).await.map_err(|error| wrong(error.to_string()))?;
        if tensor.name == LOSSES {
            state.losses = values;
            continue;
        }
        let place = tensor.name.split_once('.').and_then(|(part, param)| Some((part, graph.find_param(param)?)));
        let place = place.and_then(|(part, id)| Some((state.part_mut(part)?, id)));
        let (params, id) = place.ok_or_else(|| wrong(format!("this training has no {}", quote(&tensor.name))))?;
        params.upload(compute, graph, id, values)?;
    }
    for id in graph.param_ids() {
        state.params.get(graph, id).map_err(|error| wrong(error.to_string()))?;
    }
    if log.marks.last().is_some_and(|mark| mark.step > state.step()) {
        return Err(wrong("its note tells of more steps than it holds losses".into()));
    }
    Ok((state, log))
}

fn tensor(name: String, shape: Vec<usize>, values: &[f32]) -> Tensor<'static> {
    let bytes = values.iter().flat_map(|value| value.to_le_bytes()).collect();
    Tensor { name, dtype: Dtype::F32, shape, bytes: Cow::Owned(bytes) }
}
