use secateur_protocol::{Command, Event, FileOut, TrainLog};
use serde_json::json;

use crate::args::TrainArgs;
use crate::client::{Client, talk};
use crate::out_dir::OutDir;
use crate::progress::Progress;
use crate::{Answer, Result};

pub fn run(progress: Progress, args: TrainArgs) -> Result<Answer> {
    let TrainArgs { model, seed, epochs, device, out } = args;
    let out = OutDir::new(out)?.ok_or("training takes minutes; say where to write the model with -o DIR")?;
    let device = device.into();
    let train = Command::Train { model: model.clone(), seed, epochs };
    let ((files, log), blobs) = talk(progress, async |client| {
        client.hello(device).await?;
        client.ask_for(train, trained).await
    })?;
    let mut json = json!(log);
    json["command"] = json!(format!("secateur train {model} --seed {seed} --epochs {epochs}"));
    let mut files = Client::files(files, blobs);
    files.push(("train.json".into(), (serde_json::to_string_pretty(&json)? + "\n").into_bytes()));
    out.write(&files)?;
    json["out"] = json!(out.path());
    Ok(Answer { text: text(&log, &out), json })
}

fn text(log: &TrainLog, out: &OutDir) -> String {
    let mut text = String::new();
    for (at, epoch) in log.epochs.iter().enumerate() {
        text += &format!("epoch {:>3}  loss {:.4}  accuracy {:.2} %\n", at + 1, epoch.loss, 100.0 * epoch.accuracy);
    }
    text + &format!(
        "{}: {:.2} % of the test digits, {:.0} s on {}; written to {}\n",
        log.model,
        100.0 * log.test_accuracy,
        log.seconds,
        log.device,
        out.path().display()
    )
}

fn trained(event: Event) -> Option<(Vec<FileOut>, TrainLog)> {
    match event {
        Event::Trained { files, log } => Some((files, log)),
        _ => None,
    }
}
