use secateur_graph::{Builder, Graph, Mask, Masks, ops};

use super::{cpu, numbers, random_params, read, tiny_cnn, tiny_vit};
use crate::{ExecError, Params, Silent, logits, logits_of};

/// 4 -> `hidden` -> ReLU -> 2
fn mlp(hidden: usize) -> Graph {
    let mut g = Builder::default();
    let x = g.add("x", ops::Input::new(&[4]), &[]).unwrap();
    let x = g.add("up", ops::Linear::new(4, hidden, true), &[x]).unwrap();
    let x = g.add("relu", ops::Activation::Relu, &[x]).unwrap();
    let x = g.add("down", ops::Linear::new(hidden, 2, false), &[x]).unwrap();
    g.finish(x)
}

#[test]
fn zeroing_a_neurons_outgoing_weights_equals_removing_it() {
    let (graph, small) = (mlp(3), mlp(2));
    let params = random_params(&graph);
    let mut masks = Masks::default();
    let down = graph.find_param("down.weight").unwrap();
    masks.set(&graph, down, Mask::from_kept([true, false, true, true, false, true].into_iter())).unwrap();
    let mut removed = Params::empty(&small);
    let without_1 = |data: Vec<f32>, row: usize, keep: &[usize]| -> Vec<f32> {
        data.chunks(row).enumerate().filter(|(at, _)| keep.contains(at)).flat_map(|(_, row)| row.to_vec()).collect()
    };
    let columns = read(&params, &graph, "down.weight");
    for (name, data) in [
        ("up.weight", without_1(read(&params, &graph, "up.weight"), 4, &[0, 2])),
        ("up.bias", without_1(read(&params, &graph, "up.bias"), 1, &[0, 2])),
        ("down.weight", vec![columns[0], columns[2], columns[3], columns[5]]),
    ] {
        removed.upload(&cpu(), &small, small.find_param(name).unwrap(), data).unwrap();
    }
    let x = numbers(5 * 4, "input");
    let masked = params.masked(&cpu(), &graph, &masks).unwrap();
    let zeroed = pollster::block_on(logits(&cpu(), &graph, &masked, &x, 5)).unwrap();
    let gone = pollster::block_on(logits(&cpu(), &small, &removed, &x, 5)).unwrap();
    for (a, b) in zeroed.iter().zip(&gone) {
        assert!((a - b).abs() < 1e-6, "{a} with zeros, {b} without the neuron");
    }
    let dense = pollster::block_on(logits(&cpu(), &graph, &params, &x, 5)).unwrap();
    assert!(dense.iter().zip(&zeroed).any(|(a, b)| (a - b).abs() > 1e-3), "the neuron did nothing anyway");
}

#[test]
fn masked_entries_are_plain_zero_and_the_rest_is_untouched() {
    let graph = tiny_cnn();
    let params = random_params(&graph);
    let mut masks = Masks::default();
    let conv = graph.find_param("conv.weight").unwrap();
    masks.set(&graph, conv, Mask::from_kept((0..36).map(|at| at % 3 != 0))).unwrap();
    let masked = params.masked(&cpu(), &graph, &masks).unwrap();
    let (dense, cut) = (read(&params, &graph, "conv.weight"), read(&masked, &graph, "conv.weight"));
    for at in 0..36 {
        let want = if at % 3 == 0 { 0.0f32 } else { dense[at] };
        assert_eq!(cut[at].to_bits(), want.to_bits(), "entry {at}");
    }
    assert_eq!(read(&params, &graph, "fc.weight"), read(&masked, &graph, "fc.weight"));
}

#[test]
fn batches_do_not_change_answers() {
    let graph = tiny_vit();
    let params = random_params(&graph);
    let samples = 70;
    let x = numbers(samples * 32, "input");
    let all = pollster::block_on(logits_of(&cpu(), &graph, &params, &x, samples, &Silent)).unwrap();
    assert_eq!(all.len(), samples * 3);
    let last = pollster::block_on(logits(&cpu(), &graph, &params, &x[69 * 32..], 1)).unwrap();
    for (a, b) in all[69 * 3..].iter().zip(&last) {
        assert!((a - b).abs() < 1e-5);
    }
    let none = pollster::block_on(logits_of(&cpu(), &graph, &params, &[], 0, &Silent)).unwrap();
    assert!(none.is_empty());
}

#[test]
fn wrong_sizes_are_refused() {
    let graph = tiny_cnn();
    let mut params = Params::empty(&graph);
    let error = params.upload(&cpu(), &graph, graph.find_param("fc.bias").unwrap(), vec![0.0; 3]).unwrap_err();
    assert_eq!(error.to_string(), "Linear at fc: wanted fc.bias of [2], got 3 numbers");
    let error = pollster::block_on(logits(&cpu(), &graph, &random_params(&graph), &[0.0; 35], 1)).unwrap_err();
    assert!(matches!(error, ExecError::Shape { .. }), "{error}");
}

#[test]
fn a_seed_means_one_start() {
    let graph = tiny_cnn();
    let start = |seed| Params::init(&cpu(), &graph, seed).unwrap();
    assert_eq!(read(&start(1), &graph, "conv.weight"), read(&start(1), &graph, "conv.weight"));
    assert_ne!(read(&start(1), &graph, "conv.weight"), read(&start(2), &graph, "conv.weight"));
    assert_eq!(read(&start(1), &graph, "conv.bias"), [0.0; 4]);
    let vit = tiny_vit();
    let weights = read(&Params::init(&cpu(), &vit, 1).unwrap(), &vit, "up.weight");
    assert!(weights.iter().all(|w| w.abs() <= 0.04) && weights.iter().any(|w| w.abs() > 0.01));
}
