//! Trainings: their checkpoints, going on from one, and their end.

use secateur_protocol::{Command, Event, FileRef, Length, Train, TrainLog};

use crate::host::*;

const SAVED: &str = "training.safetensors";

fn train(model: &str, seed: u64, length: Length, resume: Option<&str>) -> Command {
    let resume = resume.map(|name| FileRef { name: name.into(), bytes: 0 });
    Command::Train(Train { model: model.into(), seed, length: Some(length), resume })
}

fn cnn(seed: u64, resume: Option<&str>) -> Command {
    train("digits-cnn", seed, Length::Steps(3), resume)
}

/// A checkpoint or the end: its log, and its files by name.
type Checkpoint = (TrainLog, Vec<(String, Vec<u8>)>);

fn checkpoints(run: &Run, id: u32) -> Vec<Checkpoint> {
    let trained = |(event, blobs): &Told| match event {
        Event::Trained { files, log } => {
            let files = files.iter().map(|file| (file.name.clone(), blobs[file.data.0 as usize].clone()));
            Some((log.clone(), files.collect()))
        }
        _ => None,
    };
    run.told(id).iter().filter_map(trained).collect()
}

fn file<'a>((_, files): &'a Checkpoint, name: &str) -> &'a [u8] {
    &files.iter().find(|(file, _)| file == name).unwrap_or_else(|| panic!("there is no {name}")).1
}

#[test]
fn a_training_that_was_stopped_ends_as_if_it_had_not_been() {
    let whole = run(&[], vec![hello(), cnn(5, None)]);
    let told = checkpoints(&whole, 2);
    assert_eq!(told.iter().map(|(log, _)| (log.step, log.marks.len())).collect::<Vec<_>>(), [(1, 1), (2, 2), (3, 3)]);
    let end = &told[2];
    assert!(end.1.iter().all(|(name, _)| name != SAVED), "nothing is left to do");
    let names: Vec<_> = end.0.scores.iter().map(|score| score.name.as_str()).collect();
    assert_eq!((names, told[0].0.scores.len()), (vec!["accuracy"], 0));

    let start = file(&told[0], SAVED).to_vec();
    let part = run(&[(SAVED, start)], vec![hello(), cnn(5, Some(SAVED)), cnn(6, None)]);
    let resumed = checkpoints(&part, 2);
    assert_eq!(resumed.iter().map(|(log, _)| log.step).collect::<Vec<_>>(), [2, 3]);
    assert!(file(&resumed[1], "model.safetensors") == file(end, "model.safetensors"), "the models differ");
    assert_eq!((&resumed[1].0.marks, &resumed[1].0.scores), (&end.0.marks, &end.0.scores));
    let other = checkpoints(&part, 3);
    assert!(file(&other[2], "model.safetensors") != file(end, "model.safetensors"), "another seed, the same model");
}

#[test]
fn what_cannot_be_gone_on_with_is_refused() {
    let told = checkpoints(&run(&[], vec![hello(), cnn(5, None)]), 2);
    let (saved, model) = (file(&told[0], SAVED), file(&told[0], "model.safetensors"));
    let files = [(SAVED, saved.to_vec()), ("model", model.to_vec()), ("cut", saved[..saved.len() / 2].to_vec())];
    let commands = vec![
        hello(),
        cnn(6, Some(SAVED)),
        train("digits-cnn", 5, Length::Steps(4), Some(SAVED)),
        train("digits-vit", 5, Length::Steps(3), Some(SAVED)),
        cnn(5, Some("model")),
        cnn(5, Some("cut")),
        cnn(5, Some("nowhere")),
        train("digits-cnn", 5, Length::Epochs(0), None),
        train("digits-dog", 5, Length::Steps(3), None),
    ];
    let run = run(&files, commands);
    let kind =
        "wanted a training of digits-cnn from seed 6 over 3 steps, got one of digits-cnn from seed 5 over 3 steps";
    assert!(run.error(2).contains(kind), "{}", run.error(2));
    assert!(run.error(3).contains("over 4 steps, got"), "{}", run.error(3));
    assert!(run.error(4).contains("digits-vit"), "{}", run.error(4));
    assert!(run.error(5).contains("no note of a training"), "{}", run.error(5));
    assert!(run.error(6).starts_with("cut: "), "{}", run.error(6));
    assert!(run.error(7).contains("nowhere"), "{}", run.error(7));
    assert!(run.error(8).contains("0 steps of training: wanted from 1"), "{}", run.error(8));
    assert!(run.error(9).contains("digits-dog"), "{}", run.error(9));
}

#[test]
fn a_diffusion_model_learns_and_is_judged() {
    let mut pause = 10;
    let told = loop {
        let commands = vec![hello(), train("digits-unet", 0, Length::Steps(2), None)];
        let run = run_and(&[], commands, vec![(pause, Command::Cancel { of: 2 })]);
        assert_eq!(*run.end(2), Event::Cancelled, "it was not stopped before its end");
        let told = checkpoints(&run, 2);
        if !told.is_empty() {
            break told;
        }
        pause += 1;
    };
    let score = &told[0].0.marks[0].scores[0];
    assert!(score.name == "recognised" && score.value < 0.7, "{score:?}");
    let scheduler: serde_json::Value = serde_json::from_slice(file(&told[0], "scheduler_config.json")).unwrap();
    assert_eq!(scheduler["_class_name"], "DDPMScheduler");
    let (model, saved) = (tensors(file(&told[0], "model.safetensors")), tensors(file(&told[0], SAVED)));
    assert_eq!(model["class_embedding.weight"].len(), 11 * 128, "ten digits, and one row for none");
    assert_eq!(model["conv_in.weight"], saved["average.conv_in.weight"], "the model to take away is the running mean");
}
