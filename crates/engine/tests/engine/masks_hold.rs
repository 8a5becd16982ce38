//! What a mask takes stays taken: after every method that trains, in the file that leaves.

use std::collections::BTreeMap;

use secateur_protocol::{BuiltIn, Card, Command, Event, Format, Recipe, Source, Value};

use crate::host::*;

type Tensors = BTreeMap<String, Vec<f32>>;

/// As little work as still changes weights, for cards that have such a setting.
const SMALL: [(&str, f64); 5] = [("steps", 4.0), ("batch", 2.0), ("length", 16.0), ("samples", 4.0), ("rounds", 1.0)];

fn ready() -> (Vec<Card>, Vec<BuiltIn>) {
    let run = run(&[], vec![hello()]);
    run.find(1, |(event, _)| match event {
        Event::Ready { methods, models, .. } => Some((methods.clone(), models.clone())),
        _ => None,
    })
}

fn learn(card: &Card, model: &BuiltIn) -> Run {
    let small = SMALL.iter().filter(|(key, _)| card.field(key).is_some());
    let values = small.map(|(key, value)| (key.to_string(), Value::Number(*value))).collect();
    let recipe = Recipe { method: card.id.to_string(), values, seed: 0 };
    let load = Command::Load { source: Source::BuiltIn { id: model.id.clone() } };
    let commands =
        vec![hello(), load, Command::Prune { recipe, amend: false }, Command::Export { format: Format::Zeros }];
    run(&[], commands)
}

/// The written model and its masks.
fn written(run: &Run) -> [Tensors; 2] {
    run.find(4, |(event, blobs)| match event {
        Event::Exported { files, .. } => {
            let file = |name: &str| &blobs[files.iter().find(|file| file.name == name).unwrap().data.0 as usize];
            Some(["model.safetensors", "masks.safetensors"].map(|name| tensors(file(name))))
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
fn after_every_training_method_masked_entries_are_zero_in_the_file() {
    let (methods, models) = ready();
    for card in methods.iter().filter(|card| card.field("steps").is_some()) {
        let runs = models.iter().map(|model| learn(card, model));
        let run = runs.into_iter().find(|run| *run.end(3) == Event::Done);
        let run = run.unwrap_or_else(|| panic!("{} fits no built-in model", card.id));
        let mut written = written(&run);
        let masked = zeros(&written).unwrap_or_else(|wrong| panic!("{}: {wrong}", card.id));
        assert!(masked > 0, "{} took nothing", card.id);
        eprintln!("{} {masked}", card.id);

        let [model, masks] = &mut written;
        let (name, at) =
            masks.iter().find_map(|(name, mask)| Some((name, mask.iter().position(|kept| *kept == 0.0)?))).unwrap();
        model.get_mut(name).unwrap()[at] = 1e-30;
        assert!(zeros(&written).is_err(), "{}: a broken file is not found out", card.id);
    }
}
