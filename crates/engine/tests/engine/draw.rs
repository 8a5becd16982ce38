//! Drawing with the tiny diffusion models in golden/families.

use secateur_protocol::{Command, Draw, Event, Sampler};

use crate::families::{golden, loaded};
use crate::host::*;

/// Steps that the tests draw in.
const STEPS: u32 = 3;
/// Numbers in a picture of unet2d-ddpm.
const PICTURE: usize = 8 * 12 * 3;

/// Opens a golden with a scheduler_config.json and gives these commands; the first of them has the id 3.
pub fn opened(family: &str, scheduler: &str, commands: Vec<Command>) -> Run {
    let files = [
        ("model.safetensors", golden(family, "model.safetensors")),
        ("config.json", golden(family, "config.json")),
        ("scheduler/scheduler_config.json", scheduler.into()),
    ];
    let names = files.each_ref().map(|(name, _)| *name);
    run(&files, [vec![hello(), load(&names)], commands].concat())
}

fn usual() -> Draw {
    Draw { label: None, count: 2, sampler: Sampler::Ddim, steps: STEPS, guidance: 1.0, seed: 1 }
}

/// (step, dense pictures, pruned pictures) of everything drawn.
fn drawn(run: &Run, id: u32) -> Vec<(u32, Vec<u8>, Vec<u8>)> {
    assert_eq!(*run.end(id), Event::Done, "command {id}");
    let frame = |(event, blobs): &Told| match event {
        Event::Drawn { step, count, height, width, channels, pixels, .. } => {
            let half = (count * height * width * channels) as usize;
            let pixels = &blobs[pixels.0 as usize];
            assert_eq!(pixels.len(), 2 * half);
            Some((*step, pixels[..half].to_vec(), pixels[half..].to_vec()))
        }
        _ => None,
    };
    run.told(id).iter().filter_map(frame).collect()
}

/// The last dense pictures.
fn pictures(run: &Run, id: u32) -> Vec<u8> {
    drawn(run, id).pop().unwrap().1
}

#[test]
fn both_models_draw_step_by_step_from_the_same_noise() {
    let draw = Command::Draw(usual());
    let run =
        opened("unet2d-ddpm", "{}", vec![draw.clone(), prune("magnitude", 0.5), draw.clone(), Command::Undo, draw]);
    assert!(loaded(&run, 2).draws && !loaded(&run, 2).classifies_pictures);
    let (whole, cut, again) = (drawn(&run, 3), drawn(&run, 5), drawn(&run, 7));
    assert_eq!(whole.iter().map(|frame| frame.0).collect::<Vec<_>>(), (1..=STEPS).collect::<Vec<_>>());
    assert!(whole.iter().all(|(_, dense, pruned)| dense == pruned), "nothing is pruned");
    assert!(whole.iter().zip(&cut).all(|(whole, cut)| whole.1 == cut.1), "the dense model stays as it is");
    assert!(cut.iter().all(|(_, dense, pruned)| dense != pruned));
    assert_eq!(whole, again);
    let (first, second) = whole[2].1.split_at(PICTURE);
    assert_ne!(first, second, "every picture has noise of its own");
}

#[test]
fn what_is_drawn_hangs_on_what_is_asked() {
    let draw = |change: &dyn Fn(&mut Draw)| {
        let mut asked = usual();
        change(&mut asked);
        Command::Draw(asked)
    };
    let run = opened(
        "unet2d-class",
        r#"{"_class_name": "DDIMScheduler", "clip_sample_range": 4.0}"#,
        vec![
            draw(&|_| ()),
            draw(&|asked| asked.count = 1),
            draw(&|asked| asked.label = Some(1)),
            draw(&|asked| asked.label = Some(2)),
            draw(&|asked| (asked.label, asked.guidance) = (Some(2), 3.0)),
            draw(&|asked| asked.seed = 2),
            draw(&|asked| asked.sampler = Sampler::Ddpm),
            draw(&|asked| asked.steps = 200),
        ],
    );
    let all: Vec<_> = (3..10).map(|id| pictures(&run, id)).collect();
    let near = |a: &[u8], b: &[u8]| a.iter().zip(b).all(|(a, b)| a.abs_diff(*b) <= 1);
    assert!(near(&all[0], &all[1]), "the first picture does not hang on how many there are");
    for (at, one) in all.iter().enumerate().filter(|(at, _)| *at != 1) {
        assert!(all[..at].iter().all(|other| other != one), "{at}");
    }
    let shown: Vec<u32> = drawn(&run, 10).iter().map(|frame| frame.0).collect();
    assert!(shown.len() <= 64 && shown.last() == Some(&200), "of many steps some are shown, {shown:?}");
}

#[test]
fn a_model_that_tells_its_spread_draws_with_it() {
    let ddpm = Command::Draw(Draw { sampler: Sampler::Ddpm, label: Some(1), ..usual() });
    let learned = |kind: &str, family| {
        let run =
            opened(family, &format!(r#"{{"variance_type": "{kind}", "clip_sample": false}}"#), vec![ddpm.clone()]);
        pictures(&run, 3)
    };
    assert_ne!(learned("learned_range", "dit"), learned("fixed_small", "dit"));
    let without = Command::Draw(Draw { sampler: Sampler::Ddpm, ..usual() });
    let run = opened("unet2d-ddpm", r#"{"variance_type": "learned"}"#, vec![without]);
    assert!(run.error(3).contains("says that the model tells its variance, and it does not"), "{}", run.error(3));
}

#[test]
fn what_cannot_be_drawn_is_said() {
    let cases = [
        (Draw { label: Some(1), ..usual() }, "label = 1: this model knows no classes"),
        (Draw { guidance: 2.0, ..usual() }, "guidance = 2: this model knows no classes to follow"),
        (Draw { guidance: f32::NAN, ..usual() }, "guidance = NaN: wanted a number from 0 to 100"),
        (Draw { count: 0, ..usual() }, "count = 0: wanted a whole number from 1 to 64"),
        (Draw { count: 65, ..usual() }, "count = 65"),
        (Draw { steps: 0, ..usual() }, "0 steps were asked for"),
        (Draw { steps: 1001, ..usual() }, "1001 steps were asked for, and the model was trained on 1000 time steps"),
    ];
    let run = opened("unet2d-ddpm", "{}", cases.iter().map(|(asked, _)| Command::Draw(asked.clone())).collect());
    for (id, (_, words)) in (3..).zip(&cases) {
        assert!(run.error(id).contains(words), "{words:?} is not in: {}", run.error(id));
    }
    let said = |family: &str, scheduler: &str, asked| {
        opened(family, scheduler, vec![Command::Draw(asked)]).error(3).to_string()
    };
    let label = said("unet2d-class", "{}", Draw { label: Some(5), ..usual() });
    assert!(label.contains("label = 5: wanted a class from 0 to 4"), "{label}");
    let text = said("unet2d-condition", "{}", usual());
    assert!(text.contains("listens to a text"), "{text}");
    let writer = said("gpt2", "{}", usual());
    assert!(writer.contains("draws no pictures") && writer.contains("GPT-2"), "{writer}");
}

#[test]
fn without_a_scheduler_nothing_is_drawn() {
    let files = ["model.safetensors", "config.json"].map(|name| (name, golden("unet2d-ddpm", name)));
    let run = run(&files, vec![hello(), load(&["model.safetensors", "config.json"]), Command::Draw(usual())]);
    assert!(!loaded(&run, 2).draws);
    assert!(run.error(3).contains("put its scheduler_config.json beside it"), "{}", run.error(3));
}

#[test]
fn a_scheduler_that_is_not_supported_is_named() {
    let run = opened("unet2d-ddpm", r#"{"beta_schedule": "sigmoid"}"#, vec![]);
    let said = run.error(2);
    assert!(said.starts_with("scheduler_config.json: ") && said.contains("\"beta_schedule\" should be"), "{said}");
}

#[test]
fn drawing_stops_at_any_step() {
    let files = ["model.safetensors", "config.json"].map(|name| (name, golden("unet2d-ddpm", name)));
    let files = [files.to_vec(), vec![("scheduler_config.json", b"{}".to_vec())]].concat();
    let names: Vec<_> = files.iter().map(|(name, _)| *name).collect();
    let commands = vec![hello(), load(&names), prune("magnitude", 0.5), Command::Draw(usual()), Command::Undo];
    let mut midway = 0;
    for pause in 1.. {
        let run = run_and(&files, commands.clone(), vec![(pause, Command::Cancel { of: 4 })]);
        match run.end(4) {
            Event::Cancelled => midway += usize::from(run.told(4).len() > 1),
            Event::Done => break, // it had ended before
            other => panic!("{other:?}"),
        }
        assert_eq!(run.level(5).zeros(), 0, "the cut before it is there to be undone");
    }
    assert!(midway >= STEPS as usize, "stopped {midway} times on its way");
}
