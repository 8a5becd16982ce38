use std::collections::BTreeMap;

use secateur_graph::{Builder, Graph, Mask, Masks, ops};

use super::{cpu, numbers, random_params, read, tiny_cnn, tiny_vit};
use crate::{
    Calibration, Change, ExecError, Gather, Gathered, Grams, MeanVariance, Moments, Params, Silent, Squares, Sums,
    Value, batch_norms, calibrate, logits, shared_inputs,
};

const SAMPLES: usize = 70;

/// Prunes every second entry of whatever it is shown and remembers what that was.
fn run(graph: &Graph, params: &Params, inputs: &[f32], sequential: bool) -> (Masks, Vec<(u32, Sums)>) {
    let calibration = Calibration { inputs, samples: SAMPLES };
    let mut seen = Vec::new();
    let change = pollster::block_on(calibrate::<Squares, ExecError>(
        &cpu(),
        graph,
        params,
        calibration,
        sequential,
        &Silent,
        async |block, sums| {
            seen.push((block, sums.clone()));
            let mut masks = Masks::default();
            for id in sums.keys() {
                let len = graph.param(*id).len();
                masks.set(graph, *id, Mask::from_kept((0..len).map(|at| at % 2 == 0)))?;
            }
            Ok(masks.into())
        },
    ))
    .unwrap();
    (change.masks, seen)
}

fn close(got: &[f32], want: &[f32]) {
    assert_eq!(got.len(), want.len());
    for (at, (got, want)) in got.iter().zip(want).enumerate() {
        assert!((got - want).abs() <= 1e-4 * want.abs().max(1e-3), "column {at}: wanted {want}, got {got}");
    }
}

/// Sum of squares that each entry of a 3x3 kernel with padding 1 meets on pictures of 6 x 6.
fn unfolded(inputs: &[f32]) -> Vec<f32> {
    let mut sums = vec![0.0; 9];
    for picture in inputs.chunks(36) {
        for (row, col, k) in (0..6).flat_map(|r| (0..6).flat_map(move |c| (0..9).map(move |k| (r, c, k)))) {
            let (r, c) = ((row + k / 3) as isize - 1, (col + k % 3) as isize - 1);
            if (0..6).contains(&r) && (0..6).contains(&c) {
                sums[k] += picture[r as usize * 6 + c as usize].powi(2);
            }
        }
    }
    sums
}

/// What reaches `fc`, by hand: convolution, ReLU, pool.
fn features(params: &Params, graph: &Graph, inputs: &[f32]) -> Vec<f32> {
    let mut probe = graph.clone();
    let flat = probe.nodes.iter().position(|node| node.name == "flat").unwrap();
    probe.outputs[0].node = secateur_graph::NodeId(flat as u32);
    probe.nodes.truncate(flat + 1);
    pollster::block_on(logits(&cpu(), &probe, params, inputs, SAMPLES)).unwrap()
}

fn columns(rows: &[f32], cols: usize) -> Vec<f32> {
    (0..cols).map(|col| rows.iter().skip(col).step_by(cols).map(|x| x * x).sum()).collect()
}

#[test]
fn sums_equal_the_naive_ones_and_later_blocks_see_the_cut() {
    let graph = tiny_cnn();
    let params = random_params(&graph);
    let inputs = numbers(SAMPLES * 36, "input");
    let [conv, fc] = ["conv.weight", "fc.weight"].map(|name| graph.find_param(name).unwrap());
    let (masks, seen) = run(&graph, &params, &inputs, true);
    assert_eq!(seen.iter().map(|(block, _)| *block).collect::<Vec<_>>(), [1, 2]);
    close(&seen[0].1[&conv], &unfolded(&inputs));
    let pruned = params.masked(&cpu(), &graph, &masks).unwrap();
    assert_eq!(read(&pruned, &graph, "conv.weight")[1], 0.0);
    let after_cut = columns(&features(&pruned, &graph, &inputs), 36);
    close(&seen[1].1[&fc], &after_cut);

    let (same_masks, dense) = run(&graph, &params, &inputs, false);
    assert_eq!(masks, same_masks);
    let untouched = columns(&features(&params, &graph, &inputs), 36);
    close(&dense[1].1[&fc], &untouched);
    assert!(untouched.iter().zip(&after_cut).any(|(a, b)| (a - b).abs() > 0.1 * a), "the cut changed nothing");
}

#[test]
fn a_failing_visitor_ends_it() {
    let graph = tiny_cnn();
    let inputs = numbers(SAMPLES * 36, "input");
    let ended = pollster::block_on(calibrate::<Squares, _>(
        &cpu(),
        &graph,
        &random_params(&graph),
        Calibration { inputs: &inputs, samples: SAMPLES },
        true,
        &Silent,
        async |_, _| Err(ExecError::Device("no".into())),
    ));
    assert_eq!(ended.unwrap_err(), ExecError::Device("no".into()));
}

/// Two tokens of a language model with a head of its own, or with its embedding's matrix.
fn text_model(tied: bool) -> Graph {
    let mut g = Builder::default();
    let tokens = g.add("tokens", ops::Input::new(&[2]), &[]).unwrap();
    let embedding = g.add("embed", ops::Embedding { entries: 5, features: 4 }, &[tokens]).unwrap();
    let x = g.add("up", ops::Linear::new(4, 3, false), &[embedding]).unwrap();
    let x = g.add("down", ops::Linear::new(3, 4, false), &[x]).unwrap();
    g.block();
    let head = ops::Linear::new(4, 5, false);
    let logits = if tied { g.tie("head", head, &[x], embedding) } else { g.add("head", head, &[x]) }.unwrap();
    g.finish(logits)
}

/// Answers are nobody's business here, and they would be the largest value of all.
#[test]
fn a_head_is_measured_but_not_run() {
    let (own, tied) = (text_model(false), text_model(true));
    let inputs: Vec<f32> = (0..2 * SAMPLES).map(|at| (at % 5) as f32).collect();
    let seen = |graph: &Graph, params: &Params| run(graph, params, &inputs, false).1;
    let mut params = random_params(&own);
    let whole = seen(&own, &params);
    assert_eq!(whole.iter().map(|(_, sums)| sums.len()).collect::<Vec<_>>(), [2, 1]);
    assert_eq!(seen(&tied, &random_params(&tied)), whole[..1], "the embedding is no prunable weight");
    params.values[own.find_param("head.weight").unwrap().0 as usize] = None;
    assert_eq!(seen(&own, &params).len(), 2);
}

#[test]
fn many_samples_do_not_round_each_other_away() {
    const SAMPLES: usize = 50_000;
    let mut g = Builder::default();
    let x = g.add("features", ops::Input::new(&[2]), &[]).unwrap();
    let x = g.add("fc", ops::Linear::new(2, 1, false), &[x]).unwrap();
    let graph = g.finish(x);
    let inputs = numbers(2 * SAMPLES, "input");
    let calibration = Calibration { inputs: &inputs, samples: SAMPLES };
    let mut got = Vec::new();
    let visit = async |_, sums: &Sums| -> Result<Change, ExecError> {
        got = sums.values().next().unwrap().clone();
        Ok(Change::default())
    };
    let params = random_params(&graph);
    pollster::block_on(calibrate::<Squares, _>(&cpu(), &graph, &params, calibration, false, &Silent, visit)).unwrap();
    for (col, got) in got.iter().enumerate() {
        let want: f64 = inputs.iter().skip(col).step_by(2).map(|x| f64::from(*x).powi(2)).sum();
        assert!((f64::from(*got) / want - 1.0).abs() < 2e-7, "column {col}: wanted {want}, got {got}");
    }
}

/// All of the dense model's statistics.
fn gathered<G: Gather>(graph: &Graph, params: &Params, inputs: &[f32]) -> Gathered<G> {
    let mut all = BTreeMap::new();
    let calibration = Calibration { inputs, samples: SAMPLES };
    let visit = async |_, found: &Gathered<G>| -> Result<Change, ExecError> {
        all.extend(found.iter().map(|(id, of)| (*id, of.clone())));
        Ok(Change::default())
    };
    pollster::block_on(calibrate::<G, _>(&cpu(), graph, params, calibration, false, &Silent, visit)).unwrap();
    all
}

/// The diagonal of XᵀX is the sum of squares, and so are mean and variance put together; columns of a convolution stand
/// in the same order in all three.
#[test]
fn squares_moments_and_products_tell_the_same() {
    let graph = tiny_cnn();
    let params = random_params(&graph);
    let inputs = numbers(SAMPLES * 36, "input");
    let squares = gathered::<Squares>(&graph, &params, &inputs);
    let moments = gathered::<Moments>(&graph, &params, &inputs);
    let grams = gathered::<Grams>(&graph, &params, &inputs);
    for (name, places) in [("conv.weight", 36), ("fc.weight", 1)] {
        let id = graph.find_param(name).unwrap();
        let rows = (places * SAMPLES) as f32;
        let MeanVariance { mean, variance } = &moments[&id];
        let of_moments: Vec<f32> =
            mean.iter().zip(variance).map(|(mean, variance)| variance * (rows - 1.0) + mean * mean * rows).collect();
        close(&of_moments, &squares[&id]);
        let gram = pollster::block_on(Value::R2(grams[&id].0.clone()).read()).unwrap();
        let columns = squares[&id].len();
        let diagonal: Vec<f32> = gram.iter().step_by(columns + 1).copied().collect();
        close(&diagonal, &squares[&id]);
        for at in 0..columns * columns {
            assert_eq!(gram[at], gram[at % columns * columns + at / columns], "XᵀX is symmetric");
        }
    }
}

#[test]
fn those_who_read_the_same_share_what_is_gathered() {
    let graph = tiny_vit();
    let shared = shared_inputs(&graph);
    let [query, key, value, output] =
        ["query", "key", "value", "output"].map(|name| graph.find_param(&format!("{name}.weight")).unwrap());
    assert_eq!([shared[&query], shared[&key], shared[&value], shared[&output]], [query, query, query, output]);
}

#[test]
fn later_blocks_see_changed_numbers() {
    let graph = tiny_cnn();
    let (params, inputs) = (random_params(&graph), numbers(SAMPLES * 36, "input"));
    let [conv, fc] = ["conv.weight", "fc.weight"].map(|name| graph.find_param(name).unwrap());
    let mut seen = Vec::new();
    let visit = async |_, sums: &Sums| -> Result<Change, ExecError> {
        seen.extend(sums.get(&fc).cloned());
        let doubled = read(&params, &graph, "conv.weight").iter().map(|w| 2.0 * w).collect();
        let value = Value::upload(&cpu(), &graph.param(conv).shape(), doubled)?;
        Ok(Change { values: BTreeMap::from([(conv, value)]), ..Change::default() })
    };
    let calibration = Calibration { inputs: &inputs, samples: SAMPLES };
    let change =
        pollster::block_on(calibrate::<Squares, _>(&cpu(), &graph, &params, calibration, true, &Silent, visit));
    let changed = change.unwrap().of(&cpu(), &graph, &params).unwrap();
    close(&seen[0], &columns(&features(&changed, &graph, &inputs), 36));
}

/// Whatever they remembered, afterwards norms give what their scale and shift say: their own mean and variance.
#[test]
fn batch_norms_remember_what_they_see() {
    let mut g = Builder::default();
    let conv = |inputs| ops::Conv2d { inputs, outputs: 3, kernel: 3, stride: 1, padding: 1, groups: 1, bias: true };
    let norm = || ops::BatchNorm { channels: 3, eps: 1e-5 };
    let x = g.add("image", ops::Input::new(&[1, 6, 6]), &[]).unwrap();
    let x = g.add("conv1", conv(1), &[x]).unwrap();
    let x = g.add("norm1", norm(), &[x]).unwrap();
    let x = g.add("relu", ops::Activation::Relu, &[x]).unwrap();
    let x = g.add("conv2", conv(3), &[x]).unwrap();
    let x = g.add("norm2", norm(), &[x]).unwrap();
    let graph = g.finish(x);
    let (mut params, inputs) = (random_params(&graph), numbers(SAMPLES * 36, "input"));
    for id in graph.param_ids().filter(|id| graph.param(*id).role == secateur_graph::Role::Statistic) {
        params.upload(&cpu(), &graph, id, vec![2.0; 3]).unwrap();
    }
    let calibration = Calibration { inputs: &inputs, samples: SAMPLES };
    let remembered = pollster::block_on(batch_norms(&cpu(), &graph, &params, calibration, &Silent)).unwrap();
    assert_eq!(remembered.len(), 4);
    let params = params.with(&remembered);
    let answers = pollster::block_on(logits(&cpu(), &graph, &params, &inputs, SAMPLES)).unwrap();
    let (scale, shift) = (read(&params, &graph, "norm2.weight"), read(&params, &graph, "norm2.bias"));
    for channel in 0..3 {
        let of: Vec<f32> = answers.chunks(36).skip(channel).step_by(3).flatten().copied().collect();
        let mean = of.iter().sum::<f32>() / of.len() as f32;
        let variance = of.iter().map(|x| (x - mean).powi(2)).sum::<f32>() / of.len() as f32;
        // Variances are counted with one input less, and with a little more that keeps norms from dividing by nothing.
        let (wanted, spread) = (shift[channel], scale[channel].powi(2));
        assert!(
            (mean - wanted).abs() < 1e-3 && (variance / spread - 1.0).abs() < 2e-3,
            "{mean} {wanted}, {variance} {spread}"
        );
    }
}
