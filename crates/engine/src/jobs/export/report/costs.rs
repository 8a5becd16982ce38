//! What a model costs and what it is worth, dense beside pruned.

use secateur_graph::grouped;
use secateur_protocol::{Layout, Report, Spread, Timing};

use super::facts::Given;

/// One measure of both models.
pub(super) struct Cost {
    pub name: String,
    /// Dense and pruned, in words.
    pub said: [String; 2],
    /// The same beside the larger of both, 0 to 1.
    pub lengths: [f64; 2],
    pub remark: String,
}

impl Cost {
    fn new(name: &str, said: [String; 2], values: [f64; 2], remark: String) -> Self {
        let values = values.map(|value| if value.is_finite() { value.max(0.0) } else { 0.0 });
        let most = values[0].max(values[1]).max(f64::MIN_POSITIVE);
        Self { name: name.into(), said, lengths: values.map(|value| value / most), remark }
    }

    /// None where there was nothing to begin with.
    fn counted(name: &str, dense: u64, pruned: u64) -> Option<Self> {
        let remark = format!("{} left", percent(pruned as f64 / dense as f64));
        (dense > 0).then(|| Self::new(name, [dense, pruned].map(grouped), [dense, pruned].map(|n| n as f64), remark))
    }
}

/// A fraction with two decimals.
pub(super) fn percent(fraction: f64) -> String {
    format!("{:.2} %", 100.0 * fraction)
}

/// Everything that is known, the quality first.
pub(super) fn costs(given: &Given<'_, impl Sized>) -> Vec<Cost> {
    let Given { report, timing, surgery, widths, .. } = given;
    let graph = &given.checkpoint.model.graph;
    let left = surgery.map_or(graph, |surgery| &surgery.graph);
    let weights = |dense: bool| -> u64 {
        let whole = graph.params.iter().zip(widths).map(|(param, width)| param.len() as u64 * width);
        match surgery {
            Some(surgery) if !dense => {
                let parts = surgery.graph.params.iter().zip(&surgery.params);
                parts.map(|(param, slices)| param.len() as u64 * widths[slices.from.0 as usize]).sum()
            }
            _ => whole.sum(),
        }
    };
    let kept = report.prunable_total - report.prunable_zero;
    let counted = [
        Cost::counted("Parameters", report.params_total, report.params_left),
        Cost::counted("Prunable weights that are not cut", report.prunable_total, kept),
        Cost::counted("Multiply-accumulates for one sample", report.macs_dense, report.macs_left),
        Cost::counted("Bytes of weights", weights(true), weights(false)),
        Cost::counted(
            "Bytes between layers at once, as f32",
            4 * graph.counts().activations,
            4 * left.counts().activations,
        )
        .filter(|_| report.macs_dense > 0),
    ];
    quality(report).into_iter().chain(counted.into_iter().flatten()).chain(timing.map(time)).collect()
}

/// None for a model that cannot be run.
fn quality(report: &Report) -> Option<Cost> {
    let values = [report.metric_dense, report.metric_pruned];
    let better = if report.is_perplexity() { "lower" } else { "higher" };
    let remark = format!("on {}; {better} is better", report.measured_on());
    let mut name = report.metric_name.clone();
    name[..1].make_ascii_uppercase();
    (report.metric_samples > 0).then(|| Cost::new(&name, values.map(|value| report.figure(value)), values, remark))
}

fn time(timing: &Timing) -> Cost {
    let Timing { batch, repeats, dense_ms, pruned_ms, device, .. } = timing;
    let name = format!("Milliseconds for a batch of {batch}");
    let said = |spread: &Spread| format!("{:.2} ({:.2} to {:.2})", spread.median, spread.q1, spread.q3);
    let remark = format!("median and middle half of {repeats} passes, {device}; products: {}", timing.picked());
    Cost::new(&name, [said(dense_ms), said(pruned_ms)], [dense_ms.median, pruned_ms.median], remark)
}

/// Why zeros, bytes and milliseconds do not move together.
pub(super) fn why(given: &Given<'_, impl Sized>) -> String {
    let report = given.report;
    if given.surgery.is_some() {
        return format!(
            "Whole units are gone and not only zero: {} of the parameters and {} of the multiplications are left on any \
             hardware, files shrink with them in every form but the one with the same shapes, and time shrinks less where a \
             layer waits for memory or for its start rather than for its multiplications.",
            percent(report.params_left as f64 / report.params_total.max(1) as f64),
            percent(report.macs_left as f64 / report.macs_dense.max(1) as f64),
        );
    }
    let skip = |timing: &Timing| timing.layouts.iter().filter(|of| of.layout != Layout::Dense).count();
    let here = given.timing.map_or(String::new(), |timing| {
        format!(" (here {} of {} layers leave zeros out)", skip(timing), timing.layouts.len())
    });
    format!(
        "{} of the prunable weights are exactly zero, but a file stores a zero like any other number and a processor \
         multiplies by it like by any other number: bytes fall only with a format that leaves zeros out or when whole units \
         go, milliseconds only with a product that leaves them out{here}.",
        percent(report.sparsity_prunable)
    )
}
