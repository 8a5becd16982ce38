//! EvoPress and FinerCut: budgets that never move, and what a search promises over what it began with.

use secateur_graph::groups::UnitKind;
use secateur_graph::surgery::Statistics;

use super::world::{SAMPLES, World, recipe};
use crate::parts::allocate::share;
use crate::parts::search::{Distance, Judge};
use crate::{MethodError, Outcome};

const QUICK: &str = "generations=6 offspring=5 survivors=2 first=4 last=24";

/// The model that a cut leaves, beside the dense one on all samples.
fn distance(world: &mut World, outcome: &Outcome, distance: Distance) -> f64 {
    world.with_lab(&super::world::Clock::endless(), |lab| {
        let all: Vec<usize> = (0..SAMPLES).collect();
        let groups = lab.graph.groups();
        let surgery = lab.graph.cut(&groups, &outcome.removal, Statistics::Kept).unwrap();
        let changed = outcome.params.iter().flat_map(|params| {
            lab.graph.param_ids().filter_map(|id| Some((id, params.get(lab.graph, id).ok()?.clone())))
        });
        let params = lab.params.with(&changed.collect()).masked(lab.compute, lab.graph, &outcome.masks).unwrap();
        let params = params.cut(lab.compute, &surgery).unwrap();
        let judge = pollster::block_on(Judge::new(lab, lab.params, SAMPLES, distance)).unwrap();
        pollster::block_on(judge.distance(&surgery.graph, &params, &all)).unwrap()
    })
}

#[test]
fn evolution_moves_weights_between_layers_and_never_their_number() {
    for mut world in World::all() {
        let uniform: usize = world.layers().iter().map(|(_, rows, cols)| share(0.7, rows * cols)).sum();
        for compressor in ["magnitude", "wanda", "sparsegpt"] {
            let mut run = |seed, settings: &str| {
                let settings = format!("sparsity=0.7 compressor={compressor} {settings}");
                world.run(&recipe("evopress", seed, &settings)).unwrap()
            };
            let [found, again] = [3, 3].map(|seed| run(seed, QUICK));
            assert_eq!(found.masks.count_pruned(), uniform, "{compressor}");
            assert_eq!((&found.masks, &found.notes), (&again.masks, &again.notes));
            let equal = run(3, "generations=1 offspring=1 levels=1 step=1000000");
            let by_layer =
                |outcome: &Outcome| outcome.masks.iter().map(|(_, mask)| mask.count_pruned()).collect::<Vec<_>>();
            assert_ne!(by_layer(&found), by_layer(&equal), "{compressor}: something moved");
            let [best, start] = [&found, &equal].map(|outcome| distance(&mut world, outcome, Distance::Kl));
            assert!(best < start, "{compressor}: {best} {start}");
        }
    }
}

#[test]
fn evolution_finds_the_best_sub_layers_and_leaves_out_as_many_of_each_sort() {
    let [mut world, mut flat] = World::all();
    let found = world.run(&recipe("evopress", 1, &format!("search=depth sparsity=0.5 {QUICK}"))).unwrap();
    let groups = world.graph.groups();
    let at = groups.iter().position(|group| group.kind == UnitKind::SubLayers).unwrap();
    let name = |unit: &u32| groups[at].skips[*unit as usize].name.split(" of ").next().unwrap().to_string();
    let mut sorts: Vec<String> = found.removal[&at].iter().map(name).collect();
    sorts.sort();
    sorts.dedup();
    assert_eq!((found.removal[&at].len(), sorts.len()), (2, 2), "one attention, one MLP of two each");
    let best = distance(&mut world, &found, Distance::Kl);
    for attention in [0, 2] {
        for mlp in [1, 3] {
            let settings = format!("pattern=unit units=sublayers sparsity=0 remove={at}:{attention},{mlp}");
            let other = world.run(&recipe("magnitude", 0, &settings)).unwrap();
            assert!(distance(&mut world, &other, Distance::Kl) >= best - 1e-9);
        }
    }
    let none = flat.run(&recipe("evopress", 1, "search=depth"));
    assert!(matches!(none, Err(MethodError::NoUnits { .. })), "{none:?}");
}

#[test]
fn the_first_cut_is_the_one_that_costs_least_of_all() {
    let [mut world, _] = World::all();
    let at = world.graph.groups().iter().position(|group| group.kind == UnitKind::SubLayers).unwrap();
    for (word, measure) in [("js", Distance::JensenShannon), ("norm", Distance::Norm), ("angular", Distance::Angle)] {
        let settings = format!("sparsity=0.25 lock=0 samples=24 distance={word}");
        let found = world.run(&recipe("finercut", 0, &settings)).unwrap();
        let mut costs: Vec<f64> = Vec::new();
        for unit in 0..4 {
            let wish = recipe("magnitude", 0, &format!("pattern=unit units=sublayers sparsity=0 remove={at}:{unit}"));
            let outcome = world.run(&wish).unwrap();
            costs.push(distance(&mut world, &outcome, measure));
        }
        let least = (0..4).min_by(|a, b| costs[*a].total_cmp(&costs[*b])).unwrap();
        assert_eq!(found.removal[&at], [least as u32], "{word}: {costs:?}");
    }
}

#[test]
fn greedy_costs_no_more_than_one_shot_and_locked_blocks_stay() {
    let [mut world, mut flat] = World::all();
    let mut cost = |settings: &str| {
        let outcome = world.run(&recipe("finercut", 0, &format!("sparsity=0.75 samples=24 {settings}"))).unwrap();
        let at = *outcome.removal.keys().next().unwrap();
        (outcome.removal[&at].clone(), distance(&mut world, &outcome, Distance::JensenShannon))
    };
    let (greedy, one_shot) = (cost("lock=0"), cost("ranking=one-shot"));
    assert_eq!((greedy.0.len(), one_shot.0.len()), (3, 3));
    assert!(greedy.1 <= one_shot.1, "{greedy:?} {one_shot:?}");
    let mut first = |settings| {
        let outcome = world.run(&recipe("finercut", 0, &format!("sparsity=0.5 {settings}"))).unwrap();
        outcome.removal.values().next().unwrap().clone()
    };
    assert_eq!(first("lock=0.4 samples=24"), [2, 3], "the first block waits until two are gone");
    let none = flat.run(&recipe("finercut", 0, "units=sublayers"));
    assert!(none.unwrap_err().to_string().contains("no sublayers"));
}
