//! Everything worth taking away: a model of the wanted form, its config, masks, recipe and report.

mod masks;
mod reopened;
mod smaller;
mod verdict;
mod zeros;

use secateur_protocol::{BlobId, Event, FileOut, Format};
use serde::Serialize;

use crate::Host;
use crate::desk::Job;
use crate::jobs::evaluate;
use crate::session::Session;
use crate::stop::Stop;

pub(crate) use verdict::run as verdict;

/// Writes the model as the cut that holds now leaves it.
pub(crate) async fn run<H: Host>(session: &mut Session<H::File>, job: &Job<'_, H>, format: Format) -> Result<(), Stop> {
    let mut report = evaluate::report(session, job).await?;
    let open = session.open()?;
    let cut = open.cut().ok_or_else(nothing_pruned)?;
    let checkpoint = &open.checkpoint;
    let model = match format {
        Format::Zeros => zeros::files(job, checkpoint, cut).await?,
        Format::Uniform => smaller::uniform(job, checkpoint, cut).await?,
        Format::Ragged => smaller::ragged(job, checkpoint, cut).await?,
        Format::Onnx => return Err(Stop::because("ONNX files cannot be written yet")),
    };
    let (compute, open) = session.ready()?;
    let pruned = open.pruned(compute).await?;
    report.reopened = reopened::difference(compute, &model, &pruned).await?;
    let open = session.open()?;
    let (checkpoint, cut) = (&open.checkpoint, open.cut().ok_or_else(nothing_pruned)?);
    report.bytes_out = model.iter().find(|(name, _)| name == MODEL).map_or(0, |(_, bytes)| bytes.len() as u64);
    let about = [
        ("masks.safetensors", masks::file(checkpoint, cut, &report.masks_digest)?),
        ("recipe.json", json(&cut.recipe)?),
        ("report.json", json(&report)?),
    ];
    let about = about.map(|(name, bytes)| (name.to_string(), bytes));
    let (files, blobs) = with_blobs(model.into_iter().chain(about).chain(checkpoint.settings(job.host()).await?));
    job.send_with(Event::Exported { files, report }, blobs);
    Ok(())
}

fn nothing_pruned() -> Stop {
    Stop::because("nothing is pruned yet; prune first, then export")
}

/// The weights' file in an export.
const MODEL: &str = "model.safetensors";

/// Names and bytes.
type Files = Vec<(String, Vec<u8>)>;

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
