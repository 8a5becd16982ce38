use std::cell::Cell;

use secateur_graph::{Mask, Masks};
use secateur_protocol::Unit;

use super::{cpu, numbers, read, tiny_cnn, tiny_vit};
use crate::train::{Augment, Samples, TrainSpec, train};
use crate::{Cancelled, ExecError, Meter, Params, Silent, Tick};

/// Pictures of two classes: bright above or bright below.
fn halves(samples: usize) -> (Vec<f32>, Vec<u8>) {
    let mut inputs = numbers(samples * 36, "pictures");
    let labels: Vec<u8> = (0..samples).map(|at| (at % 2) as u8).collect();
    for (picture, label) in inputs.chunks_mut(36).zip(&labels) {
        let start = usize::from(*label) * 18;
        picture[start..start + 18].iter_mut().for_each(|x| *x += 1.5);
    }
    (inputs, labels)
}

fn spec() -> TrainSpec {
    let augment = Some(Augment { shift: 0.5, turn: 5.0, scale: 0.1 });
    TrainSpec { epochs: 6, batch: 16, lr: 0.01, augment, seed: 3, ..TrainSpec::default() }
}

fn run(masks: &Masks, spec: &TrainSpec, meter: &dyn Meter) -> Result<(Params, Vec<f32>), ExecError> {
    let graph = tiny_cnn();
    let (inputs, labels) = halves(100);
    let start = Params::init(&cpu(), &graph, 3)?;
    let samples = Samples { inputs: &inputs, labels: &labels };
    pollster::block_on(train(&cpu(), &graph, &start, masks, samples, spec, meter, async |_, _| Ok(())))
}

#[test]
fn it_learns_and_twice_the_same() {
    let graph = tiny_cnn();
    let (first, losses) = run(&Masks::default(), &spec(), &Silent).unwrap();
    assert_eq!(losses.len(), 6 * 7);
    let mean = |losses: &[f32]| losses.iter().sum::<f32>() / losses.len() as f32;
    assert!(mean(&losses[35..]) < 0.7 * mean(&losses[..7]), "{losses:?}");
    let (second, again) = run(&Masks::default(), &spec(), &Silent).unwrap();
    assert_eq!(losses, again);
    for param in &graph.params {
        assert_eq!(read(&first, &graph, &param.name), read(&second, &graph, &param.name), "{}", param.name);
    }
    let (_, other) = run(&Masks::default(), &TrainSpec { seed: 4, ..spec() }, &Silent).unwrap();
    assert_ne!(losses, other);
}

#[test]
fn pruned_entries_stay_exactly_zero_while_others_move() {
    let graph = tiny_cnn();
    let mut masks = Masks::default();
    for (name, len) in [("conv.weight", 36), ("fc.weight", 72)] {
        let mask = Mask::from_kept((0..len).map(|at| at % 4 == 1));
        masks.set(&graph, graph.find_param(name).unwrap(), mask).unwrap();
    }
    let before = Params::init(&cpu(), &graph, 3).unwrap();
    let (after, _) = run(&masks, &spec(), &Silent).unwrap();
    for (id, mask) in masks.iter() {
        let name = &graph.param(id).name;
        let (before, after) = (read(&before, &graph, name), read(&after, &graph, name));
        for at in 0..mask.len() {
            assert_eq!(mask.is_kept(at), after[at] != 0.0, "{name} entry {at} is {}", after[at]);
            assert!(!mask.is_kept(at) || before[at] != after[at], "{name} entry {at} never moved");
        }
    }
}

#[test]
fn the_transformer_trains_too() {
    let graph = tiny_vit();
    let inputs = numbers(32 * 32, "pictures");
    let labels: Vec<u8> = (0..32).map(|at| (at % 3) as u8).collect();
    let samples = Samples { inputs: &inputs, labels: &labels };
    let spec = TrainSpec { epochs: 60, batch: 32, lr: 0.02, label_smoothing: 0.0, ..TrainSpec::default() };
    let start = Params::init(&cpu(), &graph, 1).unwrap();
    let mut epochs = Vec::new();
    let none = Masks::default();
    let after = async |end: crate::train::EpochEnd, _: &Params| {
        epochs.push(end);
        Ok(())
    };
    pollster::block_on(train(&cpu(), &graph, &start, &none, samples, &spec, &Silent, after)).unwrap();
    assert_eq!(epochs.len(), 60);
    assert!(epochs[59].loss < 0.75 * epochs[0].loss, "{} -> {}", epochs[0].loss, epochs[59].loss);
}

/// Cancels at the given tick.
struct Until(u64, Cell<u64>);

impl Meter for Until {
    fn tick(&self, done: u64, total: u64, unit: Unit) -> Tick<'_> {
        assert_eq!((total, unit), (42, Unit::Steps));
        self.1.set(done);
        Box::pin(async move { if done == self.0 { Err(Cancelled) } else { Ok(()) } })
    }
}

#[test]
fn it_stops_when_told() {
    let meter = Until(5, Cell::new(0));
    assert_eq!(run(&Masks::default(), &spec(), &meter).unwrap_err(), ExecError::Cancelled(Cancelled));
    assert_eq!(meter.1.get(), 5);
}

#[test]
fn a_loss_that_is_no_number_ends_it() {
    let wild = TrainSpec { lr: 1e30, ..spec() };
    assert!(matches!(run(&Masks::default(), &wild, &Silent), Err(ExecError::Diverged { .. })));
}
