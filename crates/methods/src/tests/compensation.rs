//! What makes up for a cut brings the layers' outputs nearer to the dense ones.

use secateur_exec::{Inputs, Params, forward};
use secateur_graph::{Builder, ops};

use super::world::{SAMPLES, World, recipe};
use crate::Outcome;

/// One layer of inputs that go together, and a second that reads it.
fn world() -> World {
    let mut g = Builder::default();
    let x = g.add("features", ops::Input::new(&[12]), &[]).unwrap();
    let x = g.add("first", ops::Linear::new(12, 20, true), &[x]).unwrap();
    let x = g.add("relu", ops::Activation::Relu, &[x]).unwrap();
    g.block();
    let x = g.add("second", ops::Linear::new(20, 6, true), &[x]).unwrap();
    let mut world = World::new(g.finish(x));
    for row in world.inputs.chunks_mut(12) {
        (1..12).for_each(|at| row[at] = 0.7 * row[at - 1] + 0.5 * row[at] + 0.4);
    }
    world
}

/// Of the model as a method leaves it.
fn answers(world: &World, params: &Params) -> Vec<f32> {
    let mut inputs = Inputs::default();
    inputs.upload(&world.compute, &world.graph, "features", SAMPLES, world.inputs.clone()).unwrap();
    pollster::block_on(forward(&world.graph, params, inputs, &mut ()).unwrap().read()).unwrap()
}

fn left(world: &World, outcome: &Outcome) -> Params {
    let mut params = world.params.clone();
    for id in world.graph.param_ids() {
        if let Some(Ok(changed)) = outcome.params.as_ref().map(|params| params.get(&world.graph, id)) {
            params = params.with(&[(id, changed.clone())].into());
        }
    }
    params.masked(&world.compute, &world.graph, &outcome.masks).unwrap()
}

/// Mean squared distance of the pruned model's answers from the dense one's.
fn error(world: &mut World, method: &str, settings: &str) -> f64 {
    let outcome = world.run(&recipe(method, 0, settings)).unwrap();
    let (dense, pruned) = (answers(world, &world.params), answers(world, &left(world, &outcome)));
    dense.iter().zip(&pruned).map(|(a, b)| f64::from(a - b).powi(2)).sum::<f64>() / dense.len() as f64
}

#[test]
fn an_update_brings_the_answers_nearer() {
    let mut world = world();
    for pattern in ["unstructured", "n:m", "unit"] {
        for method in ["wanda", "sparsegpt", "obspa", "taylor"] {
            let settings = format!("pattern={pattern} sparsity=0.5");
            let plain = error(&mut world, method, &format!("{settings} compensation=none"));
            let updated = error(&mut world, method, &format!("{settings} compensation=update"));
            assert!(updated < 0.8 * plain, "{method} {pattern}: {updated} of {plain}");
        }
    }
}

/// The papers' order on a single layer: the update beats scores with inputs, which beat size.
#[test]
fn sparsegpt_comes_nearest() {
    let mut world = world();
    let [sparsegpt, wanda, magnitude] =
        ["sparsegpt", "wanda", "magnitude"].map(|method| error(&mut world, method, "sparsity=0.5"));
    assert!(sparsegpt < 0.7 * wanda && wanda < magnitude, "{sparsegpt} {wanda} {magnitude}");
}

#[test]
fn biases_keep_the_mean_answers() {
    let mut world = world();
    for settings in ["pattern=unit units=neurons", "pattern=unstructured"] {
        // A layer before the last is left alone, so that the last one's inputs are the dense ones.
        let outcome = world.run(&recipe("flap", 0, &format!("{settings} sparsity=0.4"))).unwrap();
        let mut pruned = left(&world, &outcome);
        if settings.ends_with("unstructured") {
            let first = ["first.weight", "first.bias"].map(|name| world.graph.find_param(name).unwrap());
            let dense = first.map(|id| (id, world.params.get(&world.graph, id).unwrap().clone()));
            pruned = pruned.with(&dense.into());
        }
        let mean = |answers: Vec<f32>, at: usize| answers.iter().skip(at).step_by(6).sum::<f32>() / SAMPLES as f32;
        for at in 0..6 {
            let (want, got) = (mean(answers(&world, &world.params), at), mean(answers(&world, &pruned), at));
            assert!((want - got).abs() < 1e-4 * want.abs().max(1.0), "{settings} {at}: wanted {want}, got {got}");
        }
    }
}

#[test]
fn layers_without_a_bias_are_told() {
    let mut g = Builder::default();
    let x = g.add("features", ops::Input::new(&[8]), &[]).unwrap();
    let x = g.add("first", ops::Linear::new(8, 10, false), &[x]).unwrap();
    let x = g.add("second", ops::Linear::new(10, 4, false), &[x]).unwrap();
    let mut world = World::new(g.finish(x));
    let notes = world.run(&recipe("flap", 0, "units=neurons")).unwrap().notes;
    assert!(notes.iter().any(|note| note.contains("2 layers have no bias")), "{notes:?}");
}

/// Inputs that never change and inputs that are always 0 are no reason to fail.
#[test]
fn still_and_silent_inputs_are_survived() {
    for (silent, method) in
        [0.0, 1.0].into_iter().flat_map(|x| [(x, "sparsegpt"), (x, "obspa"), (x, "flap"), (x, "wanda")])
    {
        let mut world = world();
        world.inputs.fill(silent);
        let outcome = world.run(&recipe(method, 0, "")).unwrap();
        assert!(answers(&world, &left(&world, &outcome)).iter().all(|answer| answer.is_finite()), "{method} {silent}");
    }
}
