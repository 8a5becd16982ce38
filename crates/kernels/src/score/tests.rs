//! Host functions against plain formulas, on the CPU and, with SECATEUR_GPU_TESTS=1, on a GPU.

use burn::tensor::Device;

use super::*;
use crate::check::tests::{devices, read, tensor};
use crate::check::{Close, MATRICES, Noise};

const CLOSE: Close = Close { abs: 1e-6, rel: 1e-4 };

/// A weight with zeros in it, a gradient and another one, and squares for the columns.
fn numbers([rows, cols]: [usize; 2]) -> [Vec<f32>; 4] {
    let mut noise = Noise::new(1);
    let mut weight = noise.many(rows * cols);
    weight.iter_mut().step_by(7).for_each(|weight| *weight = 0.0);
    let act_sq = noise.many(cols).iter().map(|x| x * x * 100.0).collect();
    [weight, noise.many(rows * cols), noise.many(rows * cols), act_sq]
}

/// Holds an answer against `want` of each entry's place.
fn holds(got: Result<Tensor<2>, KernelError>, want: impl Fn(usize) -> f32) {
    let got = got.unwrap();
    let [rows, cols] = got.dims();
    let want: Vec<f32> = (0..rows * cols).map(want).collect();
    CLOSE.compare(&want, &read(got), cols.max(1)).unwrap();
}

#[test]
fn each_weight_has_the_score_of_its_formula() {
    for device in devices() {
        for &shape in MATRICES {
            let [w, g, h, act_sq] = numbers(shape);
            let [weight, grad, other] = [&w, &g, &h].map(|values| tensor(values, shape, &device));
            let act = tensor(&act_sq, [shape[1]], &device);
            let norm = |i: usize| act_sq[i % shape[1]].sqrt();
            holds(score(weight.clone(), None), |i| w[i].abs());
            holds(score(weight.clone(), Some(act.clone())), |i| w[i].abs() * norm(i));
            for p in [0.5, 1.0, 2.0, 3.0] {
                holds(power(weight.clone(), p), |i| w[i].abs().powf(p));
            }
            holds(taylor(weight.clone(), grad.clone()), |i| (w[i] * g[i]).abs());
            holds(taylor_squared(weight.clone(), grad.clone()), |i| (w[i] * g[i]).powi(2));
            let gather = |of| {
                let sum = accumulate(grad.zeros_like(), grad.clone(), of).unwrap();
                accumulate(sum, other.clone(), of).unwrap()
            };
            let magnitudes = gather(GradSum::Magnitudes);
            holds(Ok(magnitudes.clone()), |i| g[i].abs() + h[i].abs());
            let l1 = gblm(weight.clone(), act.clone(), magnitudes, GradSum::Magnitudes, 3.0);
            holds(l1, |i| w[i].abs() * (norm(i) + 3.0 * (g[i].abs() + h[i].abs())));
            let squares = gather(GradSum::Squares);
            holds(Ok(squares.clone()), |i| g[i].powi(2) + h[i].powi(2));
            let l2 = gblm(weight, act, squares, GradSum::Squares, 3.0);
            holds(l2, |i| w[i].abs() * (norm(i) + 3.0 * g[i].hypot(h[i])));
        }
    }
}

/// Without the gradients' term GBLM is Wanda, bit by bit.
#[test]
fn gblm_without_gradients_is_wanda() {
    for device in devices() {
        let [w, g, _, act_sq] = numbers([31, 33]);
        let (weight, sum, act) =
            (tensor(&w, [31, 33], &device), tensor(&g, [31, 33], &device), tensor(&act_sq, [33], &device));
        let blend = gblm(weight.clone(), act.clone(), sum.abs(), GradSum::Squares, 0.0).unwrap();
        assert_eq!(read(blend), read(score(weight, Some(act)).unwrap()));
    }
}

#[test]
fn a_sum_that_is_still_used_is_left_alone() {
    for device in devices() {
        let (sum, grad) = (tensor(&[1.0, 2.0], [2], &device), tensor(&[3.0, -4.0], [2], &device));
        let kept = sum.clone();
        assert_eq!(read(accumulate(sum, grad.clone(), GradSum::Squares).unwrap()), [10.0, 18.0]);
        assert_eq!(read(kept.clone()), [1.0, 2.0]);
        let added = add_input_squares(kept.clone(), grad.clone().unsqueeze()).unwrap();
        assert_eq!((read(added), read(kept)), (vec![10.0, 18.0], vec![1.0, 2.0]));
        let before = Moments::new(2, &device).with(grad.clone().unsqueeze()).unwrap();
        let after = before.clone().with(-grad.unsqueeze()).unwrap();
        assert_eq!((read(before.mean()), read(after.mean())), (vec![3.0, -4.0], vec![0.0, 0.0]));
    }
}

fn of_unit(norm: Norm, entries: &[f32]) -> f32 {
    match norm {
        Norm::L1 => entries.iter().map(|entry| entry.abs()).sum(),
        Norm::L2 => entries.iter().map(|entry| entry * entry).sum::<f32>().sqrt(),
        Norm::Max => entries.iter().fold(0.0, |largest, entry| largest.max(entry.abs())),
        Norm::Mean => entries.iter().sum::<f32>() / entries.len() as f32,
    }
}

#[test]
fn each_unit_has_the_norm_of_its_rectangle() {
    for device in devices() {
        for [rows, cols, high, wide] in [
            [1, 1, 1, 1],
            [5, 300, 1, 300],
            [300, 5, 300, 1],
            [64, 48, 16, 16],
            [33, 50, 16, 16],
            [6, 45, 6, 9],
            [4, 4, 9, 9],
        ] {
            let [scores, ..] = numbers([rows, cols]);
            let (down, across) = (rows.div_ceil(high), cols.div_ceil(wide));
            for norm in [Norm::L1, Norm::L2, Norm::Max, Norm::Mean] {
                let got = units(tensor(&scores, [rows, cols], &device), [high, wide], norm);
                assert_eq!(got.as_ref().unwrap().dims(), [down, across]);
                holds(got, |unit| {
                    let inside = |i: &usize| [i / cols / high, i % cols / wide] == [unit / across, unit % across];
                    let entries: Vec<f32> = (0..rows * cols).filter(inside).map(|i| scores[i]).collect();
                    of_unit(norm, &entries)
                });
            }
        }
    }
}

/// Inputs whose first one is far from the others, which are not around 0 either.
fn inputs(rows: usize, cols: usize) -> Vec<f32> {
    let noise = Noise::new(3).many(rows * cols);
    noise.into_iter().enumerate().map(|(at, x)| if at < cols { 300.0 + x } else { 10.0 + x }).collect()
}

#[test]
fn batches_are_as_good_as_all_inputs_at_once() {
    for device in devices() {
        for [rows, cols] in [[2, 1], [100, 17], [333, 40]] {
            let x = inputs(rows, cols);
            let column = |col: usize| x.iter().skip(col).step_by(cols).map(|value| f64::from(*value));
            let mean = |col: usize| column(col).sum::<f64>() / rows as f64;
            let mut moments = Moments::new(cols, &device);
            let mut gram = Gram::new(cols, &device);
            let mut sum = Tensor::zeros([cols], &device);
            // Of one, several and no inputs.
            for (from, to) in [(0, 1), (1, rows / 3 + 1), (rows / 3 + 1, rows / 3 + 1), (rows / 3 + 1, rows)] {
                let batch = || tensor(&x[from * cols..to * cols], [to - from, cols], &device);
                moments = moments.with(batch()).unwrap();
                gram = gram.with(batch()).unwrap();
                sum = add_input_squares(sum, batch()).unwrap();
            }
            assert_eq!(moments.seen(), rows as u32);
            holds(Ok(sum.unsqueeze()), |col| column(col).map(|x| x * x).sum::<f64>() as f32);
            holds(Ok(moments.mean().unsqueeze()), |col| mean(col) as f32);
            let squares = |col: usize| column(col).map(|x| (x - mean(col)).powi(2)).sum::<f64>();
            holds(Ok(moments.variance().unsqueeze()), |col| (squares(col) / (rows - 1) as f64) as f32);
            let pair = |at: usize| column(at / cols).zip(column(at % cols)).map(|(a, b)| a * b).sum::<f64>();
            holds(Ok(gram.products()), |at| pair(at) as f32);
        }
    }
}

#[test]
fn what_does_not_fit_is_refused() {
    let device = Device::flex();
    let zeros = |shape: [usize; 2]| Tensor::<2>::zeros(shape, &device);
    let said = |answer: Result<Tensor<2>, KernelError>| answer.unwrap_err().to_string();
    let two = || Tensor::<1>::zeros([2], &device);
    assert_eq!(said(score(zeros([2, 3]), Some(two()))), "wanda: wanted act_sq [3], got [2]");
    assert_eq!(said(power(zeros([1, 1]), 0.0)), "power: wanted a power above 0, got 0");
    assert!(power(zeros([1, 1]), f32::NAN).is_err());
    assert_eq!(said(taylor(zeros([2, 3]), zeros([3, 2]))), "taylor: wanted grad [2, 3], got [3, 2]");
    let sum = accumulate(zeros([2, 3]), zeros([2, 2]), GradSum::Squares);
    assert_eq!(said(sum), "add_squares: wanted grad [2, 3], got [2, 2]");
    let blend = gblm(zeros([3, 2]), two(), zeros([2, 2]), GradSum::Magnitudes, 1.0);
    assert_eq!(said(blend), "gblm_l1: wanted grad_sum [3, 2], got [2, 2]");
    let empty = units(zeros([2, 3]), [1, 0], Norm::Max);
    assert_eq!(said(empty), "unit_max: wanted units and scores of at least 1 x 1, got [1, 0] of [2, 3]");
    assert!(units(zeros([0, 3]), [1, 3], Norm::L1).is_err());
    assert!(add_input_squares(two(), zeros([4, 3])).is_err());
    assert!(Moments::new(2, &device).with(zeros([4, 3])).is_err());
    let gram = Gram::new(2, &device).with(zeros([4, 3])).unwrap_err();
    assert_eq!(gram.to_string(), "gram: wanted x [N, 2], got [4, 3]");
}
