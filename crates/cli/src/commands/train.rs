use secateur_protocol::{Command, Event, FileOut, FileRef, Length, Score, Train, TrainLog};
use serde_json::json;

use crate::args::{OutArgs, TrainArgs};
use crate::client::{Client, talk};
use crate::host::Message;
use crate::model::file_ref;
use crate::out_dir::OutDir;
use crate::progress::Progress;
use crate::{Answer, Result};

/// What a training that was stopped goes on from.
const UNFINISHED: &str = "training.safetensors";

/// Trains and writes a checkpoint about every minute, and in the end the model.
pub fn run(progress: Progress, args: TrainArgs) -> Result<Answer> {
    let TrainArgs { model, seed, epochs, steps, resume, device, out } = args;
    let length = epochs.map(Length::Epochs).or(steps.map(Length::Steps));
    let resume = unfinished(&out, resume)?;
    let force = out.force || resume.is_some();
    let out = OutDir::new(OutArgs { force, ..out })?.ok_or("training takes long; say where to write with -o DIR")?;
    let mut last = None;
    talk(progress, async |client| {
        client.hello(device.into()).await?;
        let train = Train { model: model.clone(), seed, length, resume };
        let hear = |(event, blobs): Message| -> Result {
            let Event::Trained { files, log } = event.body else { return Ok(()) };
            write(&out, files, blobs, &log, length)?;
            last = Some(log);
            Ok(())
        };
        client.listen(Command::Train(train), hear).await
    })?;
    let log = last.ok_or("the engine left out its answer; please report this")?;
    let mut json = logged(&log, length);
    json["out"] = json!(out.path());
    Ok(Answer { text: text(&log, &out), json })
}

/// The training in the folder that can be gone on with, if that is asked for.
fn unfinished(out: &OutArgs, resume: bool) -> Result<Option<FileRef>> {
    let Some(dir) = &out.out else { return Ok(None) };
    let file = dir.join(UNFINISHED);
    match (resume, file.is_file()) {
        (true, true) => Ok(Some(file_ref(&file)?)),
        (true, false) => {
            Err(format!("{} holds no {UNFINISHED} to go on with; leave out --resume", dir.display()).into())
        }
        (false, true) if !out.force => {
            let what = format!("{} holds an unfinished training", dir.display());
            Err(format!("{what}; add --resume to go on with it, or --force to begin anew").into())
        }
        _ => Ok(None),
    }
}

/// Writes a checkpoint, or the trained model.
fn write(out: &OutDir, files: Vec<FileOut>, blobs: Vec<Vec<u8>>, log: &TrainLog, length: Option<Length>) -> Result {
    let mut files = Client::files(files, blobs);
    let json = serde_json::to_string_pretty(&logged(log, length))? + "\n";
    files.push(("train.json".into(), json.into_bytes()));
    out.write(&files)?;
    if log.step == log.steps { out.remove(UNFINISHED) } else { Ok(()) }
}

/// The log and the command that makes it again.
fn logged(log: &TrainLog, length: Option<Length>) -> serde_json::Value {
    let TrainLog { model, seed, steps, .. } = log;
    let length = match length {
        Some(Length::Epochs(epochs)) => format!("--epochs {epochs}"),
        _ => format!("--steps {steps}"),
    };
    let mut json = json!(log);
    json["command"] = json!(format!("secateur train {model} --seed {seed} {length}"));
    json
}

fn text(log: &TrainLog, out: &OutDir) -> String {
    let scores = |scores: &[Score]| {
        scores.iter().map(|Score { name, value }| format!("  {name} {value:.4}")).collect::<String>()
    };
    let mut text = String::new();
    for mark in &log.marks {
        text += &format!("step {:>6}  loss {:.4}{}\n", mark.step, mark.loss, scores(&mark.scores));
    }
    let TrainLog { model, seconds, device, .. } = log;
    let out = out.path().display();
    text + &format!("{model}:{}; {seconds:.0} s on {device}; written to {out}\n", scores(&log.scores))
}
