use std::path::Path;

use secateur_protocol::{Command, Comparison, DeviceChoice, Event};
use serde_json::json;

use super::masks::{self, Differing};
use crate::client::talk;
use crate::model::source;
use crate::progress::Progress;
use crate::{Answer, Result};

pub fn run(progress: Progress, a: &str, b: &str, device: DeviceChoice) -> Result<Answer> {
    let (path_a, path_b) = (Path::new(a), Path::new(b));
    if masks::is_masks(path_a) && masks::is_masks(path_b) {
        let differing = masks::compare(path_a, path_b)?;
        return Ok(Answer { text: masks_text(&differing), json: json!({ "masks": differing }) });
    }
    let (source_a, with) = (source(a)?, source(b)?);
    let comparison = talk(progress, async |client| {
        client.hello(device).await?;
        client.load(source_a).await?;
        Ok(client.ask_for(Command::Compare { with }, compared).await?.0)
    })?;
    let [in_a, in_b] = [path_a, path_b].map(|dir| dir.join("masks.safetensors"));
    let masks = if in_a.is_file() && in_b.is_file() { Some(masks::compare(&in_a, &in_b)?) } else { None };
    let mut json = json!(comparison);
    json["masks"] = json!(masks);
    Ok(Answer { text: text(&comparison) + &masks.map_or(String::new(), |masks| masks_text(&masks)), json })
}

fn text(comparison: &Comparison) -> String {
    let Comparison { a, b, params, samples, max_logit_diff, agreement } = comparison;
    let widest = params.iter().map(|param| param.name.len()).max().unwrap_or(0);
    let mut text = format!("{a} and {b}\n{:<widest$}  differing of entries  largest  zeros\n", "");
    for param in params.iter().filter(|param| param.differ > 0) {
        let (name, zeros) = (&param.name, format!("{} and {}", param.zeros_a, param.zeros_b));
        text +=
            &format!("{name:<widest$}  {} of {}  {:.3e}  {zeros}\n", param.differ, param.entries, param.max_abs_diff);
    }
    let same = params.iter().filter(|param| param.differ == 0).count();
    text + &format!(
        "{same} of {} parameters are equal\non {samples} digits: same class {:.2} %, logits differ by at most {max_logit_diff:.3e}\n",
        params.len(),
        100.0 * agreement
    )
}

fn masks_text(differing: &[Differing]) -> String {
    if differing.is_empty() {
        return "the masks are equal\n".into();
    }
    let line = |tensor: &Differing| {
        let more = if tensor.count > tensor.indexes.len() { ", ..." } else { "" };
        let indexes = tensor.indexes.iter().map(usize::to_string).collect::<Vec<_>>().join(", ");
        format!("{}: {} entries differ: {indexes}{more}\n", tensor.name, tensor.count)
    };
    differing.iter().map(line).collect()
}

fn compared(event: Event) -> Option<Comparison> {
    match event {
        Event::Compared(comparison) => Some(comparison),
        _ => None,
    }
}
