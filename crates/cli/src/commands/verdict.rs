use secateur_protocol::{Command, Event, Verdict};
use serde_json::json;

use super::prune::{NO_METHOD, level, recipe};
use crate::args::VerdictArgs;
use crate::client::talk;
use crate::model::source;
use crate::progress::Progress;
use crate::{Answer, Result};

pub fn run(progress: Progress, args: VerdictArgs) -> Result<Answer> {
    let source = source(&args.model)?;
    let recipe = recipe(&args.how)?.ok_or(NO_METHOD)?;
    let device = args.device.into();
    let verdicts = talk(progress, async |client| {
        client.hello(device).await?;
        client.load(source).await?;
        client.ask_for(Command::Prune { recipe, amend: false }, level).await?;
        Ok(client.ask_for(Command::Verdict, verdicts).await?.0)
    })?;
    let mut text = String::new();
    for Verdict { format, readers } in &verdicts {
        text += &format!("{}\n", format.word());
        for reader in readers {
            text += &format!("  {} {}: {}\n", if reader.opens { "yes" } else { "no " }, reader.name, reader.why);
        }
    }
    Ok(Answer { text, json: json!({ "verdicts": verdicts }) })
}

fn verdicts(event: Event) -> Option<Vec<Verdict>> {
    match event {
        Event::Verdicts { items } => Some(items),
        _ => None,
    }
}
