use secateur_exec::{Calibration, Change, Silent, Squares, Sums, calibrate};
use secateur_graph::{Builder, Graph, Masks, ops};

use super::world::{SAMPLES, World, recipe};
use crate::{Cache, MethodError};

/// Two layers in a row, each its own block.
fn two_layers() -> Graph {
    let mut g = Builder::default();
    let x = g.add("features", ops::Input::new(&[12]), &[]).unwrap();
    let x = g.add("first", ops::Linear::new(12, 9, false), &[x]).unwrap();
    let x = g.add("relu", ops::Activation::Relu, &[x]).unwrap();
    g.block();
    let x = g.add("second", ops::Linear::new(9, 6, false), &[x]).unwrap();
    g.finish(x)
}

#[test]
fn with_equal_activations_it_is_magnitude_by_row() {
    let mut g = Builder::default();
    let x = g.add("features", ops::Input::new(&[12]), &[]).unwrap();
    let x = g.add("only", ops::Linear::new(12, 9, false), &[x]).unwrap();
    let mut world = World::new(g.finish(x));
    world.inputs.fill(-2.0);
    let masks = |world: &mut World, method| world.run(&recipe(method, 0, "allocation=row")).unwrap().masks;
    assert_eq!(masks(&mut world, "wanda"), masks(&mut world, "magnitude"));
    world.inputs.iter_mut().step_by(12).for_each(|x| *x = 1000.0);
    assert_ne!(masks(&mut world, "wanda"), masks(&mut world, "magnitude"));
}

#[test]
fn scores_and_masks_follow_the_formula() {
    let mut world = World::new(two_layers());
    let id = world.graph.find_param("first.weight").unwrap();
    let weight = pollster::block_on(world.params.read(&world.graph, id)).unwrap();
    let outcome = world.run(&recipe("wanda", 0, "sparsity=0.6")).unwrap();
    let scores = world.scores(&outcome, id);
    for row in 0..9 {
        let score = |col: usize| {
            let squares: f64 = world.inputs.iter().skip(col).step_by(12).map(|x| f64::from(*x).powi(2)).sum();
            f64::from(weight[row * 12 + col]).abs() * (squares / SAMPLES as f64).sqrt()
        };
        let mut order: Vec<usize> = (0..12).collect();
        order.sort_by(|a, b| score(*a).total_cmp(&score(*b)));
        for (rank, col) in order.into_iter().enumerate() {
            let got = f64::from(scores[row * 12 + col]);
            assert!((got / score(col) - 1.0).abs() < 1e-5, "{got} {}", score(col));
            assert_eq!(outcome.masks.get(id).unwrap().is_kept(row * 12 + col), rank >= 7);
        }
    }
}

#[test]
fn later_layers_see_pruned_earlier_ones_unless_told_otherwise() {
    for mut world in World::all().into_iter().chain([World::new(two_layers())]) {
        let pruned = world.run(&recipe("wanda", 0, "sparsity=0.8")).unwrap();
        let dense = world.run(&recipe("wanda", 0, "sparsity=0.8 statistics=dense")).unwrap();
        let first = world.graph.prunable().next().unwrap();
        let [before, untouched] = [&pruned, &dense].map(|outcome| world.scores(outcome, first));
        assert_eq!(before, untouched, "nothing is pruned before the first layer");
        assert_ne!(pruned.masks, dense.masks);
        assert_eq!(pruned.masks.count_pruned(), dense.masks.count_pruned());
    }
}

#[test]
fn statistics_are_those_of_the_model_pruned_so_far() {
    let mut world = World::new(two_layers());
    let outcome = world.run(&recipe("wanda", 0, "sparsity=0.7")).unwrap();
    let [first, second] = ["first.weight", "second.weight"].map(|name| world.graph.find_param(name).unwrap());
    let mut masks = Masks::default();
    masks.set(&world.graph, first, outcome.masks.get(first).unwrap().clone()).unwrap();
    let params = world.params.masked(&world.compute, &world.graph, &masks).unwrap();
    let calibration = Calibration { inputs: &world.inputs, samples: SAMPLES };
    let mut seen = Sums::new();
    let visit = async |_: u32, sums: &Sums| {
        seen.extend(sums.clone());
        Ok::<_, MethodError>(Change::default())
    };
    pollster::block_on(calibrate::<Squares, _>(
        &world.compute,
        &world.graph,
        &params,
        calibration,
        false,
        &Silent,
        visit,
    ))
    .unwrap();
    let weight = pollster::block_on(world.params.read(&world.graph, second)).unwrap();
    for (at, score) in world.scores(&outcome, second).iter().enumerate() {
        let want = weight[at].abs() * (seen[&second][at % 9] / SAMPLES as f32).sqrt();
        assert!((score - want).abs() <= 1e-5 * want, "{at}: {score} {want}");
    }
}

#[test]
fn global_counts_come_from_dense_statistics() {
    let [mut world, _] = World::all();
    let counts = |world: &mut World, settings| {
        let masks = world.run(&recipe("wanda", 0, settings)).unwrap().masks;
        masks.iter().map(|(_, mask)| mask.count_pruned()).collect::<Vec<_>>()
    };
    let pruned = counts(&mut world, "allocation=global sparsity=0.8");
    assert_eq!(pruned, counts(&mut world, "allocation=global sparsity=0.8 statistics=dense"));
    assert_ne!(pruned, counts(&mut world, "allocation=uniform sparsity=0.8"));
}

#[test]
fn fewer_samples_than_asked_are_said_and_none_refused() {
    let [mut world, _] = World::all();
    let said = world.run(&recipe("wanda", 0, "samples=500")).unwrap();
    assert_eq!(said.notes, [format!("Calibrated on all {SAMPLES} samples there are.")]);
    assert_eq!(said.masks, world.run(&recipe("wanda", 0, &format!("samples={SAMPLES}"))).unwrap().masks);
    assert_ne!(said.masks, world.run(&recipe("wanda", 0, "samples=1")).unwrap().masks);
    (world.inputs, world.samples) = (Vec::new(), 0);
    world.cache = Cache::default();
    for settings in ["", "statistics=dense", "allocation=global"] {
        assert!(matches!(world.run(&recipe("wanda", 0, settings)), Err(MethodError::NoSamples)));
    }
    assert!(world.run(&recipe("magnitude", 0, "")).is_ok());
}
