//! What language and diffusion models learn.

use secateur_graph::ops::{Add, Conv2d, Embedding, Input, Linear, Timestep};
use secateur_graph::{Builder, Graph};

use super::memory::{ENTRIES, attention, model};
use super::train::learn;
use super::{cpu, numbers};
use crate::Value;
use crate::train::{Course, Noise, Samples, Target, Texts, TrainSpec};

fn mean(losses: &[f32]) -> f32 {
    losses.iter().sum::<f32>() / losses.len() as f32
}

/// The next token follows from the one before: whoever knows the rule is not surprised.
#[test]
fn a_text_is_learned() {
    let next = |token: &u32| Some((2 * token + 1) % ENTRIES as u32);
    let tokens: Vec<u32> = std::iter::successors(Some(1), next).take(400).collect();
    let graph = model(|g, x| g.add("mix", Linear::new(4, 4, true), &[x]));
    let course = Texts { tokens: &tokens, batch: 8, seed: 0 };
    let (shown, target) = course.batch(&cpu(), &graph, 7).unwrap();
    let shown = pollster::block_on(shown.get(&graph.nodes[0], false).unwrap().read()).unwrap();
    let Target::Tokens(target) = target else { panic!("the target is tokens") };
    let target = pollster::block_on(Value::R1(target.float()).read()).unwrap();
    assert_eq!(target, shown.iter().map(|token| (2.0 * token + 1.0) % ENTRIES as f32).collect::<Vec<_>>());

    let spec = TrainSpec { steps: 300, lr: 0.03, ..TrainSpec::default() };
    let losses = learn(&cpu(), &graph, &course, &spec).unwrap().losses;
    assert!(losses[0] > 0.8 * (ENTRIES as f32).ln(), "guessing costs ln {ENTRIES}, not {}", losses[0]);
    assert!(mean(&losses[280..]) < 0.2 * losses[0], "{} -> {}", losses[0], mean(&losses[280..]));
}

#[test]
fn a_text_too_short_or_of_unknown_tokens_is_refused() {
    let graph = model(|g, x| attention(g, x, None));
    let said = |tokens: &[u32], batch| {
        let course = Texts { tokens, batch, seed: 0 };
        course.batch(&cpu(), &graph, 0).unwrap_err().to_string()
    };
    assert!(said(&[1; 6], 2).contains("more than 6 tokens"));
    assert!(said(&[1; 9], 0).contains("at least one piece"));
    assert!(said(&[ENTRIES as u32; 9], 2).contains("tokens below 11"));
}

/// Tells the noise in pictures of 1 x 2 x 2: a multiple of the picture, and something for the time step and the class.
fn denoiser() -> Graph {
    let mut g = Builder::default();
    let sample = g.add("sample", Input::new(&[1, 2, 2]), &[]).unwrap();
    let time = g.add("timestep", Input::new(&[]), &[]).unwrap();
    let label = g.add("class_labels", Input::new(&[]), &[]).unwrap();
    let x = g.add("x", Conv2d::new(1, 1, 1), &[sample]).unwrap();
    let waves = g.add("waves", Timestep { features: 4, cosines_first: true, shift: 0.0 }, &[time]).unwrap();
    let time = g.add("time", Linear::new(4, 1, false), &[waves]).unwrap();
    let label = g.add("label", Embedding { entries: 3, features: 1 }, &[label]).unwrap();
    let x = g.add("sum", Add, &[x, time]).unwrap();
    let x = g.add("sum2", Add, &[x, label]).unwrap();
    g.finish_with(&[("sample", x)])
}

const SIGNAL: [f64; 4] = [0.9, 0.5, 0.2, 0.01];

fn noise<'a>(inputs: &'a [f32], labels: &'a [u8]) -> Noise<'a> {
    Noise { samples: Samples { inputs, labels }, signal: &SIGNAL, unlabelled: 0.25, batch: 50, seed: 5 }
}

/// What a model is shown is picture and noise in the schedule's shares: with the noise taken away, the picture is left.
#[test]
fn pictures_are_shown_under_noise() {
    let graph = denoiser();
    let (inputs, labels) = (numbers(100 * 4, "pictures"), [1u8; 100]);
    let course = noise(&inputs, &labels);
    let (mut unlabelled, mut times) = (0, [0; 4]);
    for step in 0..20 {
        let (shown, target) = course.batch(&cpu(), &graph, step).unwrap();
        let value = |name: &str| {
            let node = graph.inputs().find(|node| node.name == name).unwrap();
            pollster::block_on(shown.get(node, false).unwrap().read()).unwrap()
        };
        let (x, t, label) = (value("sample"), value("timestep"), value("class_labels"));
        let Target::Values(Value::R4(target)) = target else { panic!("the target is the noise") };
        let noise = pollster::block_on(Value::R4(target).read()).unwrap();
        for at in 0..50 {
            let signal = SIGNAL[t[at] as usize];
            let (keep, cover) = (signal.sqrt() as f32, (1.0 - signal).sqrt() as f32);
            let mut pictures = inputs.chunks(4);
            let clean: Vec<f32> = (4 * at..4 * at + 4).map(|at| (x[at] - cover * noise[at]) / keep).collect();
            let is = |picture: &[f32]| picture.iter().zip(&clean).all(|(a, b)| (a - b).abs() < 1e-4);
            assert!(pictures.any(is), "{clean:?} is no picture");
            assert!(label[at] == 1.0 || label[at] == 2.0, "{}", label[at]);
            unlabelled += usize::from(label[at] == 2.0);
            times[t[at] as usize] += 1;
        }
    }
    assert!((180..320).contains(&unlabelled), "{unlabelled} of 1,000 without their class, wanted about 250");
    assert!(times.iter().all(|count| (190..310).contains(count)), "{times:?}");
}

/// Under much noise the picture is the noise: knowing no more than that halves the error of saying nothing, which is 1.
#[test]
fn noise_is_learned() {
    let (inputs, labels) = (numbers(100 * 4, "pictures"), [0u8; 100]);
    let spec = TrainSpec { steps: 200, lr: 0.03, ..TrainSpec::default() };
    let losses = learn(&cpu(), &denoiser(), &noise(&inputs, &labels), &spec).unwrap().losses;
    assert!((0.3..0.6).contains(&mean(&losses[180..])), "{}", mean(&losses[180..]));
}

#[test]
fn the_last_class_is_kept_for_none() {
    let inputs = numbers(4, "picture");
    let error = noise(&inputs, &[2]).batch(&cpu(), &denoiser(), 0).unwrap_err().to_string();
    assert!(error.contains("labels below 2"), "{error}");
}
