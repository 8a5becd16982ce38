//! Values against formulas and gradients against finite differences, on the CPU and, with SECATEUR_GPU_TESTS=1, on a
//! GPU.

use burn::tensor::Device;

use super::*;
use crate::check::tests::{devices, read, tensor};
use crate::check::{Close, Noise};

const CLOSE: Close = Close { abs: 1e-5, rel: 1e-4 };

fn sigma(x: f32) -> f32 {
    1.0 / (1.0 + (-x).exp())
}

/// From -reach to reach, [rows, cols].
fn numbers([rows, cols]: [usize; 2], reach: f32) -> Vec<f32> {
    Noise::new(5).many(rows * cols).iter().map(|x| x * reach).collect()
}

const SHAPE: [usize; 2] = [7, 41];

/// The gates of `x`, and the gradient by x of the sum of each gate times `pull`. x comes out of another operation, as
/// it may in a model.
fn followed(
    x: &[f32],
    pull: &[f32],
    device: &Device,
    gate: impl Fn(Tensor<2>) -> Result<Tensor<2>, KernelError>,
) -> [Vec<f32>; 2] {
    let device = device.clone().autodiff();
    let half = tensor(x, SHAPE, &device).div_scalar(2.0).detach().require_grad();
    let gates = gate(half.clone() * 2.0).unwrap();
    let gradients = (gates.clone() * tensor(pull, SHAPE, &device)).sum().backward();
    [read(gates.inner()), read(half.grad(&gradients).unwrap() / 2.0)]
}

/// Holds the gradient against central differences. Those over a corner, where `corner` finds one between two gates, are
/// left out.
fn steady(
    x: &[f32],
    device: &Device,
    corner: impl Fn(f32, f32) -> bool,
    gate: impl Fn(Tensor<2>) -> Result<Tensor<2>, KernelError>,
) {
    const STEP: f32 = 4e-3;
    let pull = Noise::new(6).many(x.len());
    let [gates, gradient] = followed(x, &pull, device, &gate);
    let at = |step: f32| read(gate(tensor(&x.iter().map(|x| x + step).collect::<Vec<_>>(), SHAPE, device)).unwrap());
    CLOSE.compare(&at(0.0), &gates, SHAPE[1]).unwrap();
    let (low, high) = (at(-STEP), at(STEP));
    let smooth: Vec<usize> = (0..x.len()).filter(|&i| !corner(low[i], high[i])).collect();
    assert!(smooth.len() > x.len() * 9 / 10);
    let want: Vec<f32> = smooth.iter().map(|&i| pull[i] * (high[i] - low[i]) / (2.0 * STEP)).collect();
    let got: Vec<f32> = smooth.iter().map(|&i| gradient[i]).collect();
    Close { abs: 1e-4, rel: 1e-3 }.compare(&want, &got, want.len()).unwrap();
}

#[test]
fn hard_concrete_moves_as_its_gradient_says() {
    let stretch = Stretch::default();
    let draws: Vec<f32> = numbers(SHAPE, 0.5).iter().map(|x| x + 0.5).collect();
    for device in devices() {
        let sample = |log_alpha| hard_concrete(log_alpha, tensor(&draws, SHAPE, &device), stretch);
        let cut = |gate: f32| gate == 0.0 || gate == 1.0;
        steady(&numbers(SHAPE, 3.0), &device, |low, high| cut(low) != cut(high), sample);
    }
}

/// Louizos et al., 2018, equation 12.
#[test]
fn hard_concrete_is_open_as_often_as_it_should() {
    let draws: Vec<f32> = (0..10_000).map(|i| (i as f32 + 0.5) / 10_000.0).collect();
    let Stretch { beta, gamma, zeta } = Stretch::default();
    for device in devices() {
        for log_alpha in [-3.0f32, 0.0, 3.0] {
            let log_alphas = Tensor::<1>::full([draws.len()], log_alpha, &device);
            let gates =
                read(hard_concrete(log_alphas, tensor(&draws, [draws.len()], &device), Stretch::default()).unwrap());
            let open = gates.iter().filter(|gate| **gate != 0.0).count() as f32 / draws.len() as f32;
            let want = sigma(log_alpha - beta * (-gamma / zeta).ln());
            assert!((open - want).abs() < 1e-3, "{log_alpha}: wanted {want}, got {open}");
            assert!(gates.iter().all(|gate| (0.0..=1.0).contains(gate)));
        }
    }
}

#[test]
fn draws_at_the_ends_are_no_trouble() {
    for device in devices() {
        let log_alpha = tensor(&[0.0, 0.0], [2], &device);
        let gates = hard_concrete(log_alpha, tensor(&[0.0, 1.0], [2], &device), Stretch::default()).unwrap();
        assert_eq!(read(gates), [0.0, 1.0]);
    }
}

#[test]
fn top_k_passes_the_gradient_straight_through() {
    let (scores, pull) = (numbers(SHAPE, 1.0), Noise::new(6).many(SHAPE[0] * SHAPE[1]));
    for device in devices() {
        // Each row's own threshold is one of its scores, which goes.
        let thresholds: Vec<f32> = (0..SHAPE[0]).map(|row| scores[row * SHAPE[1] + row]).collect();
        for many in [1, SHAPE[0]] {
            let thresholds = &thresholds[..many];
            let open = |score| straight_through(score, tensor(thresholds, [many], &device));
            let [gates, gradient] = followed(&scores, &pull, &device, open);
            let threshold = |i: usize| thresholds[i * many / scores.len()];
            let want: Vec<f32> = (0..scores.len()).map(|i| f32::from(scores[i] > threshold(i))).collect();
            assert_eq!((gates, gradient), (want.clone(), pull.clone()));
            assert_eq!(read(open(tensor(&scores, SHAPE, &device)).unwrap()), want);
        }
    }
}

#[test]
fn an_opened_sigmoid_has_the_sigmoids_gradient() {
    let (scores, pull) = (numbers(SHAPE, 4.0), Noise::new(6).many(SHAPE[0] * SHAPE[1]));
    for device in devices() {
        for tau in [0.1, 0.5] {
            let [gates, gradient] = followed(&scores, &pull, &device, |score| straight_through_sigmoid(score, tau));
            let want: Vec<f32> = scores.iter().map(|score| f32::from(sigma(*score) > tau)).collect();
            assert_eq!(gates, want);
            let slope = |i: usize| pull[i] * sigma(scores[i]) * (1.0 - sigma(scores[i]));
            let want: Vec<f32> = (0..scores.len()).map(slope).collect();
            CLOSE.compare(&want, &gradient, SHAPE[1]).unwrap();
        }
    }
}

#[test]
fn the_soft_mask_moves_as_its_gradient_says() {
    for device in devices() {
        for many in [1, SHAPE[0] * SHAPE[1]] {
            let threshold = tensor(&vec![0.4; many], [many], &device);
            let mask = |weight| soft_mask(weight, threshold.clone(), 0.5);
            steady(&numbers(SHAPE, 1.0), &device, |_, _| false, mask);
            steady(&numbers(SHAPE, 1.0), &device, |_, _| false, |weight: Tensor<2>| Ok(mask(weight.clone())? * weight));
        }
    }
}

/// PDP: at the threshold half a weight is kept, and its gradient is 1/2 + t^2 / (2 temperature).
#[test]
fn weights_on_the_fence_are_pushed_hardest() {
    for device in devices() {
        let weight = Tensor::<1>::full([1], 0.3, &device.clone().autodiff()).require_grad();
        let mask = soft_mask(weight.clone(), tensor(&[0.3], [1], &device), 0.01).unwrap();
        let gradients = (mask.clone() * weight.clone()).sum().backward();
        let got = [read(mask.inner())[0], read(weight.grad(&gradients).unwrap())[0]];
        CLOSE.compare(&[0.5, 0.5 + 0.09 / 0.02], &got, 2).unwrap();
    }
}

#[test]
fn nothing_has_no_gates() {
    for device in devices() {
        let nothing = || Tensor::<2>::zeros([0, 3], &device);
        let one = || tensor(&[0.5], [1], &device);
        assert_eq!(hard_concrete(nothing(), nothing(), Stretch::default()).unwrap().dims(), [0, 3]);
        assert_eq!(straight_through(nothing(), one()).unwrap().dims(), [0, 3]);
        assert_eq!(straight_through_sigmoid(nothing(), 0.5).unwrap().dims(), [0, 3]);
        assert_eq!(soft_mask(nothing(), one(), 1.0).unwrap().dims(), [0, 3]);
    }
}

#[test]
fn what_does_not_fit_is_refused() {
    let zeros = |len: usize| Tensor::<1>::zeros([len], &Device::flex());
    let said = |answer: Result<Tensor<1>, KernelError>| answer.unwrap_err().to_string();
    let sample = hard_concrete(zeros(3), zeros(2), Stretch::default());
    assert_eq!(said(sample), "hard_concrete: wanted draw [3], got [2]");
    assert!(hard_concrete(zeros(3), zeros(3), Stretch { beta: 0.0, ..Stretch::default() }).is_err());
    let uneven = straight_through(zeros(3), zeros(2));
    assert_eq!(said(uneven), "open: wanted thresholds for equal runs of 3 entries, got 2 thresholds");
    assert!(straight_through(zeros(3), zeros(0)).is_err());
    assert_eq!(said(straight_through_sigmoid(zeros(3), 1.0)), "open: wanted tau between 0 and 1, got 1");
    assert_eq!(said(soft_mask(zeros(3), zeros(1), 0.0)), "soft_mask: wanted a temperature above 0, got 0");
}
