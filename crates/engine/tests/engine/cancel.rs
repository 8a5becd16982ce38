use secateur_formats::safetensors::Dtype;
use secateur_protocol::{Choice, Command, Event, Format, Generate, Length, Train};

use crate::host::*;
use crate::texts::{llama, perplexity};
use crate::tiny::{CONFIG, TINY, tiny};

/// Cancels the last command at each of its pauses in turn; what was before it must be there after it.
fn cancelled_anywhere(last: Command) {
    cancelled_in(&tiny(Dtype::F32, 1), Command::Evaluate, last);
}

/// [`cancelled_anywhere`] with other files, all of which are opened, measured by another command.
fn cancelled_in(files: &[(&str, Vec<u8>)], measure: Command, last: Command) {
    let names: Vec<&str> = files.iter().map(|(name, _)| *name).collect();
    let before = vec![hello(), load(&names), prune("magnitude", 0.3), prune("magnitude", 0.6)];
    let id = before.len() as u32 + 1;
    let after = vec![Command::Undo, Command::Redo, measure];
    let commands = [before, vec![last.clone()], after].concat();
    let mut midway = 0;
    for pause in 1.. {
        let run = run_and(files, commands.clone(), vec![(pause, Command::Cancel { of: id })]);
        match run.end(id) {
            Event::Cancelled => midway += usize::from(run.told(id).len() > 1),
            Event::Done => break, // it had ended before
            other => panic!("{other:?}"),
        }
        assert_eq!(run.level(id + 2).digest, run.level(id - 1).digest, "{last:?} cancelled at pause {pause}");
        assert_eq!(run.level(id + 1).digest, run.level(id - 2).digest);
        assert_eq!(run.report(id + 3).masks_digest, run.level(id - 1).digest);
    }
    assert!(midway > 0, "{last:?} was cancelled while it waited only");
}

#[test]
fn a_cut_stops_at_any_batch() {
    cancelled_anywhere(prune("wanda", 0.5));
}

#[test]
fn loading_stops_at_any_tensor() {
    cancelled_anywhere(load(&[TINY, CONFIG]));
}

#[test]
fn measuring_stops_at_any_batch() {
    cancelled_anywhere(Command::Evaluate);
    cancelled_anywhere(Command::Export { format: Format::Zeros });
    cancelled_anywhere(Command::Time { batch: 4, repeats: 3 });
}

#[test]
fn a_text_stops_at_any_token() {
    let measure = || perplexity("story.txt", 16, 16);
    let generate = Generate { prompt: "the".into(), max_tokens: 3, choice: Choice::Greedy, seed: 0 };
    let calibrated = Command::Prune { recipe: recipe("wanda", 0.5), amend: false };
    for last in [measure(), Command::Generate(generate), calibrated] {
        cancelled_in(&llama(), measure(), last);
    }
}

#[test]
fn training_stops_at_its_first_step() {
    let train = Train { model: "digits-cnn".into(), seed: 1, length: Some(Length::Epochs(3)), resume: None };
    let commands = vec![hello(), Command::Train(train)];
    let run = run_and(&[], commands, vec![(2, Command::Cancel { of: 2 })]);
    assert_eq!(*run.end(2), Event::Cancelled);
}

#[test]
fn a_waiting_command_is_cancelled_without_running() {
    let commands = vec![hello(), load(&[TINY, CONFIG]), Command::Evaluate, prune("magnitude", 0.5), Command::Undo];
    let run = run_and(&tiny(Dtype::F32, 1), commands, vec![(1, Command::Cancel { of: 4 })]);
    assert_eq!(run.told(4), [(Event::Cancelled, vec![])]);
    assert!(run.error(5).contains("nothing to undo"));
}

#[test]
fn cancelling_what_is_over_or_unknown_does_nothing() {
    let run = run(&[], vec![hello()]);
    assert_eq!(*run.end(1), Event::Done);
    let late = run_and(
        &tiny(Dtype::F32, 1),
        vec![hello(), load(&[TINY, CONFIG])],
        vec![(1, Command::Cancel { of: 1 }), (2, Command::Cancel { of: 77 })],
    );
    assert_eq!(*late.end(2), Event::Done);
}

#[test]
fn only_the_newest_of_waiting_amends_runs() {
    let amend = |sparsity| Command::Prune { recipe: recipe("magnitude", sparsity), amend: true };
    let commands = vec![
        hello(),
        load(&[TINY, CONFIG]),
        amend(0.1),
        Command::Evaluate,
        amend(0.2),
        amend(0.3),
        Command::Undo,
        amend(0.4),
        amend(0.5),
    ];
    let run = run(&tiny(Dtype::F32, 1), commands);
    for obsolete in [3, 5, 8] {
        assert_eq!(run.told(obsolete), [(Event::Cancelled, vec![])]);
    }
    assert_eq!(run.report(4).prunable_zero, 0);
    assert_eq!((run.level(6).undo, run.level(7).undo, run.level(9).undo), (1, 0, 1));
}

#[test]
fn a_slider_in_motion_leaves_one_step_to_undo() {
    let amend = |sparsity| Command::Prune { recipe: recipe("magnitude", sparsity), amend: true };
    let start = vec![hello(), load(&[TINY, CONFIG]), amend(0.1), Command::Evaluate];
    // Arrives while the first evaluation runs, that is after the first cut.
    let run = run_and(&tiny(Dtype::F32, 1), start, vec![(12, amend(0.2))]);
    let level = run.level(100);
    assert_eq!((level.undo, level.recipe), (1, Some(recipe("magnitude", 0.2))));
}
