//! Little training after a cut.

use secateur_exec::ExecError;
use secateur_graph::ops::{Embedding, Input, Linear};
use secateur_graph::{Builder, ParamId, Role};

use super::world::{Clock, World, recipe};
use crate::{MethodError, Outcome};

fn values(world: &World, outcome: &Outcome, id: ParamId) -> Vec<f32> {
    pollster::block_on(outcome.params.as_ref().unwrap().read(&world.graph, id)).unwrap()
}

/// The losses that the last note tells: after the cut and after recovery.
fn losses(outcome: &Outcome) -> [f64; 2] {
    let numbers = outcome.notes.last().unwrap().split_whitespace().filter_map(|word| word.parse().ok());
    numbers.collect::<Vec<f64>>().try_into().unwrap()
}

#[test]
fn only_what_should_learn_moves_and_masks_hold() {
    for mut world in World::all() {
        let norms = world.graph.param_ids().any(|id| world.graph.param(id).role == Role::Norm);
        for settings in ["train=biases", "train=norms", "train=selected", "train=head", "train=full", "adapter=mask"] {
            if settings == "train=norms" && !norms {
                continue;
            }
            let cut = world.run(&recipe("magnitude", 1, "sparsity=0.7")).unwrap();
            let masked = world.params.masked(&world.compute, &world.graph, &cut.masks).unwrap();
            let outcome = world.run(&recipe("perp", 1, &format!("sparsity=0.7 steps=4 lr=0.01 {settings}"))).unwrap();
            assert!(outcome.masks == cut.masks, "{settings}");
            for id in world.graph.param_ids() {
                let (param, after) = (world.graph.param(id), values(&world, &outcome, id));
                let before = pollster::block_on(masked.read(&world.graph, id)).unwrap();
                let learns = match (settings, param.role) {
                    ("train=biases", role) => role == Role::Bias,
                    ("train=norms", role) => role == Role::Norm,
                    ("train=full" | "adapter=mask", Role::Weight) => true,
                    ("train=full", _) => true,
                    ("train=head", Role::Weight) => Some(id) == world.graph.prunable().last(),
                    (_, role) => matches!(role, Role::Bias | Role::Norm),
                };
                // The bias of keys moves every score of a query alike, which a softmax does not see.
                assert!(before != after || !learns || param.name.contains("key"), "{settings}: {} stands", param.name);
                assert!(before == after || learns, "{settings}: {} moved", param.name);
                let mask = cut.masks.get(id);
                assert!(mask.is_none_or(|mask| (0..mask.len()).all(|at| mask.is_kept(at) || after[at] == 0.0)));
            }
        }
    }
}

#[test]
fn every_way_to_recover_lowers_the_loss() {
    let [mut world, _] = World::all();
    for settings in ["train=selected", "adapter=mask", "adapter=scale", "adapter=late", "train=full"] {
        let outcome = world.run(&recipe("perp", 1, &format!("sparsity=0.6 steps=30 lr=0.01 {settings}"))).unwrap();
        let [before, after] = losses(&outcome);
        assert!(after < before, "{settings}: {before} to {after}");
    }
}

#[test]
fn any_cut_will_do() {
    for mut world in World::all() {
        for settings in [
            "mask=wanda pattern=n:m samples=4",
            "mask=sparsegpt samples=8",
            "mask=random",
            "pattern=unit share=uniform",
        ] {
            let wish = recipe("perp", 1, &format!("sparsity=0.5 steps=3 {settings}"));
            let outcome = world.run(&wish).unwrap();
            assert!(outcome.masks.count_pruned() > 0, "{settings}");
            let again = world.run(&wish).unwrap();
            assert_eq!(world.told(&again), world.told(&outcome), "{settings}");
        }
    }
}

#[test]
fn cancelling_anywhere_leaves_it_repeatable() {
    let [_, mut world] = World::all();
    let wish = recipe("perp", 1, "steps=3");
    let clock = Clock::endless();
    let want = world.run_with(&wish, &clock).unwrap();
    for ticks in 0..clock.ticks.get() {
        world.cache = crate::Cache::default();
        match world.run_with(&wish, &Clock::until(ticks)) {
            Err(MethodError::Exec(ExecError::Cancelled(_))) => {}
            other => panic!("after {ticks} ticks: {other:?}"),
        }
    }
    let again = world.run(&wish).unwrap();
    assert_eq!(world.told(&again), world.told(&want));
}

#[test]
fn a_model_without_norms_says_so() {
    let [_, mut world] = World::all();
    let error = world.run(&recipe("perp", 1, "train=norms")).unwrap_err().to_string();
    assert_eq!(
        error,
        "this method does not fit this model: it has none of the parameters that should learn; take train = adapters or full"
    );
}

/// The mean squares that a note tells: after the cut and after recovery.
fn squares(outcome: &Outcome) -> [f64; 2] {
    let note = outcome.notes.iter().find(|note| note.starts_with("Blocks")).unwrap();
    let numbers = note.split_whitespace().filter(|word| word.contains('e') && word.contains('.'));
    let numbers: Vec<f64> = numbers.filter_map(|word| word.parse().ok()).collect();
    numbers.try_into().unwrap()
}

#[test]
fn blocks_come_nearer_to_the_dense_ones() {
    for mut world in World::all() {
        for settings in ["train=selected", "adapter=mask", "adapter=scale", "train=full"] {
            let wish = format!("sparsity=0.6 samples=16 batch=4 steps=40 lr=0.01 scope=blocks {settings}");
            let outcome = world.run(&recipe("perp", 1, &wish)).unwrap();
            let [before, after] = squares(&outcome);
            assert!(after < before, "{settings}: {before} to {after}");
            for (id, mask) in outcome.masks.iter() {
                let after = values(&world, &outcome, id);
                assert!((0..mask.len()).all(|at| mask.is_kept(at) || after[at] == 0.0), "{settings}");
            }
            let again = world.run(&recipe("perp", 1, &wish)).unwrap();
            assert_eq!(world.told(&again), world.told(&outcome), "{settings}");
        }
    }
}

#[test]
fn what_blocks_share_stays() {
    let mut g = Builder::default();
    let ids = g.add("tokens", Input::new(&[6]), &[]).unwrap();
    let table = g.add("embed", Embedding { entries: 12, features: 8 }, &[ids]).unwrap();
    let x = g.add("mix", Linear::new(8, 8, true), &[table]).unwrap();
    g.block();
    let x = g.add("late", Linear::new(8, 8, true), &[x]).unwrap();
    let logits = g.tie("head", Linear::new(8, 12, false), &[x], table).unwrap();
    let mut world = World::new(g.finish(logits));
    world.inputs.iter_mut().enumerate().for_each(|(at, token)| *token = (at % 7) as f32);
    let outcome = world.run(&recipe("perp", 1, "samples=16 batch=4 steps=10 lr=0.01 scope=blocks train=full")).unwrap();
    let learnt = |name| {
        let id = world.graph.find_param(name).unwrap();
        let dense = pollster::block_on(world.params.read(&world.graph, id)).unwrap();
        values(&world, &outcome, id) != dense
    };
    assert!(learnt("mix.bias") && learnt("late.weight"));
    assert!(!learnt("embed.weight"), "the head would answer by another embedding than the first block");
}

#[test]
fn blocks_without_samples_are_refused() {
    let [mut world, _] = World::all();
    world.samples = 0;
    let error = world.run(&recipe("perp", 1, "scope=blocks steps=2")).unwrap_err();
    assert!(matches!(error, MethodError::NoSamples | MethodError::NoTask), "{error}");
}
