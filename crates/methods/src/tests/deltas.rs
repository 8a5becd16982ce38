//! DARE, TIES and DAREx: what is left of the difference between two checkpoints.

use secateur_exec::Params;
use secateur_exec::rng::Rng;
use secateur_graph::ParamId;

use super::world::{World, recipe};
use crate::{MethodError, Outcome};

/// A world whose model was fine-tuned: its base is a little off everywhere.
fn tuned(size: f32) -> World {
    let [mut world, _] = World::all();
    world.checkpoints = vec![shifted(&world, size, 1)];
    world
}

fn shifted(world: &World, size: f32, seed: u64) -> Params {
    let mut params = world.params.clone();
    for id in world.graph.param_ids() {
        let name = &world.graph.param(id).name;
        let mut rng = Rng::keyed(seed, "test-base", 0, name);
        let values = numbers(world, &world.params, id).into_iter().map(|value| value + size * rng.normal());
        params.upload(&world.compute, &world.graph, id, values.collect()).unwrap();
    }
    params
}

fn numbers(world: &World, params: &Params, id: ParamId) -> Vec<f32> {
    pollster::block_on(params.read(&world.graph, id)).unwrap()
}

/// (base, fine, what came out) of a parameter.
fn three(world: &World, outcome: &Outcome, name: &str) -> [Vec<f32>; 3] {
    let id = world.graph.find_param(name).unwrap();
    let changed = outcome.params.as_ref().unwrap();
    [&world.checkpoints[0], &world.params, changed].map(|params| numbers(world, params, id))
}

const WEIGHT: &str = "layer.0.up.weight";

#[test]
fn what_is_dropped_is_the_bases_and_the_rest_is_scaled() {
    let mut world = tuned(0.01);
    for (method, settings, q) in [
        ("dare-ties", "p=0.8", 0.2),
        ("dare-ties", "p=0.8 rescale=no", 1.0),
        ("darex", "p=0.8 q=dare", 0.2),
        ("dare-ties", "p=0.8 drop=magnitude", 0.2),
        ("darex", "p=0.8 q=dare criterion=magnitude", 0.2),
    ] {
        let outcome = world.run(&recipe(method, 3, settings)).unwrap();
        let [base, fine, got] = three(&world, &outcome, WEIGHT);
        let stays: Vec<bool> = base.iter().zip(&got).map(|(base, got)| base != got).collect();
        for at in (0..base.len()).filter(|at| stays[*at]) {
            let want = base[at] + (fine[at] - base[at]) / q;
            assert!((got[at] - want).abs() < 1e-5, "{method} {settings}: {} {want}", got[at]);
        }
        let share = stays.iter().filter(|stays| **stays).count() as f64 / stays.len() as f64;
        assert!((share - 0.2).abs() < if settings.contains("magnitude") { 0.002 } else { 0.06 }, "{settings}: {share}");
        assert_eq!(outcome.masks.count_pruned(), 0);
        let again = world.run(&recipe(method, 3, settings)).unwrap();
        assert_eq!(world.told(&outcome), world.told(&again));
        let other = world.run(&recipe(method, 4, settings)).unwrap();
        assert_eq!(
            three(&world, &other, WEIGHT)[2] != got,
            !settings.contains("magnitude"),
            "{settings}: chance is the seed's"
        );
    }
}

#[test]
fn the_mean_over_many_draws_is_the_fine_tuned_model() {
    let mut world = tuned(0.1);
    let mut sums = vec![0.0_f64; 512];
    let draws = 120;
    for seed in 0..draws {
        let outcome = world.run(&recipe("dare-ties", seed, "p=0.5")).unwrap();
        let [_, _, got] = three(&world, &outcome, WEIGHT);
        sums.iter_mut().zip(&got).for_each(|(sum, got)| *sum += f64::from(*got));
    }
    let outcome = world.run(&recipe("dare-ties", 0, "p=0")).unwrap();
    let [base, fine, whole] = three(&world, &outcome, WEIGHT);
    assert!(fine.iter().zip(&whole).all(|(a, b)| (a - b).abs() < 1e-6), "nothing is dropped at 0");
    for at in 0..sums.len() {
        let (mean, spread) = (sums[at] / draws as f64, f64::from((fine[at] - base[at]).abs()) / (draws as f64).sqrt());
        assert!((mean - f64::from(fine[at])).abs() < 5.0 * spread + 1e-6, "{at}: {mean} {}", fine[at]);
    }
}

#[test]
fn the_layer_that_answers_and_what_is_not_asked_for_stay() {
    let mut world = tuned(0.01);
    let outcome = world.run(&recipe("dare-ties", 0, "p=0.9")).unwrap();
    let changed = outcome.params.unwrap();
    let has = |world: &World, name: &str| changed.get(&world.graph, world.graph.find_param(name).unwrap()).is_ok();
    assert!(has(&world, WEIGHT) && has(&world, "layer.0.up.bias") && !has(&world, "classifier.weight"));
    let outcome = world.run(&recipe("darex", 0, "q=dare")).unwrap();
    let changed = outcome.params.unwrap();
    assert!(changed.get(&world.graph, world.graph.find_param("layer.0.up.bias").unwrap()).is_err());
    world.checkpoints.clear();
    for method in ["dare-ties", "darex"] {
        let error = world.run(&recipe(method, 0, "")).unwrap_err();
        assert!(matches!(error, MethodError::NoBase), "{error}");
    }
}

#[test]
fn a_tuned_q_loses_no_more_than_dares() {
    let mut world = tuned(0.3);
    for seed in 0..3 {
        let outcome = world.run(&recipe("darex", seed, "p=0.95 q=output")).unwrap();
        let note = outcome.notes.iter().find(|note| note.starts_with("q is")).unwrap();
        let found: Vec<f64> =
            note.split([' ', ',', ';']).filter_map(|word| word.trim_end_matches('.').parse().ok()).collect();
        let [q, best, dares_q, dares] = found[..] else { panic!("{note}") };
        assert!(q >= dares_q && best <= dares, "{note}");
        assert!(q > 1.5 * dares_q, "large changes want less than the mean: {note}");
    }
    let analytic = world.run(&recipe("darex", 0, "p=0.95 q=analytic")).unwrap();
    assert!(analytic.notes.iter().any(|note| note.contains("mean over layers")), "{:?}", analytic.notes);
}

#[test]
fn merging_takes_other_models_and_agrees_on_signs() {
    let mut world = tuned(0.05);
    let other = shifted(&world, 0.05, 2);
    world.checkpoints.push(other);
    let outcome = world.run(&recipe("dare-ties", 0, "drop=none merge=average")).unwrap();
    let [base, fine, got] = three(&world, &outcome, WEIGHT);
    let id = world.graph.find_param(WEIGHT).unwrap();
    let second = numbers(&world, &world.checkpoints[1], id);
    for at in 0..base.len() {
        let want = base[at] + (fine[at] + second[at] - 2.0 * base[at]) / 2.0;
        assert!((got[at] - want).abs() < 1e-6);
    }
    let ties = world.run(&recipe("dare-ties", 0, "drop=none merge=ties keep=0.2")).unwrap();
    let note = ties.notes.last().unwrap();
    let left: f64 = note.split(' ').next().unwrap().parse().unwrap();
    let all: f64 = note.split(' ').nth(2).unwrap().parse().unwrap();
    assert!(left > 0.2 * all && left <= 0.4 * all + 1.0, "{note}");
}
