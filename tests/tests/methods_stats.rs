//! Scores, masks and updates of methods on a small model beside golden/methods_stats.py, which follows the authors' code.

use std::collections::BTreeMap;

use pollster::block_on;
use secateur_exec::train::{Classes, Course, Samples, Task};
use secateur_exec::{Calibration, Compute, Params, Silent};
use secateur_graph::groups::Vocabulary;
use secateur_graph::{Builder, Graph, NodeId, ops};
use secateur_methods::{Cache, Lab, Outcome, Unwatched, find};
use secateur_protocol::{Recipe, Value};
use secateur_tests::{Golden, assert_close_relative};

const LAYERS: [&str; 3] = ["first", "second", "head"];

struct World {
    graph: Graph,
    compute: Compute,
    params: Params,
    golden: Golden,
    inputs: Vec<f32>,
    labels: Vec<u8>,
}

impl World {
    /// `start`: what the names of weights and inputs begin with in the golden file.
    fn new(graph: Graph, start: &str) -> Self {
        let (golden, compute) = (Golden::open("methods_stats.safetensors"), Compute::cpu(String::new()));
        let mut params = Params::empty(&graph);
        for id in graph.param_ids() {
            let name = format!("{start}{}", graph.param(id).name);
            params.upload(&compute, &graph, id, golden.f32(&name).1).unwrap();
        }
        let (shape, inputs) = golden.f32(&format!("{start}inputs"));
        let classes = graph.node(graph.output()).shape[0];
        let labels = (0..shape[0]).map(|at| (at % classes) as u8).collect();
        Self { graph, compute, params, golden, inputs, labels }
    }

    fn run(&self, method: &str, settings: &str) -> Outcome {
        let card = find(method).unwrap().card();
        let pairs = settings.split_whitespace().filter_map(|pair| pair.split_once('='));
        let values = pairs.map(|(key, value)| (key.into(), Value::Text(value.into()))).collect();
        let recipe = Recipe::new(&card, values, 0).unwrap();
        let samples = Samples { inputs: &self.inputs, labels: &self.labels };
        let course = || -> Box<dyn Course + '_> {
            Box::new(Classes { samples, batch: 1, label_smoothing: 0.0, augment: None, seed: 0 })
        };
        let count = self.labels.len();
        let task = Task {
            lessons: course(),
            samples: course(),
            sample_count: count as u64,
            exam: course(),
            exam_count: count as u64,
            drawing: None,
        };
        let mut lab = Lab {
            compute: &self.compute,
            graph: &self.graph,
            params: &self.params,
            calibration: Calibration { inputs: &self.inputs, samples: count },
            vocabulary: &Vocabulary::default(),
            task: Some(&task),
            checkpoints: &[],
            meter: &Silent,
            watch: &Unwatched,
            now_ms: &|| 0.0,
            cache: &mut Cache::default(),
        };
        block_on(find(method).unwrap().run(&mut lab, &recipe)).unwrap()
    }

    fn scores(&self, outcome: &Outcome, layer: &str) -> Vec<f32> {
        let id = self.graph.find_param(&format!("{layer}.weight")).unwrap();
        block_on(outcome.scores.of(&self.compute, &self.graph, &self.params, id)).unwrap()
    }

    /// A parameter as a method leaves it, masks applied.
    fn left(&self, outcome: &Outcome, name: &str) -> Vec<f32> {
        let id = self.graph.find_param(name).unwrap();
        let changed = outcome.params.as_ref().and_then(|params| params.get(&self.graph, id).ok());
        let value = changed.unwrap_or(self.params.get(&self.graph, id).unwrap());
        let mut params = self.params.with(&BTreeMap::from([(id, value.clone())]));
        params = params.masked(&self.compute, &self.graph, &outcome.masks).unwrap();
        block_on(params.read(&self.graph, id)).unwrap()
    }
}

/// 150 -> 20 -> 10 -> 4 with ReLU between them, each layer a block; the first is wider than a sweep's block of columns.
fn mlp() -> World {
    let mut g = Builder::default();
    let x = g.add("features", ops::Input::new(&[150]), &[]).unwrap();
    let x = g.add("first", ops::Linear::new(150, 20, true), &[x]).unwrap();
    let x = g.add("relu1", ops::Activation::Relu, &[x]).unwrap();
    g.block();
    let x = g.add("second", ops::Linear::new(20, 10, true), &[x]).unwrap();
    let x = g.add("relu2", ops::Activation::Relu, &[x]).unwrap();
    g.block();
    let x = g.add("head", ops::Linear::new(10, 4, true), &[x]).unwrap();
    World::new(g.finish(x), "")
}

/// Two heads on five tokens, of which the first is classified.
fn attention() -> World {
    let mut g = Builder::default();
    let x = g.add("tokens", ops::Input::new(&[5, 8]), &[]).unwrap();
    let linear = |g: &mut Builder, name: &str, outputs: usize, x: NodeId| {
        g.add(name, ops::Linear::new(8, outputs, false), &[x]).unwrap()
    };
    let [q, k, v] = ["query", "key", "value"].map(|name| linear(&mut g, name, 8, x));
    let x = g.add("attention", ops::Attention::full(2, 4), &[q, k, v]).unwrap();
    let x = linear(&mut g, "output", 8, x);
    let x = g.add("first", ops::SelectToken { index: 0 }, &[x]).unwrap();
    let x = linear(&mut g, "classes", 3, x);
    World::new(g.finish(x), "attention.")
}

#[test]
fn scores_are_the_references() {
    let world = mlp();
    let cases = [
        ("wanda", "statistics=dense", "wanda", 1e-5),
        ("gblm", "statistics=dense alpha=3 gradient=l1", "gblm.l1", 1e-4),
        ("gblm", "statistics=dense alpha=3 gradient=l2", "gblm.l2", 1e-4),
        ("taylor", "order=fisher", "taylor.fisher", 1e-4),
        ("taylor", "order=magnitudes", "taylor.magnitudes", 1e-4),
        ("taylor", "order=mean", "taylor.mean", 1e-3),
        ("taylor", "order=mixed", "taylor.mixed", 1e-3),
        ("flap", "pattern=unstructured statistics=dense", "flap", 1e-4),
        ("lrp", "pattern=unstructured", "lrp", 1e-4),
    ];
    for (method, settings, golden, tolerance) in cases {
        let outcome = world.run(method, settings);
        for layer in LAYERS.into_iter().filter(|layer| golden != "flap" || *layer != "first") {
            let want = world.golden.f32(&format!("{golden}.{layer}")).1;
            // Rounding counts as a share of the layer's largest score.
            let largest = want.iter().fold(0.0_f32, |a, b| a.max(*b));
            let floor = |scores: Vec<f32>| scores.into_iter().map(|score| score + largest * 1e-2).collect::<Vec<_>>();
            assert_close_relative(&floor(want), &floor(world.scores(&outcome, layer)), tolerance);
        }
    }
}

#[test]
fn sparsegpt_prunes_and_updates_as_its_authors_do() {
    let world = mlp();
    for (settings, golden) in [("sparsity=0.5", "sparsegpt"), ("pattern=n:m n=1 m=2", "sparsegpt.1:2")] {
        let outcome = world.run("sparsegpt", settings);
        for layer in LAYERS {
            let name = format!("{layer}.weight");
            let mask = outcome.masks.get(world.graph.find_param(&name).unwrap()).unwrap();
            let want = world.golden.f32(&format!("{golden}.{layer}.kept")).1;
            let differing: Vec<usize> = (0..mask.len()).filter(|at| mask.is_kept(*at) != (want[*at] == 1.0)).collect();
            assert_eq!(differing, [0usize; 0], "{golden} {layer}: entries where the masks differ");
            let want = world.golden.f32(&format!("{golden}.{layer}.weight")).1;
            for (at, (want, got)) in want.iter().zip(world.left(&outcome, &name)).enumerate() {
                assert!((want - got).abs() < 1e-3 * want.abs().max(0.01), "{golden} {layer} {at}: {want} {got}");
            }
        }
    }
}

#[test]
fn flap_chooses_and_compensates_as_its_authors_do() {
    let world = mlp();
    let outcome = world.run("flap", "units=neurons sparsity=0.4");
    for (group, layer) in [(0, "second"), (1, "head")] {
        let want = world.golden.f32(&format!("flap.gone.{group}")).1;
        let got: Vec<f32> = outcome.removal.get(&group).into_iter().flatten().map(|unit| *unit as f32).collect();
        assert_eq!(want, got, "units of group {group} that go");
        let (want, got) =
            (world.golden.f32(&format!("flap.{layer}.bias")).1, world.left(&outcome, &format!("{layer}.bias")));
        let gone = outcome.removal.get(&1).filter(|_| layer == "second");
        for (at, (want, got)) in want.iter().zip(got).enumerate() {
            let want = if gone.is_some_and(|gone| gone.contains(&(at as u32))) { 0.0 } else { *want };
            assert!((want - got).abs() < 1e-4 * want.abs().max(0.1), "{layer} {at}: {want} {got}");
        }
    }
}

#[test]
fn obspa_fits_what_stays_as_least_squares_do() {
    let world = mlp();
    let outcome = world.run("obspa", "sparsity=0 remove=0:1,4,13;1:0,7");
    let outcome_scores = world.run("obspa", "pattern=unstructured statistics=dense compensation=none");
    let want = world.golden.f32("obspa.first.scores").1;
    assert_close_relative(&want, &world.scores(&outcome_scores, "first"), 1e-3);
    for layer in ["second", "head"] {
        let want = world.golden.f32(&format!("obspa.{layer}")).1;
        let got = world.left(&outcome, &format!("{layer}.weight"));
        let cols = if layer == "second" { 20 } else { 10 };
        for (at, (want, got)) in want.iter().zip(got).enumerate() {
            // The second layer's own units go too, after they were fitted.
            let want = if layer == "second" && [0, 7].contains(&(at / cols)) { 0.0 } else { *want };
            assert!((want - got).abs() < 1e-4 * want.abs().max(0.1), "{layer} {at}: {want} {got}");
        }
    }
}

#[test]
fn gates_slopes_are_the_references() {
    let world = mlp();
    // Units go by rising score: the order in which they go is the reference's.
    for group in 0..2 {
        let want = world.golden.f32(&format!("taylor.gates.{group}")).1;
        let mut order: Vec<u32> = (0..want.len() as u32).collect();
        order.sort_by(|a, b| want[*a as usize].total_cmp(&want[*b as usize]));
        for count in 1..want.len() {
            let outcome = world.run("taylor", &format!("pattern=unit units=neurons sparsity=0 counts={group}:{count}"));
            let mut lowest = order[..count].to_vec();
            lowest.sort_unstable();
            assert_eq!(outcome.removal[&group], lowest);
        }
    }
}

#[test]
fn relevance_goes_through_attention_by_its_rules() {
    let world = attention();
    let outcome = world.run("lrp", "pattern=unstructured");
    for layer in ["query", "key", "value", "output", "classes"] {
        let want = world.golden.f32(&format!("attention.{layer}.relevance")).1;
        let got = world.scores(&outcome, layer);
        for (at, (want, got)) in want.iter().zip(got).enumerate() {
            assert!((want.abs() - got).abs() < 1e-4 * want.abs().max(0.1), "{layer} {at}: {want} {got}");
        }
    }
}
