use secateur_data::digits::Split;
use secateur_data::metrics::agreement;
use secateur_exec::Meter;
use secateur_formats::safetensors;
use secateur_graph::Param;
use secateur_protocol::{Comparison, Event, ParamDiff, Source, Unit};

use crate::Host;
use crate::checkpoint::Checkpoint;
use crate::desk::Job;
use crate::forward::{Samples, logits, test_samples};
use crate::session::Session;
use crate::stop::Stop;

/// Holds the open model, dense, beside another one of the same shapes: entries and answers.
pub(crate) async fn run<H: Host>(session: &mut Session<H::File>, job: &Job<'_, H>, with: Source) -> Result<(), Stop> {
    let digits = session.digits(job.host()).await?;
    let other = Checkpoint::open(job.host(), &with).await?;
    let (compute, open) = session.ready()?;
    let this = &open.checkpoint;
    let params = params(job, this, &other).await?;

    let other_weights = other.upload(job, compute).await?;
    let (model, weights) = open.parts()?;
    let test = digits.split(Split::Test);
    let test = test.start..test.start + test_samples(model, test.len());
    let grey = |at| digits.grey(at);
    let n = test.len();
    let mut samples = Samples { done: 0, total: 2 * n as u64 };
    let a = logits(job, compute, model, &weights.dense, test.clone(), grey, &mut samples).await?;
    let b = logits(job, compute, &other.model, &other_weights, test, grey, &mut samples).await?;
    let max_logit_diff = a.iter().zip(&b).map(|(a, b)| f64::from((a - b).abs())).fold(0.0, f64::max);
    let agreement = agreement(&a, &b, a.len() / n.max(1));
    job.send(Event::Compared(Comparison {
        a: open.checkpoint.name.clone(),
        b: other.name,
        params,
        samples: n as u64,
        max_logit_diff,
        agreement,
    }));
    Ok(())
}

async fn params<H: Host>(
    job: &Job<'_, H>,
    a: &Checkpoint<H::File>,
    b: &Checkpoint<H::File>,
) -> Result<Vec<ParamDiff>, Stop> {
    let [ours, theirs] = [a, b].map(|side| &side.model.graph.params);
    let same = |(a, b): (&Param, &Param)| a.name == b.name && a.shape() == b.shape();
    if ours.len() != theirs.len() || !ours.iter().zip(theirs).all(same) {
        return Err(Stop::because(format!(
            "{} and {} have different parameters; only models of the same shapes can be compared",
            a.name, b.name
        )));
    }
    let mut diffs = Vec::new();
    for param in ours {
        let read = async |side: &Checkpoint<H::File>| {
            safetensors::read_f32(&side.file, side.tensor(&param.name)?).await.map_err(Stop::because)
        };
        diffs.push(diff(param, &read(a).await?, &read(b).await?));
        job.tick(diffs.len() as u64, ours.len() as u64, Unit::Layers).await?;
    }
    Ok(diffs)
}

fn diff(param: &Param, a: &[f32], b: &[f32]) -> ParamDiff {
    let zeros = |values: &[f32]| values.iter().filter(|value| **value == 0.0).count() as u64;
    ParamDiff {
        name: param.name.clone(),
        entries: param.len() as u64,
        differ: a.iter().zip(b).filter(|(a, b)| a != b).count() as u64,
        max_abs_diff: a.iter().zip(b).map(|(a, b)| f64::from((a - b).abs())).fold(0.0, f64::max),
        zeros_a: zeros(a),
        zeros_b: zeros(b),
    }
}
