use secateur_protocol::{Command, DeviceChoice, Event, VERSION};
use serde_json::json;

use crate::client::talk;
use crate::progress::Progress;
use crate::{Answer, Result};

pub fn run(progress: Progress) -> Result<Answer> {
    let hello = Command::Hello { version: VERSION, device: DeviceChoice::Cpu };
    let listed = |event| match event {
        Event::Ready { models, .. } => Some(models),
        _ => None,
    };
    let (models, _) = talk(progress, async |client| client.ask_for(hello, listed).await)?;
    let line = |model: &secateur_protocol::BuiltIn| format!("builtin:{:<12} {}\n", model.id, model.sentence);
    Ok(Answer { text: models.iter().map(line).collect(), json: json!({ "models": models }) })
}
