use secateur_graph::grouped;
use secateur_protocol::{Command, Format};
use serde_json::json;

use super::prune::{exported, level, recipe};
use crate::args::ExportArgs;
use crate::client::{Client, talk};
use crate::model::source;
use crate::out_dir::OutDir;
use crate::progress::Progress;
use crate::{Answer, Result};

/// Passes that a report's milliseconds come from.
const REPEATS: u32 = 20;

pub fn run(progress: Progress, args: ExportArgs) -> Result<Answer> {
    let source = source(&args.model)?;
    let recipe = recipe(&args.how)?;
    let (device, format): (_, Format) = (args.device.into(), args.format.into());
    let out = OutDir::new(args.out)?.ok_or("say where to write the model with -o DIR")?;
    let (report, names) = talk(progress, async |client| {
        client.hello(device).await?;
        let runs = client.load(source).await?.runs;
        if let Some(recipe) = recipe {
            client.ask_for(Command::Prune { recipe, amend: false }, level).await?;
        }
        if format == Format::Report && runs {
            client.ask(Command::Time { batch: 1, repeats: REPEATS }).await?;
        }
        let ((written, report), blobs) = client.ask_for(Command::Export { format }, exported).await?;
        let files = Client::files(written, blobs);
        out.write(&files)?;
        Ok((report, files.into_iter().map(|(name, bytes)| (name, bytes.len())).collect::<Vec<_>>()))
    })?;
    let mut text = format!("{} as {}, written to {}:\n", report.model, format.word(), out.path().display());
    for (name, bytes) in &names {
        text += &format!("  {name}, {} bytes\n", grouped(*bytes as u64));
    }
    if let Some(off) = report.reopened {
        text += &format!("opened again: answers differ by at most {off:.1e} of the largest\n");
    }
    let mut json = json!(report);
    json["format"] = json!(format.word());
    json["out"] = json!(out.path());
    Ok(Answer { text, json })
}
