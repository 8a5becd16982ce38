use std::cell::Cell;

use pollster::block_on;
use secateur_graph::{Builder, Graph, Mask, Masks, ops};
use secateur_kernels::matmul::pack::Pattern;
use secateur_protocol::Layout;

use super::gpu::gpu;
use super::{cpu, numbers, random_params, tiny_vit};
use crate::packed::Kind;
use crate::{Compute, Crossover, Params, logits};

const WIDTH: usize = 48;

/// Two layers with something between them.
fn two_layers() -> Graph {
    let mut g = Builder::default();
    let x = g.add("x", ops::Input::new(&[WIDTH]), &[]).unwrap();
    let x = g.add("up", ops::Linear::new(WIDTH, WIDTH, true), &[x]).unwrap();
    let x = g.add("relu", ops::Activation::Relu, &[x]).unwrap();
    let x = g.add("down", ops::Linear::new(WIDTH, WIDTH, false), &[x]).unwrap();
    g.finish(x)
}

/// One in eight: of the entries of `up`, and of the blocks of `down`, whose last ones are cut short.
fn masks(graph: &Graph) -> Masks {
    let mut masks = Masks::default();
    let all = 0..WIDTH * WIDTH;
    let block = |at: usize| at / WIDTH / 16 * 3 + at % WIDTH / 16;
    let kept = [all.clone().map(|at| at % 8 == 3).collect::<Vec<_>>(), all.map(|at| block(at) == 5).collect()];
    for (name, kept) in ["up.weight", "down.weight"].into_iter().zip(kept) {
        masks.set(graph, graph.find_param(name).unwrap(), Mask::from_kept(kept.into_iter())).unwrap();
    }
    masks
}

fn answers(compute: &Compute, graph: &Graph, params: &Params, samples: usize) -> Vec<f32> {
    block_on(logits(compute, graph, params, &numbers(samples * WIDTH, "input"), samples)).unwrap()
}

/// What the products of the CPU's layouts cost.
fn costs(blocks: f64, rows: f64) -> Crossover {
    Crossover::of(&[(Kind::HostBlocks, blocks), (Kind::HostRows, rows)])
}

#[test]
fn what_pays_is_taken_and_answers_stay() {
    let graph = two_layers();
    let masks = masks(&graph);
    let masked = random_params(&graph).masked(&cpu(), &graph, &masks).unwrap();
    let [up, down] = ["up.weight", "down.weight"].map(|name| graph.find_param(name).unwrap());
    for (blocks, rows, want) in [
        (1.0, 3.0, [Layout::Rows, Layout::Blocks]), // every block of `up` has something in it
        (1.0, f64::INFINITY, [Layout::Dense, Layout::Blocks]),
        (f64::INFINITY, 3.0, [Layout::Rows, Layout::Rows]),
        (9.0, 9.0, [Layout::Dense, Layout::Dense]),
    ] {
        let compute = cpu().with_crossover(costs(blocks, rows));
        let packed = block_on(masked.packed(&compute, &graph, &masks)).unwrap();
        assert_eq!([packed.layout(up), packed.layout(down)], want, "blocks {blocks}, rows {rows}");
        for samples in [1, 70] {
            let (want, got) =
                (answers(&compute, &graph, &masked, samples), answers(&compute, &graph, &packed, samples));
            assert!(want.iter().zip(&got).all(|(want, got)| (want - got).abs() < 1e-4), "blocks {blocks}, rows {rows}");
        }
    }
}

#[test]
fn convolutions_too() {
    let mut g = Builder::default();
    let x = g.add("x", ops::Input::new(&[3, 12, 9]), &[]).unwrap();
    let x = g.add("first", ops::Conv2d { padding: 1, ..ops::Conv2d::new(3, 32, 3) }, &[x]).unwrap();
    let x = g.add("relu", ops::Activation::Relu, &[x]).unwrap();
    let second = ops::Conv2d { stride: 2, bias: false, ..ops::Conv2d::new(32, 20, 3) };
    let x = g.add("second", second, &[x]).unwrap();
    let x = g.add("groups", ops::Conv2d { groups: 4, ..ops::Conv2d::new(20, 8, 1) }, &[x]).unwrap();
    let graph = g.finish(x);
    let ids = ["first.weight", "second.weight", "groups.weight"].map(|name| graph.find_param(name).unwrap());
    let mut masks = Masks::default();
    let kept: [fn(usize) -> bool; 3] = [|at| at % 8 == 3, |at| at / 288 < 16 && at % 288 < 32, |at| at % 8 == 3];
    for (id, kept) in ids.into_iter().zip(kept) {
        masks.set(&graph, id, Mask::from_kept((0..graph.param(id).len()).map(kept))).unwrap();
    }
    let compute = cpu().with_crossover(costs(1.0, 3.0));
    let dense = random_params(&graph);
    let masked = dense.masked(&compute, &graph, &masks).unwrap();
    let mut packed = block_on(masked.packed(&compute, &graph, &masks)).unwrap();
    assert_eq!(ids.map(|id| packed.layout(id)), [Layout::Rows, Layout::Blocks, Layout::Dense]);
    // Only what is laid out leaves anything out now.
    ids[..2].iter().for_each(|id| packed.values[id.0 as usize] = dense.values[id.0 as usize].clone());
    let given = numbers(4 * 3 * 12 * 9, "input");
    let [want, got] = [&masked, &packed].map(|params| block_on(logits(&compute, &graph, params, &given, 4)).unwrap());
    assert!(want.iter().zip(&got).all(|(want, got)| (want - got).abs() < 1e-4));
}

#[test]
fn on_a_gpu_too() {
    let Some(gpu) = gpu() else { return };
    let graph = two_layers();
    let [up, down] = ["up.weight", "down.weight"].map(|name| graph.find_param(name).unwrap());
    for (kind, layout) in [
        (Kind::Blocks(16), [Layout::Dense, Layout::Blocks]), // `up` has something in every block
        (Kind::Blocks(32), [Layout::Dense; 2]),              // 48 is not made of blocks of 32
        (Kind::NOfM(Pattern::OneOfFour), [Layout::NOfM, Layout::Dense]),
        (Kind::NOfM(Pattern::FourOfEight), [Layout::NOfM, Layout::Dense]),
    ] {
        let gpu = gpu.clone().with_crossover(Crossover::of(&[(kind, 1.0)]));
        let masks = masks(&graph);
        let dense = block_on(random_params(&graph).moved(&gpu, &graph)).unwrap();
        let masked = dense.masked(&gpu, &graph, &masks).unwrap();
        let packed = block_on(masked.packed(&gpu, &graph, &masks)).unwrap();
        assert_eq!([up, down].map(|id| packed.layout(id)), layout, "{kind:?}");
        let (want, got) = (answers(&gpu, &graph, &masked, 5), answers(&gpu, &graph, &packed, 5));
        assert!(want.iter().zip(&got).all(|(want, got)| (want - got).abs() < 1e-4), "{kind:?}");
    }
}

#[test]
fn our_dense_kernel_is_taken_where_it_pays() {
    let Some(gpu) = gpu() else { return };
    let mut crossover = Crossover::default();
    crossover.own_dense = true;
    let own = gpu.clone().with_crossover(crossover);
    for (graph, each) in [(two_layers(), WIDTH), (tiny_vit(), 32)] {
        let params = random_params(&graph);
        let want = block_on(logits(&cpu(), &graph, &params, &numbers(5 * each, "input"), 5)).unwrap();
        let params = block_on(params.moved(&own, &graph)).unwrap();
        assert!(params.own_dense && params.masked(&own, &graph, &Masks::default()).unwrap().own_dense);
        let got = block_on(logits(&own, &graph, &params, &numbers(5 * each, "input"), 5)).unwrap();
        assert!(want.iter().zip(&got).all(|(want, got)| (want - got).abs() < 1e-3 * want.abs().max(1.0)));
    }
}

#[test]
fn whole_weights_and_devices_without_such_products_stay_as_they_are() {
    let graph = two_layers();
    let params = random_params(&graph);
    for (compute, masks) in [(cpu().with_crossover(costs(0.0, 0.0)), Masks::default()), (cpu(), masks(&graph))] {
        let packed = block_on(params.packed(&compute, &graph, &masks)).unwrap();
        assert!(graph.prunable().all(|id| packed.layout(id) == Layout::Dense));
    }
}

/// By a clock that goes faster and faster, what is measured later takes longer.
#[test]
fn what_pays_is_measured() {
    let (now, step) = (Cell::new(0.0), Cell::new(0.0));
    let clock = || {
        step.set(step.get() + 1.0);
        now.set(now.get() + step.get());
        now.get()
    };
    let measured = block_on(cpu().measured(clock)).unwrap().crossover().clone();
    let (blocks, rows) = (measured.cost(Kind::HostBlocks).unwrap(), measured.cost(Kind::HostRows).unwrap());
    assert!(blocks > 1.0 && rows > 4.0 * blocks && rows.is_finite(), "{blocks}, {rows}");
    let still = block_on(cpu().measured(|| 0.0)).unwrap();
    assert_eq!(*still.crossover(), Crossover::default(), "a clock that stands still");
}
