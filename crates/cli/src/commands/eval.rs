use secateur_protocol::{Command, Event, Report, TextTest};
use serde_json::json;

use crate::args::EvalArgs;
use crate::client::talk;
use crate::model::source;
use crate::progress::Progress;
use crate::{Answer, Result};

/// Measures a model on the test digits or, with `--text`, on a text.
pub fn run(progress: Progress, args: EvalArgs) -> Result<Answer> {
    let EvalArgs { model, text, window, stride, device, .. } = args;
    let source = source(&model)?;
    let measure = match text {
        Some(text) => Command::EvaluateText(TextTest { text, window, stride: stride.unwrap_or(window) }),
        None => Command::Evaluate,
    };
    let report = talk(progress, async |client| {
        client.hello(device.into()).await?;
        client.load(source).await?;
        Ok(client.ask_for(measure, report).await?.0)
    })?;
    let mut json = json!(report);
    json["metric"] = json!(report.metric_dense);
    if report.metric_name == PERPLEXITY {
        json["tokens"] = json!(report.metric_samples);
    }
    let Report { model, family, metric_dense, device, .. } = &report;
    let what = format!("{} {}", report.metric_name, figure(&report, *metric_dense));
    Ok(Answer { text: format!("{model} ({family}): {what} on {}, on {device}\n", samples(&report)), json })
}

const PERPLEXITY: &str = "perplexity";

/// One of a report's two measures for people: shares in percent, perplexities as they are.
pub fn figure(report: &Report, value: f64) -> String {
    match report.metric_name.as_str() {
        PERPLEXITY if !value.is_finite() => "beyond all numbers (the model no longer predicts the text)".into(),
        PERPLEXITY => format!("{value:.3}"),
        _ => format!("{:.2} %", 100.0 * value),
    }
}

/// What a report measured on.
pub fn samples(report: &Report) -> String {
    let unit = if report.metric_name == PERPLEXITY { "tokens" } else { "samples" };
    format!("{} {unit}", report.metric_samples)
}

pub fn report(event: Event) -> Option<Report> {
    match event {
        Event::Report(report) => Some(report),
        _ => None,
    }
}
