//! What classifiers see in the user's pictures.

use secateur_formats::Picture;
use secateur_formats::safetensors::Dtype;
use secateur_protocol::{Classified, Command, Event, FileRef, Image};

use crate::host::*;
use crate::tiny::{CONFIG, TINY, tiny};

/// A grey png of a digit's size; `step` makes it different from others.
fn grey(step: usize) -> Picture {
    Picture { height: 28, width: 28, channels: 1, values: (0..28 * 28).map(|at| (at * step) as u8).collect() }
}

fn classify(names: &[&str]) -> Command {
    Command::Classify { pictures: names.iter().map(|name| FileRef { name: name.to_string(), bytes: 0 }).collect() }
}

fn opened(commands: Vec<Command>) -> Run {
    let colour = Picture { height: 9, width: 50, channels: 3, values: vec![200; 9 * 50 * 3] };
    let mut files = tiny(Dtype::F32, 1);
    for (name, picture) in [("a.png", grey(1)), ("b.png", grey(7)), ("wide.png", colour)] {
        files.push((name, picture.encode().unwrap()));
    }
    files.push(("note.png", b"no picture".to_vec()));
    run(&files, [vec![hello(), load(&[TINY, CONFIG])], commands].concat())
}

fn seen(run: &Run, id: u32) -> Vec<Classified> {
    run.find(id, |(event, _)| if let Event::Classified { items } = event { Some(items.clone()) } else { None })
}

#[test]
fn every_picture_has_its_likeliest_classes() {
    let all = classify(&["b.png", "a.png", "wide.png"]);
    let run = opened(vec![all.clone(), prune("magnitude", 0.9), all]);
    let (dense, cut) = (seen(&run, 3), seen(&run, 5));
    assert_eq!(dense.iter().map(|item| item.name.as_str()).collect::<Vec<_>>(), ["b.png", "a.png", "wide.png"]);
    for (before, after) in dense.iter().zip(&cut) {
        assert_eq!((&before.dense, &before.pruned), (&after.dense, &before.dense));
        assert_ne!(after.dense, after.pruned);
        for best in [&after.dense, &after.pruned] {
            assert_eq!(best.len(), 5);
            assert!(best.windows(2).all(|pair| pair[0].1 >= pair[1].1) && best[0].1 > 0.1);
        }
    }
}

/// A picture of the model's own size and colour is taken as it is.
#[test]
fn a_picture_file_is_seen_as_the_same_digit_drawn_by_hand() {
    let drawn = Command::Predict { image: Image::Drawn { grey: grey(7).values } };
    let run = opened(vec![classify(&["b.png"]), drawn]);
    let shares = run.find(4, |(event, _)| match event {
        Event::Predictions { items, .. } => Some(items[0].dense.clone()),
        _ => None,
    });
    for (class, share) in &seen(&run, 3)[0].dense {
        assert!((shares[*class as usize] - share).abs() < 1e-6);
    }
}

#[test]
fn what_cannot_be_seen_is_said() {
    let run = opened(vec![classify(&[]), classify(&["a.png", "note.png"]), classify(&["gone.png"])]);
    assert!(run.error(3).contains("wanted pictures, got none"), "{}", run.error(3));
    assert!(run.error(4).starts_with("note.png: wanted a png or jpeg picture"), "{}", run.error(4));
    assert!(run.error(5).contains("gone.png"), "{}", run.error(5));
}
