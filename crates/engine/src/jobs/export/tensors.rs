use secateur_formats::ReadAt;
use secateur_formats::safetensors::{TensorInfo, narrow};

use crate::checkpoint::Checkpoint;
use crate::history::Cut;
use crate::stop::Stop;

/// A tensor's bytes in the file's order and element type: what the method made of the parameter, or the file's own.
pub(super) async fn bytes<F: ReadAt>(
    checkpoint: &Checkpoint<F>,
    cut: &Cut,
    tensor: &TensorInfo,
) -> Result<Vec<u8>, Stop> {
    let graph = &checkpoint.model.graph;
    let changed = graph.find_param(&tensor.name).and_then(|id| cut.changed.iter().find(|(changed, _)| *changed == id));
    match changed {
        Some((id, values)) => narrow(tensor, &graph.param(*id).to_stored(values.clone())).map_err(Stop::because),
        None => checkpoint.file.read(tensor.range.clone()).await.map_err(Stop::because),
    }
}
