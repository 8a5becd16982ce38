//! Which weights go: beside PyTorch's own pruning and the reference formulas of ERK, LAMP, Wanda's rows and N:M.

use pollster::block_on;
use secateur_exec::{Calibration, Compute, Params, Silent};
use secateur_graph::groups::Vocabulary;
use secateur_graph::ops::{Conv2d, Flatten, Input, Linear, MaxPool2d};
use secateur_graph::{Builder, Graph};
use secateur_methods::{Cache, Lab, Unwatched, find};
use secateur_protocol::{DeviceChoice, Recipe, Value};
use secateur_tests::Golden;

const TENSORS: [&str; 4] = ["conv1", "conv2", "fc1", "fc2"];

/// The net that golden/selection.py takes its shapes from.
fn net() -> Graph {
    let conv = |inputs, outputs| Conv2d { inputs, outputs, kernel: 5, stride: 1, padding: 0, groups: 1, bias: false };
    let linear = |inputs, outputs| Linear::new(inputs, outputs, false);
    let mut g = Builder::default();
    let build = |g: &mut Builder| {
        let x = g.add("image", Input::new(&[1, 16, 16]), &[])?;
        let x = g.add("conv1", conv(1, 6), &[x])?;
        let x = g.add("pool1", MaxPool2d::tiled(2), &[x])?;
        let x = g.add("conv2", conv(6, 16), &[x])?;
        let x = g.add("flatten", Flatten, &[x])?;
        let x = g.add("fc1", linear(64, 120), &[x])?;
        g.add("fc2", linear(120, 10), &[x])
    };
    let output = build(&mut g).unwrap();
    g.finish(output)
}

/// 0/1 masks of the four tensors by magnitude.
fn masks(golden: &Golden, settings: &[(&str, Value)]) -> Vec<Vec<u8>> {
    let graph = net();
    let ids = TENSORS.map(|name| graph.find_param(&format!("{name}.weight")).unwrap());
    let values = settings.iter().map(|(key, value)| (key.to_string(), value.clone())).collect();
    let recipe = Recipe { method: "magnitude".into(), values, seed: 0 };
    block_on(async {
        let compute = Compute::open(DeviceChoice::Cpu).await.unwrap();
        let mut params = Params::empty(&graph);
        for (name, id) in TENSORS.iter().zip(ids) {
            params.upload(&compute, &graph, id, golden.f32(&format!("weight.{name}")).1).unwrap();
        }
        let mut cache = Cache::default();
        let mut lab = Lab {
            compute: &compute,
            graph: &graph,
            params: &params,
            calibration: Calibration { inputs: &[], samples: 0 },
            vocabulary: &Vocabulary::default(),
            task: None,
            checkpoints: &[],
            meter: &Silent,
            watch: &Unwatched,
            now_ms: &|| 0.0,
            cache: &mut cache,
        };
        let outcome = find("magnitude").unwrap().run(&mut lab, &recipe).await.unwrap();
        ids.map(|id| outcome.masks.get(id).unwrap())
            .map(|mask| (0..mask.len()).map(|at| u8::from(mask.is_kept(at))).collect())
            .to_vec()
    })
}

fn unstructured(golden: &Golden, allocation: &str, percent: u32) -> Vec<Vec<u8>> {
    let sparsity = f64::from(percent) / 100.0;
    masks(golden, &[("allocation", Value::Text(allocation.into())), ("sparsity", Value::Number(sparsity))])
}

fn differing(want: &[u8], got: &[u8]) -> Vec<usize> {
    assert_eq!(want.len(), got.len());
    (0..want.len()).filter(|at| want[*at] != got[*at]).collect()
}

#[test]
fn unstructured_masks_are_the_references() {
    let golden = Golden::open("selection.safetensors");
    for allocation in ["uniform", "row", "global", "lamp"] {
        for percent in [30, 80, 94] {
            for (name, got) in TENSORS.iter().zip(unstructured(&golden, allocation, percent)) {
                let key = format!("{allocation}.{percent}.{name}");
                assert_eq!(differing(&golden.u8(&key), &got), [0usize; 0], "{key}");
            }
        }
    }
}

/// The reference leaves the counts as fractions; rounding them to the asked-for total moves a count by one at most.
#[test]
fn erk_masks_are_the_reference_but_for_rounding() {
    let golden = Golden::open("selection.safetensors");
    for percent in [30, 80, 94] {
        for (name, got) in TENSORS.iter().zip(unstructured(&golden, "erk", percent)) {
            let key = format!("erk.{percent}.{name}");
            assert!(differing(&golden.u8(&key), &got).len() <= 1, "{key}");
        }
    }
}

#[test]
fn n_of_m_masks_are_the_references() {
    let golden = Golden::open("selection.safetensors");
    for (n, m) in [(2, 4), (1, 4), (3, 16)] {
        let settings = [
            ("pattern", Value::Text("n:m".into())),
            ("n", Value::Number(f64::from(n))),
            ("m", Value::Number(f64::from(m))),
        ];
        for (name, got) in TENSORS.iter().zip(masks(&golden, &settings)) {
            let key = format!("{n}of{m}.{name}");
            assert_eq!(differing(&golden.u8(&key), &got), [0usize; 0], "{key}");
        }
    }
}
