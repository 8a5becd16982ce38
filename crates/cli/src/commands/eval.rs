use secateur_protocol::{Command, DeviceChoice, Event, Report};
use serde_json::json;

use crate::client::talk;
use crate::model::source;
use crate::progress::Progress;
use crate::{Answer, Result};

pub fn run(progress: Progress, model: &str, device: DeviceChoice) -> Result<Answer> {
    let source = source(model)?;
    let report = talk(progress, async |client| {
        client.hello(device).await?;
        client.load(source).await?;
        Ok(client.ask_for(Command::Evaluate, report).await?.0)
    })?;
    let zero = report.metric_dense;
    let text = format!(
        "{} ({}): {} {:.2} % on {} samples, on {}\n",
        report.model,
        report.family,
        report.metric_name,
        100.0 * zero,
        report.metric_samples,
        report.device
    );
    Ok(Answer { text, json: json!(report) })
}

pub fn report(event: Event) -> Option<Report> {
    match event {
        Event::Report(report) => Some(report),
        _ => None,
    }
}
