//! Two cuts beside each other, of which neither is kept.

use secateur_formats::safetensors::Dtype;
use secateur_protocol::{Command, Contrasted, Event, Recipe};

use crate::host::*;
use crate::tiny::{CONFIG, TINY, tiny};

fn opened(commands: Vec<Command>) -> Run {
    let all = [hello(), load(&[TINY, CONFIG])].into_iter().chain(commands).collect();
    run(&tiny(Dtype::F32, 1), all)
}

fn contrast(a: Recipe, b: Recipe) -> Command {
    Command::Contrast { a, b, side: 4 }
}

fn told(run: &Run, id: u32) -> Vec<Contrasted> {
    let one = |(event, blobs): &Told| match event {
        Event::Contrasted { contrast, rows, cols, data } => {
            assert_eq!(blobs[data.0 as usize].len(), 3 * (rows * cols) as usize);
            Some(*contrast)
        }
        _ => None,
    };
    run.told(id).iter().filter_map(one).collect()
}

#[test]
fn a_cut_agrees_with_itself_and_parts_from_another() {
    let [small, random] = ["magnitude", "random"].map(|method| recipe(method, 0.5));
    let run = opened(vec![
        prune("magnitude", 0.5),
        contrast(small.clone(), small.clone()),
        contrast(small, random),
        Command::Undo,
        Command::Redo,
    ]);
    let level = run.level(3);
    let (same, other) = (told(&run, 4), told(&run, 5));
    assert_eq!([same.len(), other.len()], [level.layers.len(); 2]);
    for ((same, other), layer) in same.iter().zip(&other).zip(&level.layers) {
        assert_eq!((same.both, same.only_a, same.only_b), (layer.of - layer.kept, 0, 0));
        assert_eq!((other.param, other.both + other.only_a, other.of), (layer.param, same.both, layer.of));
    }
    assert!(other.iter().any(|layer| layer.only_a > 0 && layer.only_b > 0 && layer.both > 0));
    assert_eq!(run.level(7).digest, level.digest, "the session is not touched");
}

#[test]
fn what_cannot_be_contrasted_is_a_sentence() {
    let run = opened(vec![
        contrast(recipe("magnitude", 0.5), recipe("magic", 0.5)),
        Command::Contrast { a: recipe("random", 0.5), b: recipe("random", 0.5), side: 0 },
    ]);
    assert!(run.error(3).contains("no method \"magic\""), "{}", run.error(3));
    assert!(run.error(4).contains("side = 0"), "{}", run.error(4));
}
