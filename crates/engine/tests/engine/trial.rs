//! What a model answers while a method learns is shown to who wants it, and changes nothing.

use secateur_protocol::{Command, Event, Recipe, Source, Steer, Value};

use crate::host::*;

/// The recipe on a built-in model, command 3, with somebody who wants to see `sample` or not.
fn learn(model: &str, method: &str, settings: &[(&str, f64)], sample: Option<&str>) -> Run {
    let values = settings.iter().map(|(key, value)| (key.to_string(), Value::Number(*value))).collect();
    let recipe = Recipe { method: method.into(), values, seed: 0 };
    let load = Command::Load { source: Source::BuiltIn { id: model.into() } };
    let steer = Steer { sample: sample.map(Into::into), ..Steer::default() };
    let commands = vec![hello(), load, Command::Prune { recipe, amend: false }];
    run_and(&[], commands, vec![(1, Command::Steer { of: 3, steer })])
}

const PICTURES: [(&str, f64); 2] = [("steps", 3.0), ("batch", 2.0)];
const TEXTS: [(&str, f64); 3] = [("steps", 3.0), ("batch", 2.0), ("length", 16.0)];
const DRAWINGS: [(&str, f64); 3] = [("steps", 2.0), ("batch", 1.0), ("times", 2.0)];

#[test]
fn digits_are_read_before_the_method_is_done() {
    let shown = learn("digits-cnn", "l0", &PICTURES, Some(""));
    let (items, pixels) = shown.find(3, |(event, blobs)| match event {
        Event::Predictions { items, .. } => Some((items.clone(), blobs[0].clone())),
        _ => None,
    });
    assert_eq!((items.len(), pixels.len()), (12, 12 * 28 * 28));
    assert!(items.iter().all(|item| (item.pruned.iter().sum::<f32>() - 1.0).abs() < 1e-4));
    assert!(items.iter().any(|item| item.dense != item.pruned), "its gates are not all open");
    let unseen = learn("digits-cnn", "l0", &PICTURES, None);
    assert!(!unseen.told(3).iter().any(|(event, _)| matches!(event, Event::Predictions { .. })));
    assert_eq!(shown.level(3).digest, unseen.level(3).digest, "who looks changes nothing");
}

#[test]
fn texts_go_on_from_the_words_of_who_looks() {
    let shown = learn("story-lm", "l0", &TEXTS, Some("Once upon"));
    let written = shown.find(3, |(event, _)| match event {
        Event::Written(written) => Some(written.clone()),
        _ => None,
    });
    let prompt: String = written.prompt.iter().map(|token| token.text.as_str()).collect();
    assert_eq!(prompt, "Once upon");
    assert!(!written.dense.is_empty() && !written.pruned.is_empty());
    let both = written.dense.iter().chain(&written.pruned).all(|token| token.dense.is_some() && token.pruned.is_some());
    assert!(both, "each model has read what the other wrote");
    assert!(written.dense.iter().any(|token| token.dense != token.pruned), "its gates are not all open");
}

#[test]
fn pictures_are_drawn_from_the_same_noise() {
    let shown = learn("digits-unet", "ecodiff", &DRAWINGS, Some(""));
    let (size, pixels) = shown.find(3, |(event, blobs)| match event {
        Event::Drawn { count, height, width, channels, .. } => {
            Some(((count * height * width * channels) as usize, blobs[0].clone()))
        }
        _ => None,
    });
    assert_eq!(pixels.len(), 2 * size);
    let (dense, pruned) = pixels.split_at(size);
    let off = dense.iter().zip(pruned).map(|(a, b)| f64::from(a.abs_diff(*b))).sum::<f64>() / size as f64;
    assert!(off < 60.0, "gates that begin open leave nearly the same pictures: {off}");
}

#[test]
fn what_cannot_be_shown_is_a_note_and_learning_goes_on() {
    let shown = learn("story-lm", "l0", &TEXTS, Some(&"long ".repeat(500)));
    let notes = shown.level(3).notes.join(" ");
    assert!(notes.contains("could not be shown") && notes.contains("shorten it"), "{notes}");
}
