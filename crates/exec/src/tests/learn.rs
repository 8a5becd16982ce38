//! What is learnt beside the parameters, and the ways to work out gradients.

use std::collections::BTreeMap;

use burn::tensor::Tensor;
use secateur_graph::groups::Group;
use secateur_graph::{Graph, Masks};

use super::train::start;
use super::{cpu, numbers, read, tiny_cnn, tiny_vit};
use crate::train::{
    Classes, Course, Distil, Leaf, Learner, Next, Optimizer, Plain, Samples, Schedule, Seen, State, TrainSpec, Trainer,
    View, mean_loss,
};
use crate::{ExecError, Gates, Params, Silent, Value};

/// Gates of every group, learnt as they are.
struct Bare {
    graph: Graph,
    groups: Vec<Group>,
    /// What an open gate costs.
    price: f64,
}

impl Bare {
    fn of(graph: &Graph, price: f64) -> Self {
        Self { graph: graph.clone(), groups: graph.groups(), price }
    }

    fn name(&self, at: usize) -> String {
        format!("gates.{at}")
    }

    fn state(&self, params: Params, gate: f32) -> State {
        let leaf =
            |group: &Group| Leaf::new(Value::upload(&cpu(), &[group.units], vec![gate; group.units]).unwrap(), 1.0);
        let state = State::new(&self.graph, params);
        self.groups.iter().enumerate().fold(state, |state, (at, group)| state.with(self.name(at), leaf(group)))
    }
}

impl View for Bare {
    fn seen(&self, _: u64, params: &Params, extra: &BTreeMap<String, Value>) -> Result<Seen, ExecError> {
        let mut gates = Gates::default();
        let mut penalty: Option<Tensor<1>> = None;
        for (at, group) in self.groups.iter().enumerate() {
            let Value::R1(gate) = extra[&self.name(at)].clone() else { panic!("gates are vectors") };
            let sum = gate.clone().sum() * self.price;
            penalty = Some(penalty.map_or(sum.clone(), |others| others + sum));
            gates.open(&self.graph, group, gate);
        }
        Ok(Seen { params: params.clone(), gates, penalty })
    }
}

/// 24 pictures of three classes.
struct Shown(Vec<f32>, Vec<u8>);

impl Shown {
    fn of(graph: &Graph) -> Self {
        let each: usize = graph.nodes[0].shape.iter().product();
        let classes = graph.node(graph.output()).shape[0];
        Self(numbers(24 * each, "pictures"), (0..24).map(|at| (at % classes) as u8).collect())
    }

    fn course(&self, batch: usize) -> Classes<'_> {
        let samples = Samples { inputs: &self.0, labels: &self.1 };
        Classes { samples, batch, label_smoothing: 0.0, augment: None, seed: 5 }
    }
}

/// The gradients of the first step.
fn slopes(graph: &Graph, view: &dyn View, state: State, course: &dyn Course, spec: &TrainSpec) -> Learnt {
    let compute = cpu();
    let trainer = Trainer { view, ..Trainer::new(&compute, graph, course, spec, &Silent) };
    let mut found = None;
    let step = async |learner: &mut Learner<'_>| {
        found = Some((learner.slopes.clone(), learner.state.losses[0]));
        Ok::<_, ExecError>(Next::Stop)
    };
    pollster::block_on(trainer.run(state, &Masks::default(), step)).unwrap();
    let (slopes, loss) = found.unwrap();
    let read = |value: &Value| pollster::block_on(value.read()).unwrap();
    let params = slopes.params.values.iter().map(|value| value.as_ref().map(read)).collect();
    let extra = slopes.extra.iter().map(|(name, value)| (name.clone(), read(value))).collect();
    Learnt { loss, params, extra }
}

#[derive(Debug)]
struct Learnt {
    loss: f32,
    params: Vec<Option<Vec<f32>>>,
    extra: BTreeMap<String, Vec<f32>>,
}

fn assert_near(a: &[f32], b: &[f32], within: f32, what: &str) {
    let scale = a.iter().fold(1e-3f32, |most, x| most.max(x.abs()));
    for (at, (a, b)) in a.iter().zip(b).enumerate() {
        assert!((a - b).abs() <= within * scale, "{what} {at}: {a} and {b}");
    }
}

/// The loss that a gate's gradient is of, worked out from two models with the gate a little wider and narrower.
#[test]
fn gradients_of_gates_agree_with_finite_differences() {
    for graph in [tiny_cnn(), tiny_vit()] {
        let compute = cpu();
        let view = Bare::of(&graph, 0.0);
        let params = Params::init(&compute, &graph, 3).unwrap();
        let (shown, spec) = (Shown::of(&graph), TrainSpec { steps: 1, ..TrainSpec::default() });
        let course = shown.course(24);
        let found = slopes(&graph, &view, view.state(params.clone(), 0.8), &course, &spec);
        for (at, group) in view.groups.iter().enumerate() {
            for unit in [0, group.units - 1] {
                let loss = |step: f32| {
                    let mut gates = Gates::default();
                    for (other, group) in view.groups.iter().enumerate() {
                        let mut values = vec![0.8; group.units];
                        values[unit.min(group.units - 1)] += if other == at { step } else { 0.0 };
                        gates.add(&compute, &graph, group, &values);
                    }
                    let seen = Seen { params: params.clone(), gates, penalty: None };
                    // Running statistics of a batch norm would differ from the batch's.
                    pollster::block_on(mean_loss(&compute, &graph, &seen, &course, 1, &Silent)).unwrap()
                };
                let slope = (loss(0.02) - loss(-0.02)) / 0.04;
                let got = f64::from(found.extra[&view.name(at)][unit]);
                assert!(
                    (slope - got).abs() < 2e-3 + 0.02 * slope.abs(),
                    "{} unit {unit}: {got}, not {slope}",
                    group.name()
                );
            }
        }
    }
}

#[test]
fn a_price_is_felt_and_ends_up_in_no_loss() {
    let graph = tiny_vit();
    let params = Params::init(&cpu(), &graph, 3).unwrap();
    let (shown, spec) = (Shown::of(&graph), TrainSpec { steps: 1, ..TrainSpec::default() });
    let course = shown.course(24);
    let [free, dear] = [0.0, 0.5].map(|price| {
        let view = Bare::of(&graph, price);
        slopes(&graph, &view, view.state(params.clone(), 1.0), &course, &spec)
    });
    assert_eq!(free.loss, dear.loss);
    for (name, slopes) in &free.extra {
        let want: Vec<f32> = slopes.iter().map(|slope| slope + 0.5).collect();
        assert_near(&dear.extra[name], &want, 1e-5, name);
    }
}

/// Whatever is kept and whatever is worked out anew.
#[test]
fn gradients_are_the_same_block_by_block() {
    for graph in [tiny_cnn(), tiny_vit()] {
        let view = Bare::of(&graph, 0.1);
        let params = Params::init(&cpu(), &graph, 3).unwrap();
        let shown = Shown::of(&graph);
        let course = shown.course(24);
        let [kept, anew] = [false, true].map(|recompute| {
            let spec = TrainSpec { steps: 1, recompute, ..TrainSpec::default() };
            slopes(&graph, &view, view.state(params.clone(), 0.9), &course, &spec)
        });
        assert!((kept.loss - anew.loss).abs() < 1e-6);
        for (param, (a, b)) in graph.params.iter().zip(kept.params.iter().zip(&anew.params)) {
            assert_eq!(a.is_some(), b.is_some(), "{}", param.name);
            assert_near(a.as_deref().unwrap_or(&[]), b.as_deref().unwrap_or(&[]), 1e-4, &param.name);
        }
        for (name, slopes) in &kept.extra {
            assert_near(slopes, &anew.extra[name], 1e-4, name);
        }
    }
}

#[test]
fn gradients_of_small_batches_make_up_those_of_a_large_one() {
    let graph = tiny_vit();
    let params = Params::init(&cpu(), &graph, 3).unwrap();
    let shown = Shown::of(&graph);
    let of = |batch, accumulate| {
        let spec = TrainSpec { steps: 1, accumulate, ..TrainSpec::default() };
        slopes(&graph, &Plain, State::new(&graph, params.clone()), &shown.course(batch), &spec)
    };
    let (whole, parts) = (of(24, 1), of(6, 4));
    assert!((whole.loss - parts.loss).abs() < 1e-5, "{} {}", whole.loss, parts.loss);
    for (param, (a, b)) in graph.params.iter().zip(whole.params.iter().zip(&parts.params)) {
        assert_near(a.as_deref().unwrap(), b.as_deref().unwrap(), 1e-3, &param.name);
    }
}

/// A step of SGD goes as far as the norm allows.
#[test]
fn a_steep_gradient_is_scaled_down() {
    let graph = tiny_cnn();
    let shown = Shown::of(&graph);
    let course = shown.course(24);
    let far = |clip| {
        let sgd = Optimizer::Sgd { momentum: 0.0, nesterov: false };
        let plain = TrainSpec { steps: 1, lr: 1.0, warmup: 0.0, schedule: Schedule::Constant, ..TrainSpec::default() };
        let spec = TrainSpec { optimizer: sgd, weight_decay: 0.0, clip, ..plain };
        let (before, compute) = (start(&graph, 3), cpu());
        let trainer = Trainer::new(&compute, &graph, &course, &spec, &Silent);
        let after = pollster::block_on(trainer.run_through(before.clone(), &Masks::default())).unwrap();
        let apart = graph.params.iter().map(|param| {
            let [a, b] = [&before.params, &after.params].map(|params| read(params, &graph, &param.name));
            a.iter().zip(b).map(|(a, b)| f64::from(a - b).powi(2)).sum::<f64>()
        });
        apart.sum::<f64>().sqrt()
    };
    let free = far(None);
    assert!(free > 0.2, "{free}");
    assert!((far(Some(0.1)) - 0.1).abs() < 1e-4, "{}", far(Some(0.1)));
    assert!((far(Some(100.0)) - free).abs() < 1e-5);
}

/// A student that starts as its teacher has nothing to learn from it, and one that has lost half its weights comes back.
#[test]
fn a_student_follows_its_teacher() {
    let graph = tiny_vit();
    let compute = cpu();
    let teacher = Params::init(&compute, &graph, 3).unwrap();
    let shown = Shown::of(&graph);
    let course = shown.course(24);
    let run = |params: Params, steps, optimizer| {
        let distil = Distil { teacher: &teacher, temperature: 2.0, share: 1.0, hidden: 1.0 };
        let spec = TrainSpec { steps, lr: 0.01, weight_decay: 0.0, optimizer, ..TrainSpec::default() };
        let trainer = Trainer { teacher: Some(&distil), ..Trainer::new(&compute, &graph, &course, &spec, &Silent) };
        pollster::block_on(trainer.run_through(State::new(&graph, params), &Masks::default())).unwrap()
    };
    let answers = |params: &Params| {
        let inputs = course.batch(&compute, &graph, 0).unwrap().0;
        pollster::block_on(crate::forward(&graph, params, inputs, &mut ()).unwrap().read()).unwrap()
    };
    let apart = |params: &Params| {
        answers(params).iter().zip(answers(&teacher)).map(|(a, b)| (a - b).abs()).fold(0f32, f32::max)
    };
    let still = run(teacher.clone(), 3, Optimizer::Sgd { momentum: 0.9, nesterov: false }).params;
    let other = Params::init(&compute, &graph, 4).unwrap();
    let taught = run(other.clone(), 80, Optimizer::AdamW).params;
    assert!(apart(&taught) < 0.3 * apart(&other), "{} -> {}", apart(&other), apart(&taught));
    assert!(apart(&still) < 1e-5, "{}", apart(&still));
}

/// Only the named parameters move.
#[test]
fn what_is_not_learnt_stays() {
    let graph = tiny_cnn();
    let (compute, shown) = (cpu(), Shown::of(&graph));
    let course = shown.course(24);
    let spec = TrainSpec { steps: 3, ..TrainSpec::default() };
    let learned = [graph.find_param("fc.bias").unwrap()].into();
    let before = start(&graph, 3);
    let trainer = Trainer { learned: Some(&learned), ..Trainer::new(&compute, &graph, &course, &spec, &Silent) };
    let after = pollster::block_on(trainer.run_through(before.clone(), &Masks::default())).unwrap();
    for (at, param) in graph.params.iter().enumerate() {
        let [a, b] = [&before.params, &after.params].map(|params| read(params, &graph, &param.name));
        assert_eq!(a == b, at != learned.first().map(|id| id.0 as usize).unwrap(), "{}", param.name);
    }
}
