use secateur_data::digits::Split;
use secateur_data::metrics::{accuracy, agreement, similarity};
use secateur_exec::{Meter, Params, forward, shortened};
use secateur_formats::ReadAt;
use secateur_graph::Graph;
use secateur_models::Task;
use secateur_protocol::{Event, Report, Unit};

use crate::Host;
use crate::desk::Job;
use crate::forward::{Samples, logits, test_samples};
use crate::jobs::text;
use crate::session::Session;
use crate::stop::Stop;

pub(crate) async fn run<H: Host>(session: &mut Session<H::File>, job: &Job<'_, H>) -> Result<(), Stop> {
    let report = report(session, job).await?;
    job.send(Event::Report(report));
    Ok(())
}

/// Metric of the dense and the pruned model on the test split, and the counts around it.
pub(crate) async fn report<H: Host>(session: &mut Session<H::File>, job: &Job<'_, H>) -> Result<Report, Stop> {
    let metric = metric(session, job).await?;
    report_of(session, metric)
}

/// A measure, and the counts around it.
pub(crate) fn report_of<F: ReadAt>(session: &mut Session<F>, metric: Metric) -> Result<Report, Stop> {
    let device = session.compute()?.adapter().name.clone();
    let open = session.open()?;
    let level = open.level();
    let cut = open.cut();
    let checkpoint = &open.checkpoint;
    let graph = &checkpoint.model.graph;
    let left = match cut {
        Some(cut) => cut.surgery(graph)?.graph.counts(),
        None => graph.counts(),
    };
    Ok(Report {
        model: checkpoint.name.clone(),
        family: checkpoint.model.family.to_string(),
        method: cut.map(|cut| cut.recipe.method.clone()),
        recipe_id: cut.map(|cut| cut.recipe.id().to_string()),
        params_total: graph.params_total(),
        params_left: left.params,
        macs_dense: graph.macs(),
        macs_left: left.macs,
        prunable_total: level.prunable(),
        prunable_zero: level.zeros(),
        sparsity_prunable: level.sparsity(),
        bytes_dense: checkpoint.file.len(),
        bytes_out: checkpoint.bytes_out(),
        reopened: None,
        metric_name: metric.name.to_string(),
        metric_dense: metric.dense,
        metric_pruned: metric.pruned,
        metric_samples: metric.samples as u64,
        seconds: cut.map_or(0.0, |cut| cut.seconds),
        device,
        masks_digest: level.digest,
    })
}

/// What was measured, on both models.
pub(crate) struct Metric {
    pub name: &'static str,
    pub dense: f64,
    pub pruned: f64,
    pub samples: usize,
}

/// The metric that fits the model's task.
pub(crate) async fn metric<H: Host>(session: &mut Session<H::File>, job: &Job<'_, H>) -> Result<Metric, Stop> {
    let checkpoint = &session.open()?.checkpoint;
    match checkpoint.model.task {
        Task::NextToken if checkpoint.tokenizer.is_some() => text::metric(session, job).await,
        Task::ImageClasses => on_digits(session, job).await,
        Task::Unknown => Ok(Metric { name: "none", dense: f64::NAN, pruned: f64::NAN, samples: 0 }),
        _ => on_probes(session, job).await,
    }
}

/// Inputs that a model without data of its own is compared on.
const PROBES: usize = 4;

/// How much alike the two models' first outputs are on inputs that mean nothing: all that can be said without data.
async fn on_probes<H: Host>(session: &mut Session<H::File>, job: &Job<'_, H>) -> Result<Metric, Stop> {
    let (compute, open) = session.ready()?;
    let pruned = open.pruned(compute).await?;
    let (model, weights) = open.parts()?;
    let answer = async |graph: &Graph, params: &Params, done: u64| {
        job.tick(done, 2, Unit::Steps).await?;
        let graph = shortened(graph).map_err(Stop::because)?;
        let inputs = pruned.probe_for(compute, &graph, 0, PROBES)?;
        let answer = forward(&graph, params, inputs, &mut ())?.read().await?;
        compute.check()?;
        Ok::<_, Stop>(pruned.shared(&graph, answer))
    };
    let dense = answer(&model.graph, &weights.dense, 0).await?;
    let cut = answer(&pruned.model.graph, &pruned.params, 1).await?;
    Ok(Metric { name: "similarity", dense: 1.0, pruned: similarity(&dense, &cut), samples: PROBES })
}

/// Accuracy where the model's classes are the ten digits, else agreement with the dense model.
///
/// The dense answers are kept for as long as the model stays on the device, the pruned ones until the next cut.
async fn on_digits<H: Host>(session: &mut Session<H::File>, job: &Job<'_, H>) -> Result<Metric, Stop> {
    let digits = session.digits(job.host()).await?;
    let (compute, open) = session.ready()?;
    let pruned = open.pruned(compute).await?;
    let uncut = pruned.dense;
    let (model, weights) = open.parts()?;
    let known = weights.pruned.as_mut().and_then(|pruned| pruned.logits.take());
    let test = digits.split(Split::Test);
    let test = test.start..test.start + test_samples(model, test.len());
    let grey = |at| digits.grey(at);

    let n = test.len();
    let runs = [weights.dense_logits.is_none(), known.is_none() && !uncut];
    let mut samples = Samples { done: 0, total: runs.iter().filter(|run| **run).count() as u64 * n as u64 };
    if weights.dense_logits.is_none() {
        let answers = logits(job, compute, model, &weights.dense, test.clone(), grey, &mut samples).await?;
        weights.dense_logits = Some(answers);
    }
    let answers = match (known, uncut, &weights.dense_logits) {
        (Some(known), ..) => known,
        (None, true, Some(dense)) => dense.clone(),
        _ => logits(job, compute, &pruned.model, &pruned.params, test.clone(), grey, &mut samples).await?,
    };
    let dense = weights.dense_logits.as_deref().unwrap_or_default();
    let classes = dense.len() / n.max(1);
    let metric = if names_digits(&model.labels) {
        let truth = &digits.labels[test];
        let [dense, pruned] = [dense, &answers[..]].map(|answers| accuracy(answers, classes, truth));
        Metric { name: "accuracy", dense, pruned, samples: n }
    } else {
        Metric { name: "agreement", dense: 1.0, pruned: agreement(dense, &answers, classes), samples: n }
    };
    if let Some(pruned) = &mut weights.pruned {
        pruned.logits = Some(answers);
    }
    Ok(metric)
}

fn names_digits(labels: &[String]) -> bool {
    labels.len() == 10 && labels.iter().enumerate().all(|(class, label)| *label == class.to_string())
}
