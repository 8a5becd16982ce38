//! Methods that learn gates or soft masks: L0, movement pruning, PDP, VTrans, Compresso.

use secateur_exec::train::DenoiseStep;
use secateur_exec::{Gates, Inputs, Params, outputs, outputs_gated};
use secateur_graph::Builder;
use secateur_graph::ops::*;
use secateur_graph::surgery::Removal;

use super::world::{Clock, World, recipe};
use crate::parts::allocate::share;
use crate::parts::gates::{Bank, fold};
use crate::{MethodError, Outcome};

const UNITS: [&str; 3] = ["l0", "vtrans", "compresso"];
const WEIGHTS: [&str; 2] = ["movement", "pdp"];

/// A run of a few steps, with a budget that tiny models can meet.
fn short(method: &str, seed: u64, settings: &str) -> secateur_protocol::Recipe {
    let tune = if method == "compresso" { "tune=2 " } else { "" };
    recipe(method, seed, &format!("steps=8 batch=4 lr=0.01 {tune}{settings}"))
}

/// What is pruned is 0 in what the model has learnt.
fn holds(world: &World, outcome: &Outcome) {
    let params = outcome.params.as_ref().unwrap();
    for (id, mask) in outcome.masks.iter() {
        let values = pollster::block_on(params.read(&world.graph, id)).unwrap();
        assert!((0..mask.len()).all(|at| mask.is_kept(at) || values[at] == 0.0));
        assert!(values.iter().all(|value| value.is_finite()));
    }
}

#[test]
fn what_gates_decide_can_be_cut_and_comes_again() {
    for mut world in World::all() {
        for method in UNITS {
            let wish = short(method, 3, "sparsity=0.3 gate_lr=0.5");
            let outcome = match world.run(&wish) {
                Err(MethodError::Unfit { .. }) if method == "compresso" => continue,
                other => other.unwrap(),
            };
            let groups = world.graph.groups();
            world.graph.cut(&groups, &outcome.removal, outcome.statistics).unwrap();
            assert_eq!(outcome.masks.count_pruned() > 0, !outcome.removal.is_empty());
            holds(&world, &outcome);
            let again = world.run(&wish).unwrap();
            assert_eq!(world.told(&outcome), world.told(&again), "{method}");
            for (id, mask) in outcome.masks.iter().filter(|(id, _)| world.graph.prunable().any(|other| other == *id)) {
                assert_eq!(world.scores(&outcome, id).len(), mask.len());
            }
        }
    }
}

#[test]
fn exactly_the_asked_for_weights_go() {
    for mut world in World::all() {
        let sizes: Vec<usize> = world.layers().iter().map(|(_, rows, cols)| rows * cols).collect();
        for method in WEIGHTS {
            for sparsity in [0.0, 0.5, 0.9] {
                let allocation = if method == "pdp" { "allocation=uniform" } else { "" };
                let wish = short(method, 3, &format!("sparsity={sparsity} {allocation}"));
                let outcome = world.run(&wish).unwrap();
                let gone: Vec<usize> = outcome.masks.iter().map(|(_, mask)| mask.count_pruned()).collect();
                assert_eq!(gone, sizes.iter().map(|size| share(sparsity, *size)).collect::<Vec<_>>(), "{method}");
                assert_eq!(outcome.removal, Removal::new());
                holds(&world, &outcome);
                let again = world.run(&wish).unwrap();
                assert_eq!(world.told(&outcome), world.told(&again), "{method}");
            }
        }
        let outcome = world.run(&short("pdp", 3, "grain=n:m")).unwrap();
        for (id, mask) in outcome.masks.iter() {
            let (rows, cols) = world.graph.param(id).matrix();
            let fits = cols.is_multiple_of(4);
            assert_eq!(mask.count_pruned(), if fits { rows * cols / 2 } else { 0 });
        }
        let soft = world.run(&short("movement", 3, "mask=soft lambda=100 score_lr=3")).unwrap();
        assert!(soft.masks.count_pruned() > 0 && soft.masks.iter().all(|(_, mask)| mask.count_kept() > 0));
    }
}

/// The longer the multipliers push, the nearer the size is to what was asked for.
#[test]
fn a_budget_is_met() {
    let [mut world, _] = World::all();
    for (method, settings) in [("l0", "steps=400 gate_lr=0.05"), ("vtrans", "steps=400 gate_lr=0.05")] {
        for measure in ["params", "macs", "units"] {
            let wish = format!("sparsity=0.4 gates=neurons,channels budget={measure} lr=0.003 batch=4 {settings}");
            // A quarter of the weights are neurons'; as many units as are asked for can always go.
            let wish = if measure == "units" { wish } else { wish.replace("sparsity=0.4", "sparsity=0.25") };
            let outcome = world.run(&recipe(method, 3, &wish)).unwrap();
            let asked = if measure == "units" { 40.0 } else { 25.0 };
            let told = outcome.notes.iter().find(|note| note.contains("gates are shut")).unwrap();
            let gone: f64 = told.split(", ").nth(1).unwrap().split(' ').next().unwrap().parse().unwrap();
            assert!((gone - asked).abs() < 8.0, "{method} {measure}: {gone} % of {asked} %");
        }
    }
}

/// Gates have a rate of their own: they shut, and what stays is what it was.
#[test]
fn gates_learn_alone() {
    let [mut world, _] = World::all();
    for method in UNITS {
        let tune = if method == "compresso" { "tune=0 " } else { "" };
        let wish = format!("{tune}sparsity=0.25 gates=neurons lr=0 gate_lr=0.5 batch=4 steps=40");
        let outcome = world.run(&recipe(method, 3, &wish)).unwrap();
        assert!(!outcome.removal.is_empty(), "{method}: {:?}", outcome.notes);
        let params = outcome.params.unwrap();
        let id = world.graph.param_ids().find(|id| world.graph.param(*id).name.contains("query")).unwrap();
        let [now, before] = [&params, &world.params].map(|of| pollster::block_on(of.read(&world.graph, id)).unwrap());
        assert!(now.iter().zip(&before).all(|(now, before)| (now - before).abs() < 1e-6), "{method}");
    }
}

#[test]
fn what_does_not_fit_is_told() {
    let [mut vit, mut lenet] = World::all();
    let said = |world: &mut World, wish| world.run(&wish).unwrap_err().to_string();
    assert!(said(&mut lenet, short("compresso", 0, "")).contains("l0 learns gates of any model"));
    assert!(said(&mut vit, short("l0", 0, "gates=heads sparsity=0.9")).contains("lower the sparsity"));
    assert!(said(&mut lenet, short("l0", 0, "gates=heads")).contains("it has neurons, channels"));
    assert!(said(&mut vit, recipe("ecodiff", 0, "")).contains("it draws no pictures"));
    vit.samples = 0;
    for method in UNITS.iter().chain(&WEIGHTS) {
        assert!(matches!(vit.run(&short(method, 0, "")), Err(MethodError::NoTask)), "{method}");
    }
}

/// Where open gates cost something, what goes follows from the price and nothing has to be met.
#[test]
fn a_higher_price_shuts_more_gates() {
    let [_, mut lenet] = World::all();
    let mut shut = |lambda| {
        let wish = format!("steps=80 batch=4 gate_lr=0.2 lr=0.003 constraint=price lambda={lambda}");
        lenet.run(&recipe("l0", 3, &wish)).unwrap().removal.values().map(Vec::len).sum::<usize>()
    };
    let (cheap, dear) = (shut(0), shut(1000));
    assert!(cheap < dear && dear > 20, "{cheap} {dear}");
}

/// The model whose gates became a part of its weights answers as the one behind gates, embeddings that are also the head
/// included.
#[test]
fn folded_gates_answer_as_gates() {
    for (mut world, kinds) in [
        (World::all().into_iter().next().unwrap(), "heads,neurons,width"),
        (World::all().into_iter().next_back().unwrap(), "neurons,channels"),
        (reader(), "heads,neurons,width"),
    ] {
        let each: usize = world.graph.nodes[0].shape.iter().product();
        let shown: Vec<f32> = world.inputs[..4 * each].to_vec();
        let [want, found, dense] = world.with_lab(&Clock::endless(), |lab| {
            let bank = Bank::of(lab, kinds).unwrap();
            let open = |units: usize| (0..units).map(|unit| 0.4 + 0.17 * (unit % 7) as f32).collect::<Vec<f32>>();
            let open: Vec<Vec<f32>> = bank.rows.iter().map(|row| open(row.group.units)).collect();
            let mut gates = Gates::default();
            bank.rows.iter().zip(&open).for_each(|(row, open)| gates.add(lab.compute, lab.graph, &row.group, open));
            let (folded, left_out) =
                pollster::block_on(fold(lab.compute, lab.graph, &bank, &open, lab.params)).unwrap();
            assert_eq!(left_out, Vec::<String>::new());
            let mut inputs = Inputs::default();
            let input = lab.graph.inputs().next().unwrap().name.clone();
            inputs.upload(lab.compute, lab.graph, &input, 4, shown.clone()).unwrap();
            let read = |params: &Params, gates: Option<&Gates>| {
                let found = match gates {
                    Some(gates) => outputs_gated(lab.graph, params, inputs.clone(), gates).unwrap(),
                    None => outputs(lab.graph, params, inputs.clone()).unwrap(),
                };
                pollster::block_on(found.into_values().next().unwrap().read()).unwrap()
            };
            [read(lab.params, Some(&gates)), read(&folded, None), read(lab.params, None)]
        });
        let apart = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
        let (off, changed) = (apart(&want, &found), apart(&want, &dense));
        assert!(off < 1e-4 && off < 1e-2 * changed, "{kinds}: off by {off} of {changed}");
    }
}

#[test]
fn a_drawing_loses_exactly_the_asked_for_gates_and_comes_again() {
    let mut world = denoiser();
    let settings = "steps=6 batch=2 pairs=3 times=3 gates=neurons,channels";
    for (scope, sparsity, gone) in [("global", 0.25, 5), ("local", 0.25, 5), ("global", 0.0, 0)] {
        let wish = recipe("ecodiff", 3, &format!("{settings} scope={scope} sparsity={sparsity}"));
        let outcome = world.run(&wish).unwrap();
        assert_eq!(outcome.removal.values().map(Vec::len).sum::<usize>(), gone, "{scope} {sparsity}");
        assert!(outcome.params.is_none(), "weights stay as they are");
        let again = world.run(&wish).unwrap();
        assert_eq!(world.told(&outcome), world.told(&again));
    }
    let wish = recipe("ecodiff", 3, settings);
    let clock = Clock::endless();
    world.run_with(&wish, &clock).unwrap();
    for ticks in [0, 2, 3, clock.ticks.get() - 1] {
        let stopped = world.run_with(&wish, &Clock::until(ticks));
        assert!(
            matches!(stopped, Err(MethodError::Exec(secateur_exec::ExecError::Cancelled(_)))),
            "after {ticks} ticks"
        );
    }
}

/// Channels that draw nothing get the lowest gates.
#[test]
fn what_no_drawing_needs_goes_first() {
    let mut world = denoiser();
    let id = world.graph.find_param("down.weight").unwrap();
    let mut weights = pollster::block_on(world.params.read(&world.graph, id)).unwrap();
    let idle = [1, 4, 6];
    // One output, then channel by channel 3 x 3.
    idle.iter().for_each(|channel| weights[channel * 9..(channel + 1) * 9].fill(0.0));
    world.params.upload(&world.compute, &world.graph, id, weights.iter().map(|weight| 5.0 * weight).collect()).unwrap();
    let settings = "steps=60 lr=0.2 batch=3 pairs=3 times=3 gates=channels beta=0.001 sparsity=0.15";
    let outcome = world.run(&recipe("ecodiff", 3, settings)).unwrap();
    let groups = world.graph.groups();
    let gone: Vec<&[u32]> = outcome
        .removal
        .iter()
        .map(|(at, units)| (groups[*at].at.as_str(), units))
        .map(|(at, units)| {
            assert_eq!(at, "middle");
            units.as_slice()
        })
        .collect();
    assert_eq!(gone, [&[1, 4, 6]]);
}

/// Takes noise away from pictures of 1 x 4 x 4: 12 channels, then 8.
fn denoiser() -> World {
    let mut g = Builder::default();
    let conv = |inputs, outputs| Conv2d { inputs, outputs, kernel: 3, stride: 1, padding: 1, groups: 1, bias: true };
    let x = g.add("sample", Input::new(&[1, 4, 4]), &[]).unwrap();
    let x = g.add("up", conv(1, 12), &[x]).unwrap();
    let x = g.add("silu1", Activation::Silu, &[x]).unwrap();
    let x = g.add("middle", conv(12, 8), &[x]).unwrap();
    let x = g.add("silu2", Activation::Silu, &[x]).unwrap();
    let x = g.add("down", conv(8, 1), &[x]).unwrap();
    let mut world = World::new(g.finish(x));
    let step =
        |at: u16| DenoiseStep { timestep: f32::from(3 - at), meant: [1.1, -0.3], clip: None, next: [0.5, 0.4, 0.1] };
    world.drawing = Some((0..3).map(step).collect());
    world
}

/// A block of a language model with shared keys and a head that is its table.
fn reader() -> World {
    let mut g = Builder::default();
    let ids = g.add("tokens", Input::new(&[6]), &[]).unwrap();
    let table = g.add("embed", Embedding { entries: 12, features: 8 }, &[ids]).unwrap();
    let linear = |inputs, outputs| Linear::new(inputs, outputs, false);
    let norm = || RmsNorm::new(8, 1e-5);
    let y = g.add("norm1", norm(), &[table]).unwrap();
    let up = g.add("up", linear(8, 20), &[y]).unwrap();
    let gate = g.add("gate", linear(8, 20), &[y]).unwrap();
    let gate = g.add("silu", Activation::Silu, &[gate]).unwrap();
    let y = g.add("mul", Mul, &[gate, up]).unwrap();
    let y = g.add("down", linear(20, 8), &[y]).unwrap();
    let x = g.add("add", Add, &[table, y]).unwrap();
    let x = g.add("norm2", norm(), &[x]).unwrap();
    let logits = g.tie("head", linear(8, 12), &[x], table).unwrap();
    let mut world = World::new(g.finish(logits));
    world.inputs.iter_mut().enumerate().for_each(|(at, token)| *token = (at % 7) as f32);
    world
}
