//! What a method learns is in the file that leaves, and what its masks take is not.

use std::collections::BTreeMap;

use secateur_protocol::{BuiltIn, Card, Command, Event, Format, Need, Recipe, Source, Value, Values};

use crate::host::*;

type Tensors = BTreeMap<String, Vec<f32>>;

/// As little work as still changes weights, for cards that have such a setting.
const SMALL: [(&str, f64); 6] =
    [("steps", 4.0), ("batch", 2.0), ("length", 16.0), ("samples", 4.0), ("rounds", 1.0), ("interval", 1.0)];
/// What rounding alone leaves between the answers of the written model and those of the one in memory.
const ROUNDING: f64 = 1e-5;

fn ready() -> (Vec<Card>, Vec<BuiltIn>) {
    let run = run(&[], vec![hello()]);
    run.find(1, |(event, _)| match event {
        Event::Ready { methods, models, .. } => Some((methods.clone(), models.clone())),
        _ => None,
    })
}

/// Cuts a built-in model and writes it with zeros, command 4, and smaller, command 5.
fn learn(card: &Card, model: &BuiltIn) -> Run {
    let small = SMALL.iter().filter(|(key, _)| card.field(key).is_some());
    let mut values: Values = small.map(|(key, value)| (key.to_string(), Value::Number(*value))).collect();
    if let (true, Some(base)) = (card.needs(Need::Checkpoint), &model.base) {
        values.insert("base".into(), Value::Text(format!("builtin:{base}")));
    }
    let recipe = Recipe { method: card.id.to_string(), values, seed: 0 };
    let load = Command::Load { source: Source::BuiltIn { id: model.id.clone() } };
    let formats = [Format::Zeros, Format::Ragged].map(|format| Command::Export { format });
    run(&[], [hello(), load, Command::Prune { recipe, amend: false }].into_iter().chain(formats).collect())
}

/// The model written with zeros, and its masks.
fn written(run: &Run) -> [Tensors; 2] {
    run.find(4, |(event, blobs)| match event {
        Event::Exported { files, .. } => {
            let of = |end: &str| files.iter().find(|file| file.name.ends_with(end)).unwrap();
            Some(["model.safetensors", "masks.safetensors"].map(|end| tensors(&blobs[of(end).data.0 as usize])))
        }
        _ => None,
    })
}

/// How many entries are masked, or the first one that is not zero.
fn zeros([model, masks]: &[Tensors; 2]) -> Result<usize, String> {
    let mut count = 0;
    for (name, mask) in masks {
        for (at, _) in mask.iter().enumerate().filter(|(_, kept)| **kept == 0.0) {
            let value = model[name][at];
            if value != 0.0 {
                return Err(format!("{name}, entry {at}: {value}"));
            }
            count += 1;
        }
    }
    Ok(count)
}

#[test]
fn after_every_method_the_file_holds_what_was_learnt_and_zeros() {
    let (methods, models) = ready();
    for card in &methods {
        // What is thinned out is a difference: no weight has to be zero.
        let masks = !card.needs(Need::Checkpoint);
        let masked = |written: &[Tensors; 2]| zeros(written).unwrap_or_else(|wrong| panic!("{}: {wrong}", card.id));
        let mut cut = models.iter().map(|model| learn(card, model)).filter(|run| *run.end(4) == Event::Done);
        let found = cut.find_map(|run| Some((written(&run), run)).filter(|(written, _)| !masks || masked(written) > 0));
        let (mut written, run) = found.unwrap_or_else(|| panic!("{} takes nothing from any built-in model", card.id));

        for id in [4, 5].into_iter().filter(|id| *run.end(*id) == Event::Done) {
            let off = run.report(id).reopened.unwrap();
            assert!(off < ROUNDING, "{}: the file of command {id} answers otherwise, by {off}", card.id);
        }
        let smaller = !run.level(3).removed.is_empty();
        assert_eq!(*run.end(5) == Event::Done, smaller, "{}", card.id);

        if !masks {
            continue;
        }
        let [model, masks] = &mut written;
        let first = |mask: &Vec<f32>| mask.iter().position(|kept| *kept == 0.0);
        let (name, at) = masks.iter().find_map(|(name, mask)| Some((name, first(mask)?))).unwrap();
        model.get_mut(name).unwrap()[at] = 1e-30;
        assert!(zeros(&written).is_err(), "{}: a broken file is not found out", card.id);
    }
}
