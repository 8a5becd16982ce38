use std::borrow::Cow;
use std::collections::BTreeMap;

use secateur_exec::{Inputs, outputs};
use secateur_formats::safetensors::{self, Dtype, Header, Tensor, TensorInfo};
use secateur_graph::Graph;
use secateur_protocol::Event;

use crate::desk::Job;
use crate::jobs::export::with_blobs;
use crate::session::Session;
use crate::stop::Stop;
use crate::{Asset, Host};

/// Evaluates the open model, as it is cut now, on the tensors of a file, each named after the input it is for.
pub(crate) async fn run<H: Host>(session: &mut Session<H::File>, job: &Job<'_, H>, name: &str) -> Result<(), Stop> {
    let file = job.host().open(Asset::User(name)).await.map_err(Stop::because)?;
    let header = safetensors::read_header(&file).await.map_err(Stop::because)?;
    let (compute, open) = session.ready()?;
    let pruned = open.pruned(compute).await?;
    let graph = fitted(&pruned.model.graph, &header)?;
    let mut inputs = Inputs::default();
    for tensor in &header.tensors {
        let values = safetensors::read_numbers(&file, tensor).await.map_err(Stop::because)?;
        inputs.upload(compute, &graph, &tensor.name, tensor.shape[0], values)?;
    }
    let mut tensors = Vec::new();
    for (name, value) in outputs(&graph, &pruned.params, inputs)? {
        let bytes = value.read().await?.iter().flat_map(|number| number.to_le_bytes()).collect();
        tensors.push(Tensor { name, dtype: Dtype::F32, shape: value.shape(), bytes: Cow::Owned(bytes) });
    }
    compute.check()?;
    let written = safetensors::write(tensors, &BTreeMap::new()).map_err(Stop::because)?;
    let (files, blobs) = with_blobs([("outputs.safetensors".to_string(), written)]);
    job.send_with(Event::Answered { files }, blobs);
    Ok(())
}

/// The model on inputs of the sizes that are in the file: texts of other lengths, pictures of other sizes.
fn fitted(graph: &Graph, header: &Header) -> Result<Graph, Stop> {
    let names = || graph.inputs().map(|node| node.name.as_str()).collect::<Vec<_>>().join(", ");
    let wrong = |tensor: &TensorInfo, want: String| {
        Stop::because(format!(
            "the input {} {:?}: wanted {want}; the model's inputs are {}",
            tensor.name,
            tensor.shape,
            names()
        ))
    };
    for tensor in &header.tensors {
        let Some(node) = graph.inputs().find(|node| node.name == tensor.name) else {
            return Err(wrong(tensor, "a tensor named after an input".into()));
        };
        let samples = tensor.shape.first().copied().unwrap_or(0);
        if samples == 0 || tensor.shape.len() != node.shape.len() + 1 || samples != header.tensors[0].shape[0] {
            return Err(wrong(tensor, format!("as many samples as the others have, each like {:?}", node.shape)));
        }
    }
    let shape = |name: &str| Some(header.tensor(name)?.shape[1..].to_vec());
    graph.resized(shape).map_err(Stop::because)
}
