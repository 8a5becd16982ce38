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
    if report.is_perplexity() {
        json["tokens"] = json!(report.metric_samples);
    }
    let Report { model, family, metric_dense, device, .. } = &report;
    let what = format!("{} {}", report.metric_name, report.figure(*metric_dense));
    Ok(Answer { text: format!("{model} ({family}): {what} on {}, on {device}\n", report.measured_on()), json })
}

pub fn report(event: Event) -> Option<Report> {
    match event {
        Event::Report(report) => Some(report),
        _ => None,
    }
}
