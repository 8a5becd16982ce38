//! Everything worth taking away: a model of the wanted form with its config, or a report; masks and recipe.

mod masks;
mod onnx;
mod reopened;
mod report;
mod smaller;
mod tensors;
mod verdict;
mod zeros;

use secateur_models::Model;
use secateur_protocol::{BlobId, Event, FileOut, Format, Report};
use serde::Serialize;

use crate::Host;
use crate::desk::Job;
use crate::jobs::evaluate;
use crate::session::Session;
use crate::stop::Stop;

pub(crate) use verdict::run as verdict;

/// Writes the model as the cut that holds now leaves it. As it is, it can be written as ONNX only: it is a file already.
pub(crate) async fn run<H: Host>(session: &mut Session<H::File>, job: &Job<'_, H>, format: Format) -> Result<(), Stop> {
    if format != Format::Onnx && session.open()?.cut().is_none() {
        return Err(Stop::because("nothing is pruned yet; prune first, then export"));
    }
    if keeps_form(format) && session.open()?.checkpoint.model.family == ONNX {
        return Err(Stop::because("this model came as ONNX and has no other form; export it as onnx"));
    }
    let mut report = evaluate::report(session, job).await?;
    let written = match format {
        Format::Report => report::files(session, job, &report).await?,
        _ => model(session, job, format, &mut report).await?,
    };
    report.bytes_out =
        written.iter().map(|(name, bytes)| if name.contains(MODEL) { bytes.len() as u64 } else { 0 }).sum();
    let (compute, open) = session.ready()?;
    let pruned = open.pruned(compute).await?;
    let tokenizer = pruned.tokenizer().filter(|_| format != Format::Zeros);
    let checkpoint = &open.checkpoint;
    let mut about = vec![("report.json".to_string(), json(&report)?)];
    if let Some(cut) = open.cut() {
        about.push(("recipe.json".into(), json(&cut.recipe)?));
        about.push(("masks.safetensors".into(), masks::file(checkpoint, cut, &report.masks_digest)?));
    }
    let settings = match format {
        Format::Report => Vec::new(),
        _ => checkpoint.settings(job.host(), tokenizer).await?,
    };
    let (files, blobs) = with_blobs(written.into_iter().chain(about).chain(settings));
    job.send_with(Event::Exported { files, report }, blobs);
    Ok(())
}

/// The model's files; those that we read ourselves are opened again, and the report says how that went.
async fn model<H: Host>(
    session: &mut Session<H::File>,
    job: &Job<'_, H>,
    format: Format,
    report: &mut Report,
) -> Result<Files, Stop> {
    let (compute, open) = session.ready()?;
    let pruned = open.pruned(compute).await?;
    let checkpoint = &open.checkpoint;
    let model = match (format, open.cut()) {
        (Format::Uniform, Some(cut)) => smaller::uniform(job, checkpoint, cut).await?,
        (Format::Ragged, Some(cut)) => smaller::ragged(job, checkpoint, cut).await?,
        (Format::Zeros, Some(cut)) => zeros::files(job, checkpoint, cut).await?,
        _ => onnx::files(job, &pruned).await?,
    };
    if keeps_form(format) {
        report.reopened = reopened::difference(compute, &model, &pruned).await?;
    }
    Ok(model)
}

/// Whether a format is tensors and config as the model came in.
fn keeps_form(format: Format) -> bool {
    matches!(format, Format::Zeros | Format::Uniform | Format::Ragged)
}

/// What a model's own library calls its weights.
fn weights_name(model: &Model) -> &'static str {
    if verdict::stock(model) == "diffusers" { "diffusion_pytorch_model.safetensors" } else { WEIGHTS }
}

/// The family of models that are known by their operators only.
const ONNX: &str = "onnx";
/// Why there is no smaller model to write.
const NOT_SMALLER: &str = "weights went one by one, or no unit had to go, so the model is as large as before; prune with \
                           pattern = unit, or export it with zeros";
/// What all names of files with weights hold, and no others.
const MODEL: &str = "model.";
/// The weights' file, but for ONNX and diffusers.
const WEIGHTS: &str = "model.safetensors";

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
