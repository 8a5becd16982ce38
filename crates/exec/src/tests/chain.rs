//! Gradients through a whole drawing.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

use burn::tensor::Tensor;
use secateur_graph::groups::Group;
use secateur_graph::{Builder, Graph, Masks, ops};

use super::{cpu, numbers, random_params};
use crate::rng::Rng;
use crate::train::{
    self, Course, DenoiseStep, Leaf, Learner, Next, Seen, State, Target, TrainSpec, Trainer, View, drawn,
};
use crate::{Compute, ExecError, Gates, Inputs, Params, Silent, Value};

/// A convolution up, a wave of the time step added, and one down again, on pictures of 1 x 4 x 4.
fn denoiser() -> Graph {
    let mut g = Builder::default();
    let conv =
        |inputs, outputs| ops::Conv2d { inputs, outputs, kernel: 3, stride: 1, padding: 1, groups: 1, bias: true };
    let sample = g.add("sample", ops::Input::new(&[1, 4, 4]), &[]).unwrap();
    let timestep = g.add("timestep", ops::Input::new(&[]), &[]).unwrap();
    let wave = g.add("wave", ops::Timestep { features: 6, cosines_first: true, shift: 0.0 }, &[timestep]).unwrap();
    let x = g.add("up", conv(1, 6), &[sample]).unwrap();
    let x = g.add("add", ops::Add, &[x, wave]).unwrap();
    let x = g.add("silu", ops::Activation::Silu, &[x]).unwrap();
    let x = g.add("middle", conv(6, 5), &[x]).unwrap();
    let x = g.add("relu", ops::Activation::Silu, &[x]).unwrap();
    let x = g.add("down", conv(5, 1), &[x]).unwrap();
    g.finish(x)
}

fn steps(count: usize) -> Vec<DenoiseStep> {
    let step = |at: usize| DenoiseStep {
        timestep: (10 * (count - at)) as f32,
        meant: [1.1, -0.3],
        clip: (at % 2 == 1).then_some(1.5),
        next: [0.4, 0.5, 0.05],
    };
    (0..count).map(step).collect()
}

/// Gates that are learnt as they are, times something that is drawn anew in every pass.
struct Drawn {
    graph: Graph,
    group: Group,
    draws: RefCell<BTreeSet<u64>>,
}

impl Drawn {
    fn new() -> Self {
        let graph = denoiser();
        let group = graph.groups().into_iter().next().expect("channels in the middle");
        Self { graph, group, draws: RefCell::default() }
    }
}

impl View for Drawn {
    fn seen(&self, draw: u64, params: &Params, extra: &BTreeMap<String, Value>) -> Result<Seen, ExecError> {
        self.draws.borrow_mut().insert(draw);
        let Value::R1(gate) = extra["gate"].clone() else { panic!("gates are vectors") };
        let mut rng = Rng::keyed(3, "test-draw", draw, "");
        let drawn: Vec<f32> = (0..self.group.units).map(|_| rng.uniform()).collect();
        let mut gates = Gates::default();
        gates.open(&self.graph, &self.group, gate.clone() * Tensor::from_data(&drawn[..], &gate.device()));
        Ok(Seen { params: params.clone(), gates, penalty: Some(gate.sum() * 0.1) })
    }
}

struct Noises {
    target: Vec<f32>,
}

impl Course for Noises {
    fn batch(&self, compute: &Compute, graph: &Graph, _: u64) -> Result<(Inputs, Target), ExecError> {
        let mut inputs = Inputs::default();
        inputs.upload(compute, graph, "sample", 3, numbers(48, "noise"))?;
        Ok((inputs, Target::Values(Value::upload(compute, &[3, 1, 4, 4], self.target.clone())?)))
    }
}

fn gate(view: &Drawn) -> Vec<f32> {
    (0..view.group.units).map(|unit| 0.6 + 0.1 * unit as f32).collect()
}

/// The gradient of the first step and its loss, step by step.
fn by_step(view: &Drawn, params: &Params, steps: &[DenoiseStep], target: &[f32]) -> (Vec<f32>, f32) {
    let (compute, course, frozen) = (cpu(), Noises { target: target.to_vec() }, BTreeSet::new());
    let spec = TrainSpec { steps: 1, ..TrainSpec::default() };
    let plain = Trainer::new(&compute, &view.graph, &course, &spec, &Silent);
    let trainer = Trainer { view, learned: Some(&frozen), chain: Some(steps), ..plain };
    let leaf = Leaf::new(Value::upload(&compute, &[view.group.units], gate(view)).unwrap(), 1.0);
    let state = State::new(&view.graph, params.clone()).with("gate", leaf);
    let mut found = None;
    let step = async |learner: &mut Learner<'_>| {
        let slope = learner.slopes.extra["gate"].read().await?;
        found = Some((slope, learner.state.losses[0]));
        Ok::<_, ExecError>(Next::Stop)
    };
    pollster::block_on(trainer.run(state, &Masks::default(), step)).unwrap();
    found.unwrap()
}

/// The same with the whole drawing in one graph.
fn at_once(view: &Drawn, params: &Params, steps: &[DenoiseStep], target: &[f32]) -> (Vec<f32>, f32) {
    let compute = cpu();
    let (inputs, target) = Noises { target: target.to_vec() }.batch(&compute, &view.graph, 0).unwrap();
    let device = compute.device();
    let leaf = Tensor::<1>::from_data(&gate(view)[..], device).autodiff().require_grad();
    let extra = [("gate".to_string(), Value::R1(leaf.clone()))].into();
    let params = params.tracked_only(&BTreeSet::new());
    let (loss, whole) = train::at_once(&view.graph, steps, view, (0, &params, &extra), &inputs, target).unwrap();
    let whole = whole + leaf.clone().sum() * 0.1;
    let slopes = leaf.grad(&whole.backward()).unwrap();
    let read = |value: Tensor<1>| pollster::block_on(Value::R1(value).read()).unwrap();
    (read(slopes), read(loss)[0])
}

#[test]
fn gradients_step_by_step_are_those_of_the_whole_drawing() {
    let view = Drawn::new();
    let params = random_params(&view.graph);
    for count in [1, 4, 9] {
        let steps = steps(count);
        view.draws.take();
        let target = numbers(48, "target");
        let (found, loss) = by_step(&view, &params, &steps, &target);
        let drawn: Vec<u64> = view.draws.take().into_iter().collect();
        assert_eq!(drawn, (0..count as u64).collect::<Vec<_>>(), "other gates for each step, the same the second time");
        let (want, want_loss) = at_once(&view, &params, &steps, &target);
        assert!((loss - want_loss).abs() < 1e-4 * want_loss, "{loss} {want_loss}");
        let most = want.iter().fold(0f32, |most, slope| most.max(slope.abs()));
        for (found, want) in found.iter().zip(&want) {
            assert!((found - want).abs() < 1e-4 * most, "{count}: {found}, not {want}");
        }
    }
}

#[test]
fn a_drawing_is_always_the_same_and_follows_the_gates() {
    let view = Drawn::new();
    let (params, steps, compute) = (random_params(&view.graph), steps(3), cpu());
    let inputs = Noises { target: vec![0.0; 48] }.batch(&compute, &view.graph, 0).unwrap().0;
    let target = pollster::block_on(drawn(&view.graph, &params, &steps, &inputs).unwrap().read()).unwrap();
    let again = pollster::block_on(drawn(&view.graph, &params, &steps, &inputs).unwrap().read()).unwrap();
    assert_eq!(target, again);
    let (_, loss) = by_step(&view, &params, &steps, &target);
    assert!(loss > 0.0, "half-open gates draw something else");
}
