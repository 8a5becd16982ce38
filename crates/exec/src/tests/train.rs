use std::cell::Cell;

use secateur_graph::{Graph, Mask, Masks};
use secateur_protocol::Unit;

use super::{cpu, numbers, read, tiny_cnn, tiny_vit};
use crate::train::{Augment, Classes, Course, Learner, Next, Samples, State, TrainSpec, Trainer};
use crate::{Cancelled, Compute, ExecError, Meter, Params, Silent, Tick};

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

/// Six times through 100 samples, 16 at once.
fn spec() -> TrainSpec {
    TrainSpec { steps: 42, lr: 0.01, ..TrainSpec::default() }
}

pub(super) fn start(graph: &Graph, seed: u64) -> State {
    State::new(graph, Params::init(&cpu(), graph, seed).unwrap())
}

/// A whole training, without masks.
pub(super) fn learn(
    compute: &Compute,
    graph: &Graph,
    course: &dyn Course,
    spec: &TrainSpec,
) -> Result<State, ExecError> {
    let (start, none) = (State::new(graph, Params::init(compute, graph, 1)?), Masks::default());
    pollster::block_on(Trainer::new(compute, graph, course, spec, &Silent).run_through(start, &none))
}

/// Goes on from `state` until the end, or until step `stop` has been seen; gives the last state that was seen.
fn go_on(state: State, masks: &Masks, spec: &TrainSpec, stop: u64, meter: &dyn Meter) -> Result<State, ExecError> {
    let (inputs, labels) = halves(100);
    let samples = Samples { inputs: &inputs, labels: &labels };
    let augment = Some(Augment { shift: 0.5, turn: 5.0, scale: 0.1 });
    let course = Classes { samples, batch: 16, label_smoothing: 0.1, augment, seed: 3 };
    let mut seen = None;
    let step = async |learner: &mut Learner<'_>| {
        learner.update();
        seen = (learner.state.step() == stop).then(|| learner.state.clone());
        if seen.is_some() { Err(ExecError::Cancelled(Cancelled)) } else { Ok(Next::On) }
    };
    let (compute, graph) = (cpu(), tiny_cnn());
    let end = pollster::block_on(Trainer::new(&compute, &graph, &course, spec, meter).run(state, masks, step));
    seen.map_or(end, Ok)
}

fn run(masks: &Masks, spec: &TrainSpec) -> Result<State, ExecError> {
    go_on(start(&tiny_cnn(), 3), masks, spec, u64::MAX, &Silent)
}

fn assert_same(first: &State, second: &State) {
    let graph = tiny_cnn();
    assert_eq!(first.losses, second.losses);
    for ((part, first), (_, second)) in first.parts().into_iter().zip(second.parts()) {
        assert_eq!(first.is_empty(), second.is_empty(), "{part}");
        for param in graph.params.iter().filter(|_| !first.is_empty()) {
            assert_eq!(read(first, &graph, &param.name), read(second, &graph, &param.name), "{part}.{}", param.name);
        }
    }
}

#[test]
fn it_learns_and_twice_the_same() {
    let first = run(&Masks::default(), &spec()).unwrap();
    let losses = &first.losses;
    assert_eq!(losses.len(), 42);
    let mean = |losses: &[f32]| losses.iter().sum::<f32>() / losses.len() as f32;
    assert!(mean(&losses[35..]) < 0.7 * mean(&losses[..7]), "{losses:?}");
    assert_same(&first, &run(&Masks::default(), &spec()).unwrap());
    let other = go_on(start(&tiny_cnn(), 4), &Masks::default(), &spec(), u64::MAX, &Silent).unwrap();
    assert_ne!(first.losses, other.losses);
}

#[test]
fn a_training_that_was_stopped_ends_as_if_it_had_not_been() {
    let graph = tiny_cnn();
    let mut masks = Masks::default();
    let mask = Mask::from_kept((0..72).map(|at| at % 3 > 0));
    masks.set(&graph, graph.find_param("fc.weight").unwrap(), mask).unwrap();
    let spec = TrainSpec { average: Some(0.9), ..spec() };
    let whole = run(&masks, &spec).unwrap();
    for stop in [1, 7, 41] {
        let part = go_on(start(&graph, 3), &masks, &spec, stop, &Silent).unwrap();
        assert_eq!(part.step(), stop);
        assert_same(&whole, &go_on(part, &masks, &spec, u64::MAX, &Silent).unwrap());
    }
    let forgetful =
        State { moments: start(&graph, 3).moments, ..go_on(start(&graph, 3), &masks, &spec, 7, &Silent).unwrap() };
    assert_ne!(whole.losses, go_on(forgetful, &masks, &spec, u64::MAX, &Silent).unwrap().losses);
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
    let after = run(&masks, &TrainSpec { average: Some(0.9), ..spec() }).unwrap();
    for (id, mask) in masks.iter() {
        let name = &graph.param(id).name;
        let before = read(&before, &graph, name);
        for after in [&after.params, &after.average] {
            let after = read(after, &graph, name);
            for at in 0..mask.len() {
                assert_eq!(mask.is_kept(at), after[at] != 0.0, "{name} entry {at} is {}", after[at]);
                assert!(!mask.is_kept(at) || before[at] != after[at], "{name} entry {at} never moved");
            }
        }
    }
}

/// A mean over few steps lies nearer to the parameters than one over many.
#[test]
fn the_running_mean_follows_the_parameters() {
    let far = |decay| {
        let state = run(&Masks::default(), &TrainSpec { average: Some(decay), ..spec() }).unwrap();
        let [params, mean] = [&state.params, state.model()].map(|params| read(params, &tiny_cnn(), "fc.weight"));
        params.iter().zip(mean).map(|(a, b)| (a - b).abs()).sum::<f32>()
    };
    assert_eq!(far(0.0), 0.0);
    assert!(0.0 < far(0.3) && far(0.3) < far(0.9), "{} {}", far(0.3), far(0.9));
    let without = run(&Masks::default(), &spec()).unwrap();
    assert!(without.average.is_empty());
}

#[test]
fn the_transformer_trains_too() {
    let graph = tiny_vit();
    let inputs = numbers(32 * 32, "pictures");
    let labels: Vec<u8> = (0..32).map(|at| (at % 3) as u8).collect();
    let samples = Samples { inputs: &inputs, labels: &labels };
    let course = Classes { samples, batch: 32, label_smoothing: 0.0, augment: None, seed: 0 };
    let spec = TrainSpec { steps: 60, lr: 0.02, ..TrainSpec::default() };
    let losses = learn(&cpu(), &graph, &course, &spec).unwrap().losses;
    assert_eq!(losses.len(), 60);
    assert!(losses[59] < 0.75 * losses[0], "{} -> {}", losses[0], losses[59]);
}

#[test]
fn samples_that_do_not_fit_are_refused() {
    let (inputs, labels) = halves(10);
    let said = |inputs: &[f32], labels: &[u8], batch| {
        let course =
            Classes { samples: Samples { inputs, labels }, batch, label_smoothing: 0.0, augment: None, seed: 0 };
        learn(&cpu(), &tiny_cnn(), &course, &spec()).unwrap_err().to_string()
    };
    assert!(said(&inputs[1..], &labels, 4).contains("36 numbers for each"));
    assert!(said(&[], &[], 4).contains("at least one label"));
    assert!(said(&inputs, &[2; 10], 4).contains("labels below 2"));
    assert!(said(&inputs, &labels, 0).contains("at least one sample a step"));
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
    let stopped = go_on(start(&tiny_cnn(), 3), &Masks::default(), &spec(), u64::MAX, &meter);
    assert_eq!(stopped.unwrap_err(), ExecError::Cancelled(Cancelled));
    assert_eq!(meter.1.get(), 5);
}

#[test]
fn a_loss_that_is_no_number_ends_it() {
    let wild = TrainSpec { lr: 1e30, ..spec() };
    assert!(matches!(run(&Masks::default(), &wild), Err(ExecError::Diverged { .. })));
}
