//! Changes of masks beside those of tests/golden/sparse.py.

use std::collections::BTreeMap;

use burn::tensor::{Tensor, TensorData};
use secateur_exec::Compute;
use secateur_graph::ops::{Input, Linear};
use secateur_graph::{Builder, Graph, Mask, ParamId};
use serde_json::Value as Json;

use super::select::{lowest, ranked, swap};
use super::{Grow, Spread, Swap};
use crate::parts::allocate::share;
use crate::parts::golden::{self, keep, numbers, tensor};
use crate::parts::schedule::{Ramp, Rise};

/// The golden's weight as the only layer of a model.
struct Golden {
    json: Json,
    graph: Graph,
    id: ParamId,
}

impl Golden {
    fn new() -> Self {
        let json = golden::sparse();
        let [rows, cols] = golden::shape(&json);
        let mut g = Builder::default();
        let x = g.add("x", Input::new(&[cols]), &[]).unwrap();
        let x = g.add("fc", Linear::new(cols, rows, false), &[x]).unwrap();
        let graph = g.finish(x);
        let id = graph.prunable().next().unwrap();
        Self { json, graph, id }
    }

    fn matrix(&self, key: &str) -> Tensor<2> {
        tensor(&self.json[key], golden::shape(&self.json))
    }

    fn lowest(&self, scores: Tensor<2>, sparsity: f64, spread: Spread) -> Mask {
        let masks = pollster::block_on(lowest(&self.graph, BTreeMap::from([(self.id, scores)]), sparsity, spread));
        masks.unwrap().get(self.id).unwrap().clone()
    }

    fn cases(&self, key: &str) -> Vec<Json> {
        self.json[key].as_array().unwrap().clone()
    }
}

#[test]
fn the_cubic_curve_is_that_of_polynomial_decay() {
    let want = numbers(&Golden::new().json["cubic"]);
    let ramp = Ramp { rise: Rise::Cubic, from: 0.1, to: 0.9, begin: 20, end: 120, every: 1 };
    for (at, want) in want.iter().enumerate() {
        let step = 7 * at as u64;
        let found = match step {
            0..20 => 0.1,
            20..=120 => ramp.at(step).unwrap(),
            _ => 0.9,
        };
        assert!((found - f64::from(*want)).abs() < 1e-7, "{step}: {found}, not {want}");
    }
}

#[test]
fn a_gradual_cut_keeps_what_the_reference_keeps() {
    let golden = Golden::new();
    for case in golden.cases("gmp") {
        let sparsity = case["sparsity"].as_f64().unwrap();
        for spread in [Spread::Uniform, Spread::Global, Spread::Erk] {
            let found = golden.lowest(ranked(golden.matrix("weight"), None), sparsity, spread);
            assert!(found == keep(&case["keep"]), "{sparsity} {spread:?}");
        }
    }
}

#[test]
fn a_swap_of_rigl_keeps_what_the_reference_keeps() {
    let (golden, device) = (Golden::new(), Compute::cpu(String::new()));
    let mask = keep(&golden.json["mask"]);
    let kept = Tensor::from_data(TensorData::new(mask.to_f32(), golden::shape(&golden.json)), device.device());
    for case in golden.cases("rigl") {
        let k = (case["share"].as_f64().unwrap() * mask.count_kept() as f64).floor() as usize;
        let weight = golden.matrix("weight") * kept.clone();
        let [without, with] = pollster::block_on(swap(weight, golden.matrix("slope").abs(), &mask, k)).unwrap();
        assert_eq!((without.count_kept() + k, with.count_kept()), (mask.count_kept(), mask.count_kept()));
        assert!(with == keep(&case["keep"]), "{case:?}");
    }
}

#[test]
fn a_step_of_granet_keeps_what_the_reference_keeps() {
    let golden = Golden::new();
    for case in golden.cases("granet") {
        let cut =
            golden.lowest(ranked(golden.matrix("weight"), None), case["sparsity"].as_f64().unwrap(), Spread::Global);
        assert!(cut == keep(&case["cut"]));
        let k = (case["share"].as_f64().unwrap() * cut.count_kept() as f64).ceil() as usize;
        let found = swap(ranked(golden.matrix("weight"), Some(&cut)), golden.matrix("slope").abs(), &cut, k);
        let [without, with] = pollster::block_on(found).unwrap();
        assert!(with == keep(&case["keep"]), "{case:?}");
        let weight = numbers(&golden.json["weight"]);
        let after = (0..weight.len()).map(|at| if without.is_kept(at) { weight[at] } else { 0.0 });
        assert_eq!(after.collect::<Vec<_>>(), numbers(&case["after"]), "what comes back begins at 0");
    }
}

/// The reference drops one weight more than asked; so does this here.
#[test]
fn a_round_of_a_lottery_keeps_what_the_reference_keeps() {
    let golden = Golden::new();
    let mask = keep(&golden.json["mask"]);
    for case in golden.cases("lottery") {
        let gone = mask.count_pruned() + share(case["share"].as_f64().unwrap(), mask.count_kept()) + 1;
        let scores = ranked(golden.matrix("weight"), Some(&mask));
        let found = golden.lowest(scores, gone as f64 / mask.len() as f64, Spread::Global);
        assert!(found == keep(&case["keep"]), "{case:?}");
    }
}

#[test]
fn swaps_come_when_they_should() {
    let swap = Swap {
        grow: Grow::Chance,
        every: 5,
        first: 0.4,
        last: 0.0,
        until: 20,
        round: f64::floor,
        still: false,
        afresh: false,
    };
    let due: Vec<u64> = (0..40).filter(|step| swap.share(*step).is_some()).collect();
    assert_eq!(due, [5, 10, 15]);
    assert!((swap.share(10).unwrap() - 0.2).abs() < 1e-12);
    assert!((0..40).all(|step| Swap { first: 0.0, ..swap }.share(step).is_none()), "nothing is swapped");
    assert!((0..40).all(|step| Swap { until: 0, ..swap }.share(step).is_none()));
}
