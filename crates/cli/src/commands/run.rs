use secateur_protocol::{Command, Event};
use serde_json::json;

use crate::args::RunArgs;
use crate::client::{Client, talk};
use crate::model::{file_ref, source};
use crate::out_dir::write_file;
use crate::progress::Progress;
use crate::{Answer, Result};

/// Evaluates a model on named tensors and writes its named outputs.
pub fn run(progress: Progress, args: RunArgs) -> Result<Answer> {
    let (source, file) = (source(&args.model)?, file_ref(&args.input)?);
    let (files, blobs) = talk(progress, async |client| {
        client.hello(args.device.into()).await?;
        client.load(source).await?;
        client.ask_for(Command::Run { file }, files).await
    })?;
    for (_, bytes) in Client::files(files, blobs) {
        write_file(&args.out, &bytes)?;
    }
    let out = args.out.display().to_string();
    Ok(Answer { text: format!("wrote {out}"), json: json!({ "out": out }) })
}

fn files(event: Event) -> Option<Vec<secateur_protocol::FileOut>> {
    match event {
        Event::Answered { files } => Some(files),
        _ => None,
    }
}
