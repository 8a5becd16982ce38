use secateur_graph::{Graph, Mask, Masks};

use super::{cpu, numbers, random_params, read, tiny_cnn};
use crate::{Calibration, ExecError, Params, Silent, Sums, calibrate, logits};

const SAMPLES: usize = 70;

/// Prunes every second entry of whatever it is shown and remembers what that was.
fn run(graph: &Graph, params: &Params, inputs: &[f32], sequential: bool) -> (Masks, Vec<(u32, Sums)>) {
    let calibration = Calibration { inputs, samples: SAMPLES };
    let mut seen = Vec::new();
    let masks = pollster::block_on(calibrate(
        &cpu(),
        graph,
        params,
        calibration,
        sequential,
        &Silent,
        async |block, sums: &Sums| -> Result<Masks, ExecError> {
            seen.push((block, sums.clone()));
            let mut masks = Masks::default();
            for id in sums.keys() {
                let len = graph.param(*id).len();
                masks.set(graph, *id, Mask::from_kept((0..len).map(|at| at % 2 == 0)))?;
            }
            Ok(masks)
        },
    ))
    .unwrap();
    (masks, seen)
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
    let ended = pollster::block_on(calibrate(
        &cpu(),
        &graph,
        &random_params(&graph),
        Calibration { inputs: &inputs, samples: SAMPLES },
        true,
        &Silent,
        async |_, _: &Sums| Err(ExecError::Device("no".into())),
    ));
    assert_eq!(ended, Err(ExecError::Device("no".into())));
}
