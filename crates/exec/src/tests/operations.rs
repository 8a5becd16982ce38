//! Each operation against a slow and obvious one.

use secateur_graph::{Builder, Graph, Op, ops};

use super::{cpu, numbers, random_params, read, tiny_vit};
use crate::logits::batch;
use crate::{ExecError, Inputs, Params, forward};

const SAMPLES: usize = 2;

/// A graph of one op on inputs of the given shapes, which the first node's picture is reshaped to.
fn one(op: Op, shape: &[usize]) -> Graph {
    let mut g = Builder::default();
    let x = g.add("x", ops::Input::new(shape), &[]).unwrap();
    let inputs = match op {
        Op::Attention(_) => vec![x; 3],
        Op::Add(_) | Op::Mul(_) => vec![x; 2],
        _ => vec![x],
    };
    let y = g.add("op", op, &inputs).unwrap();
    g.finish(y)
}

fn run(graph: &Graph, params: &Params, x: &[f32]) -> Vec<f32> {
    let inputs = batch(&cpu(), graph, x, SAMPLES).unwrap();
    pollster::block_on(forward(graph, params, inputs, &mut ()).unwrap().read()).unwrap()
}

/// Runs `op` on random numbers and compares with `naive`, which gets one sample and the op's parameters.
fn check(op: impl Into<Op>, shape: &[usize], naive: impl Fn(&[f32], &[Vec<f32>]) -> Vec<f32>) {
    let graph = one(op.into(), shape);
    let params = random_params(&graph);
    let each: usize = shape.iter().product();
    let x = numbers(SAMPLES * each, "input");
    let weights: Vec<_> = graph.params.iter().map(|param| read(&params, &graph, &param.name)).collect();
    let want: Vec<f32> = x.chunks(each).flat_map(|sample| naive(sample, &weights)).collect();
    let got = run(&graph, &params, &x);
    assert_eq!(want.len(), got.len());
    for (at, (want, got)) in want.iter().zip(&got).enumerate() {
        assert!((want - got).abs() <= 1e-5 * want.abs().max(1.0), "entry {at}: wanted {want}, got {got}");
    }
}

#[test]
fn linear() {
    for (shape, rows) in [(vec![3], 1), (vec![5, 3], 5)] {
        check(ops::Linear::new(3, 2, true), &shape, |x, w| {
            let mut y = Vec::new();
            for (t, o) in (0..rows).flat_map(|t| (0..2).map(move |o| (t, o))) {
                y.push((0..3).map(|i| x[t * 3 + i] * w[0][o * 3 + i]).sum::<f32>() + w[1][o]);
            }
            y
        });
    }
}

#[test]
fn conv2d_with_stride_and_padding() {
    let op = ops::Conv2d { inputs: 2, outputs: 3, kernel: 3, stride: 2, padding: 1, groups: 1, bias: true };
    check(op, &[2, 5, 4], |x, w| {
        let mut y = Vec::new();
        for (o, row, col) in (0..3).flat_map(|o| (0..3).flat_map(move |r| (0..2).map(move |c| (o, r, c)))) {
            let mut sum = w[1][o];
            for (i, kr, kc) in (0..2).flat_map(|i| (0..3).flat_map(move |r| (0..3).map(move |c| (i, r, c)))) {
                let (r, c) = ((row * 2 + kr) as isize - 1, (col * 2 + kc) as isize - 1);
                if (0..5).contains(&r) && (0..4).contains(&c) {
                    sum += x[i * 20 + r as usize * 4 + c as usize] * w[0][((o * 2 + i) * 3 + kr) * 3 + kc];
                }
            }
            y.push(sum);
        }
        y
    });
}

#[test]
fn layer_norm() {
    check(ops::LayerNorm::new(4, 0.1), &[3, 4], |x, w| {
        let normalise = |row: &[f32]| {
            let mean = row.iter().sum::<f32>() / 4.0;
            let variance = row.iter().map(|x| (x - mean).powi(2)).sum::<f32>() / 4.0;
            let one = |i: usize| (row[i] - mean) / (variance + 0.1).sqrt() * w[0][i] + w[1][i];
            (0..4).map(one).collect::<Vec<_>>()
        };
        x.chunks(4).flat_map(normalise).collect()
    });
}

#[test]
fn attention_by_head() {
    check(ops::Attention::full(2, 3), &[4, 6], |x, _| {
        let mut y = vec![0.0; 24];
        for (head, t) in (0..2).flat_map(|head| (0..4).map(move |t| (head, t))) {
            let at = |token: usize, i: usize| x[token * 6 + head * 3 + i];
            let dot = |u: usize| (0..3).map(|i| at(t, i) * at(u, i)).sum::<f32>() / 3f32.sqrt();
            let weights: Vec<f32> = (0..4).map(|u| dot(u).exp()).collect();
            for i in 0..3 {
                let sum: f32 = (0..4).map(|u| weights[u] * at(u, i)).sum();
                y[t * 6 + head * 3 + i] = sum / weights.iter().sum::<f32>();
            }
        }
        y
    });
}

#[test]
fn activations() {
    check(ops::Activation::Relu, &[7], |x, _| x.iter().map(|x| x.max(0.0)).collect());
    // 0.5 x (1 + erf(x / sqrt 2)), from tables of the normal distribution.
    let graph = one(ops::Activation::Gelu.into(), &[3]);
    let got = run(&graph, &Params::empty(&graph), &[0.0, 1.0, -0.5, 2.0, -1.0, 3.0]);
    for (got, want) in got.iter().zip([0.0, 0.841_344_8, -0.154_268_77, 1.954_499_7, -0.158_655_25, 2.995_950_3]) {
        assert!((got - want).abs() < 1e-6, "wanted {want}, got {got}");
    }
}

#[test]
fn moves_and_sums() {
    check(ops::Add, &[3, 2], |x, _| x.iter().map(|x| x + x).collect());
    check(ops::Flatten, &[2, 3, 2], |x, _| x.to_vec());
    check(ops::ToTokens, &[3, 2, 2], |x, _| (0..12).map(|at| x[at % 3 * 4 + at / 3]).collect());
    check(ops::PrependToken::one(2), &[3, 2], |x, w| [&w[0], x].concat());
    check(ops::AddPosition::parameter(3, 2), &[3, 2], |x, w| x.iter().zip(&w[0]).map(|(x, w)| x + w).collect());
    check(ops::SelectToken { index: 2 }, &[4, 3], |x, _| x[6..9].to_vec());
    check(ops::MaxPool2d::tiled(2), &[2, 5, 4], |x, _| {
        let places = (0..2).flat_map(|c| (0..2).flat_map(move |r| (0..2).map(move |w| c * 20 + r * 8 + w * 2)));
        places.map(|at| [0, 1, 4, 5].iter().map(|step| x[at + step]).fold(f32::MIN, f32::max)).collect()
    });
}

#[test]
fn parts_and_places() {
    check(ops::Mul, &[3, 2], |x, _| x.iter().map(|x| x * x).collect());
    check(ops::Affine { scale: 0.5, shift: 1.0 }, &[3], |x, _| x.iter().map(|x| 0.5 * x + 1.0).collect());
    check(ops::Slice { axis: 1, start: 1, len: 2 }, &[2, 4], |x, _| vec![x[1], x[2], x[5], x[6]]);
    check(ops::Pad2d { before: 0, after: 1 }, &[1, 1, 2], |x, _| vec![x[0], x[1], 0.0, 0.0, 0.0, 0.0]);
    check(ops::Upsample { factor: 2 }, &[1, 1, 2], |x, _| [x[0], x[0], x[1], x[1]].repeat(2));
    check(ops::AvgPool2d { kernel: 2 }, &[1, 2, 3], |x, _| vec![(x[0] + x[1] + x[3] + x[4]) / 4.0]);
    check(ops::MeanPlaces, &[2, 1, 2], |x, _| vec![(x[0] + x[1]) / 2.0, (x[2] + x[3]) / 2.0]);
    check(ops::MeanTokens { from: 1 }, &[3, 2], |x, _| vec![(x[2] + x[4]) / 2.0, (x[3] + x[5]) / 2.0]);
    check(ops::ToPlaces { height: 1, width: 2 }, &[2, 3], |x, _| (0..6).map(|at| x[at % 2 * 3 + at / 2]).collect());
    // Two tokens beside each other, each painting 2 x 2 places of 1 channel.
    let unpatch = ops::Unpatch { height: 1, width: 2, patch: 2, channels: 1 };
    check(unpatch, &[2, 4], |x, _| [0, 1, 4, 5, 2, 3, 6, 7].map(|at| x[at]).to_vec());
    check(ops::Normalize, &[2], |x, _| x.iter().map(|v| v / (x[0] * x[0] + x[1] * x[1]).sqrt()).collect());
}

#[test]
fn a_vector_meets_every_token_and_every_place() {
    for (shape, each) in [(vec![3, 2], 1), (vec![2, 3, 1], 3)] {
        let mut g = Builder::default();
        let x = g.add("x", ops::Input::new(&shape), &[]).unwrap();
        let vector = match shape.len() {
            2 => g.add("first", ops::SelectToken { index: 0 }, &[x]).unwrap(),
            _ => g.add("mean", ops::MeanPlaces, &[x]).unwrap(),
        };
        let y = g.add("op", ops::Add, &[x, vector]).unwrap();
        let graph = g.finish(y);
        let x: Vec<f32> = (0..12).map(|at| at as f32).collect();
        let got = run(&graph, &Params::empty(&graph), &x);
        let feature = |at: usize| if each == 1 { at % 2 } else { at / 3 };
        let want: Vec<f32> = x
            .chunks(6)
            .flat_map(|s| {
                let vector =
                    if each == 1 { [s[0], s[1]] } else { [(s[0] + s[1] + s[2]) / 3.0, (s[3] + s[4] + s[5]) / 3.0] };
                (0..6).map(move |at| s[at] + vector[feature(at)]).collect::<Vec<_>>()
            })
            .collect();
        assert_eq!(got, want);
    }
}

#[test]
fn the_first_of_the_highest_tokens_is_taken() {
    let mut g = Builder::default();
    let ids = g.add("ids", ops::Input::new(&[3]), &[]).unwrap();
    let x = g.add("embed", ops::Embedding { entries: 10, features: 1 }, &[ids]).unwrap();
    let x = g.add("position", ops::AddPosition::embedding(3, 1), &[x]).unwrap();
    let x = g.add("pick", ops::SelectHighest, &[x, ids]).unwrap();
    let graph = g.finish(x);
    let mut params = Params::empty(&graph);
    let table: Vec<f32> = (0..10).map(|at| 100.0 * at as f32).collect();
    params.upload(&cpu(), &graph, graph.find_param("embed.weight").unwrap(), table).unwrap();
    params.upload(&cpu(), &graph, graph.find_param("position.weight").unwrap(), vec![1.0, 2.0, 3.0]).unwrap();
    assert_eq!(run(&graph, &params, &[1.0, 9.0, 9.0, 7.0, 2.0, 1.0]), [902.0, 701.0]);
}

#[test]
fn what_is_wrong_is_named() {
    let graph = tiny_vit();
    let x = batch(&cpu(), &graph, &[0.0; 32], 1).unwrap();
    let error = forward(&graph, &Params::empty(&graph), x, &mut ()).unwrap_err();
    assert_eq!(error, ExecError::Missing { name: "patch.weight".into() });
    let error = forward(&graph, &random_params(&graph), Inputs::default(), &mut ()).unwrap_err().to_string();
    assert_eq!(error, "Input at image: wanted a value of [2, 4, 4] per sample, got nothing");
    let mut inputs = Inputs::default();
    let mut said =
        |name: &str, data: &[f32]| inputs.upload(&cpu(), &graph, name, 1, data.to_vec()).unwrap_err().to_string();
    assert_eq!(said("picture", &[]), "Input at picture: wanted one of image, got picture");
    assert!(
        said("image", &[0.0; 16]).contains("wanted at least one sample, [1, 2, 4, 4] numbers in all, got 16 numbers")
    );
}

#[test]
fn what_is_in_no_table_is_named() {
    let mut g = Builder::default();
    let tokens = g.add("tokens", ops::Input::new(&[2]), &[]).unwrap();
    let x = g.add("embed", ops::Embedding { entries: 3, features: 2 }, &[tokens]).unwrap();
    let graph = g.finish(x);
    let mut inputs = Inputs::default();
    inputs.upload(&cpu(), &graph, "tokens", 1, vec![0.0, 2.0]).unwrap();
    for wrong in [3.0, -1.0, 0.5, f32::NAN] {
        let error = inputs.upload(&cpu(), &graph, "tokens", 1, vec![0.0, wrong]).unwrap_err().to_string();
        assert_eq!(error, format!("Input at tokens: wanted whole numbers from 0 to 2, got {wrong}"));
    }
}
