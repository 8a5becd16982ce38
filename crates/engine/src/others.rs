//! Other checkpoints of the open model's architecture, which some methods look at beside it.

use secateur_exec::{Compute, Meter, Params};
use secateur_formats::safetensors::{self, Header, Shards};
use secateur_graph::Param;
use secateur_protocol::{Card, FileRef, Need, Recipe, Source, Unit};

use crate::Host;
use crate::checkpoint::{Checkpoint, Weights, weights};
use crate::desk::Job;
use crate::files::Files;
use crate::stop::Stop;

/// Those that a recipe names in `base` and `others`, in that order; none where its method needs none, or nothing is named.
pub(crate) async fn others<H: Host>(
    job: &Job<'_, H>,
    compute: &Compute,
    open: &Checkpoint<H::File>,
    card: &Card,
    recipe: &Recipe,
) -> Result<Vec<Params>, Stop> {
    let mut found = Vec::new();
    if !card.needs(Need::Checkpoint) {
        return Ok(found);
    }
    let named = ["base", "others"].map(|key| recipe.value(card, key).map_or(String::new(), |names| names.to_string()));
    let names = named.iter().flat_map(|names| names.split(';')).map(str::trim).filter(|name| !name.is_empty());
    for name in names {
        let source = match name.strip_prefix("builtin:") {
            Some(id) => Source::BuiltIn { id: id.into() },
            None => Source::Files { files: vec![FileRef { name: name.into(), bytes: 0 }] },
        };
        let files = Files::of(job.host(), &source).await?;
        let shards = weights(job.host(), &files).await?;
        let opened = Shards::open(shards).await.map_err(|error| Stop::because(format!("{name}: {error}")))?;
        found.push(read(job, compute, open, name, &opened).await?);
    }
    Ok(found)
}

/// All of the open model's parameters out of another file.
async fn read<H: Host>(
    job: &Job<'_, H>,
    compute: &Compute,
    open: &Checkpoint<H::File>,
    name: &str,
    (file, header): &(Weights<H::File>, Header),
) -> Result<Params, Stop> {
    let graph = &open.model.graph;
    let mut params = Params::empty(graph);
    for (done, id) in graph.param_ids().enumerate() {
        job.tick(done as u64, graph.params.len() as u64, Unit::Layers).await?;
        let param = graph.param(id);
        let tensor = header.tensor(&param.name).filter(|tensor| tensor.shape == param.stored_shape());
        let tensor = tensor.ok_or_else(|| misfit(open, name, param, header))?;
        let values = safetensors::read_f32(file, tensor).await.map_err(Stop::because)?;
        params.upload_stored(compute, graph, id, values)?;
    }
    Ok(params)
}

fn misfit<F>(open: &Checkpoint<F>, name: &str, param: &Param, header: &Header) -> Stop {
    let want = format!("{name}: wanted {} of {:?}, as {} has it", param.name, param.stored_shape(), open.name);
    let got = header.tensor(&param.name).map_or("no such tensor".into(), |tensor| format!("{:?}", tensor.shape));
    Stop::because(format!("{want}, got {got}; choose a checkpoint of the same architecture"))
}
