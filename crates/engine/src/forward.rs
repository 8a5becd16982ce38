//! Pictures through a model, batch by batch.

use std::ops::Range;

use secateur_data::images::to_input;
use secateur_exec::{Compute, Meter, Params};
use secateur_models::{InputSpec, Model, Task};
use secateur_protocol::Unit;

use crate::Host;
use crate::desk::Job;
use crate::stop::Stop;

/// Floats of input in a batch, at most.
const BATCH_FLOATS: usize = 1 << 18;
/// Multiply-accumulates that one evaluation may cost.
const EVALUATION_MACS: u64 = 200_000_000_000;
/// Pictures that an evaluation looks at in any case.
const FEWEST: u64 = 16;

/// How many test pictures an evaluation looks at: all for a small model, fewer for one that would take minutes.
pub(crate) fn test_samples(model: &Model, available: usize) -> usize {
    affordable(model).max(FEWEST).min(available as u64) as usize
}

/// Samples of the graph's size that an evaluation may cost.
pub(crate) fn affordable(model: &Model) -> u64 {
    EVALUATION_MACS / model.graph.macs().max(1)
}

/// How the model takes pictures, or why it takes none.
pub(crate) fn pictures(model: &Model) -> Result<&InputSpec, Stop> {
    match &model.pictures {
        Some(spec) if model.task == Task::ImageClasses => Ok(spec),
        _ => Err(Stop::because(format!(
            "this is no picture classifier, so pictures say nothing about it: {}",
            model.verdict
        ))),
    }
}

/// How many samples of so many floats are run at once.
pub(crate) fn batch(floats: usize) -> usize {
    (BATCH_FLOATS / floats.max(1)).clamp(1, 250)
}

/// Grey 28 x 28 pictures as the model wants them, one after the other.
pub(crate) fn inputs<'a>(spec: &InputSpec, greys: impl IntoIterator<Item = &'a [u8]>) -> Vec<f32> {
    let InputSpec { channels, height, width, mean, std, .. } = spec;
    greys.into_iter().flat_map(|grey| to_input(grey, *channels, *height, *width, mean, std)).collect()
}

/// Counts pictures through a job that may run several models.
pub(crate) struct Samples {
    pub done: u64,
    pub total: u64,
}

/// [n, classes] logits of the `n` pictures in `range`.
pub(crate) async fn logits<'p, H: Host>(
    job: &Job<'_, H>,
    compute: &Compute,
    model: &Model,
    params: &Params,
    range: Range<usize>,
    grey: impl Fn(usize) -> &'p [u8],
    samples: &mut Samples,
) -> Result<Vec<f32>, Stop> {
    let spec = pictures(model)?;
    let batch = batch(spec.len());
    let mut out = Vec::new();
    for start in range.clone().step_by(batch) {
        let part = start..range.end.min(start + batch);
        let n = part.len();
        let images = inputs(spec, part.map(&grey));
        out.extend(secateur_exec::logits(compute, &model.graph, params, &images, n).await?);
        samples.done += n as u64;
        job.tick(samples.done, samples.total, Unit::Samples).await?;
    }
    Ok(out)
}
