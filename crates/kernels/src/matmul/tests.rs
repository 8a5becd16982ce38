//! Against burn's own operations and against finite differences; on a GPU (a software one will do) with
//! SECATEUR_GPU_TESTS=1.

use secateur_graph::Mask;

use super::pack::{Pattern, pack_blocks, pack_nm};
use super::*;
use crate::check::tests::{devices, read, tensor};
use crate::check::{Close, Noise};

/// [M, N, K]; the last two are multiples of 32 and of 8.
const SIZES: [[usize; 3]; 3] = [[1, 32, 64], [7, 64, 32], [33, 96, 160]];
const CLOSE: Close = Close { abs: 1e-4, rel: 1e-4 };

fn noise<const D: usize>(seed: u64, shape: [usize; D], device: &Device) -> Tensor<D> {
    tensor(&Noise::new(seed).many(shape.iter().product()), shape, device)
}

fn some(len: usize, one_in: u32) -> Mask {
    let mut noise = Noise::new(9);
    let kept: Vec<bool> = (0..len).map(|_| noise.word().is_multiple_of(one_in)).collect();
    Mask::from_kept(kept.into_iter())
}

/// About half of the blocks of a weight.
fn some_blocks([rows, cols]: [usize; 2], side: usize) -> Mask {
    let chosen = some(rows * cols / side / side, 2);
    Mask::from_kept((0..rows * cols).map(|at| chosen.is_kept(at / cols / side * (cols / side) + at % cols / side)))
}

/// A function of two tensors and a third, which some leave out.
type Layer<'a> = dyn Fn(Tensor<2>, Tensor<2>, Tensor<2>) -> Tensor<2> + 'a;

/// The gradients of sum(c * layer(a, b, g)) equal central differences, at a few entries of each.
fn gradients_equal_differences(name: &str, layer: &Layer<'_>, at: [Tensor<2>; 3]) {
    let [a, b, g] = at.clone().map(|tensor| tensor.autodiff().require_grad());
    let y = layer(a.clone(), b.clone(), g.clone());
    let weights = noise(77, y.dims(), &y.device());
    let grads = (y * weights.clone()).sum().backward();
    let grads = [a.grad(&grads), b.grad(&grads), g.grad(&grads)];
    for (which, grad) in grads.into_iter().enumerate().filter_map(|(which, grad)| Some((which, read(grad?)))) {
        let [rows, cols] = at[which].dims();
        let norm = (grad.iter().map(|x| x * x).sum::<f32>() / grad.len() as f32).sqrt();
        let moved = |entry: usize, by: f32| -> f64 {
            let mut moved = at.clone();
            let mut entries = read(moved[which].clone());
            entries[entry] += by;
            moved[which] = tensor(&entries, [rows, cols], &moved[which].device());
            let [a, b, g] = moved;
            read(layer(a, b, g) * weights.clone().without_autodiff()).iter().map(|x| f64::from(*x)).sum()
        };
        for entry in [0, rows * cols / 3, rows * cols - 1] {
            // Products are linear in each factor, so a step of 1 is exact.
            let want = (moved(entry, 0.5) - moved(entry, -0.5)) as f32;
            let gap = (want - grad[entry]).abs();
            assert!(gap <= 1e-3 * want.abs().max(norm), "{name}, factor {which}, [{entry}]: {want}, {}", grad[entry]);
        }
    }
}

#[test]
fn products_equal_burns_own_and_their_gradients_finite_differences() {
    for device in devices() {
        for [m, n, k] in SIZES.into_iter().chain([[5, 3, 7], [3, 1, 2]]) {
            let (x, w) = (noise(1, [m, k], &device), noise(2, [n, k], &device));
            let same = |name: &str, layer: &Layer<'_>, g: Tensor<2>, want: Tensor<2>| {
                let got = layer(x.clone(), w.clone(), g.clone());
                CLOSE.compare(&read(want), &read(got), n).unwrap_or_else(|error| panic!("{name}: {error}"));
                gradients_equal_differences(name, layer, [x.clone(), w.clone(), g]);
            };
            let plain = |x: Tensor<2>, w: Tensor<2>| x.matmul(w.transpose());
            let unused = noise(3, [1, 1], &device);
            same("dense", &|x, w, _| dense(x, w).unwrap(), unused.clone(), plain(x.clone(), w.clone()));

            let mask = some(n * k, 3);
            let entries = tensor(&mask.to_f32(), [n, k], &device);
            let mask = PackedMask::new(&mask, [n, k], &device).unwrap();
            let want = plain(x.clone(), w.clone() * entries);
            same("masked", &|x, w, _| masked(x, w, &mask).unwrap(), unused.clone(), want);

            let (ins, outs) = (noise(4, [1, k], &device), noise(5, [1, n], &device));
            let gate = |x, w, g: Tensor<2>| gated(x, w, Gate::Inputs(g.reshape([k]))).unwrap();
            same("gated_in", &gate, ins.clone(), plain(x.clone() * ins, w.clone()));
            let gate = |x, w, g: Tensor<2>| gated(x, w, Gate::Outputs(g.reshape([n]))).unwrap();
            same("gated_out", &gate, outs.clone(), plain(x.clone(), w.clone()) * outs);
        }
    }
}

/// The forward product does not see `soft`, so differences cannot tell: its gradient is w * (dy^T x), also where the
/// mask is 0.
#[test]
fn a_learned_masks_gradient_reaches_pruned_entries() {
    for device in devices() {
        for [m, n, k] in SIZES {
            let [x, w, soft] = [noise(1, [m, k], &device), noise(2, [n, k], &device), noise(3, [n, k], &device)];
            let dy = noise::<2>(4, [m, n], &device);
            let mask = some(n * k, 2);
            let entries = tensor(&mask.to_f32(), [n, k], &device);
            let mask = PackedMask::new(&mask, [n, k], &device).unwrap();
            let [tx, tw, ts] = [&x, &w, &soft].map(|tensor| tensor.clone().autodiff().require_grad());
            let y = masked_learned(tx.clone(), tw.clone(), &mask, ts.clone()).unwrap();
            let grads = (y * dy.clone().autodiff()).sum().backward();
            let all = dy.clone().transpose().matmul(x);
            for (want, got, cols) in [
                (dy.matmul(w.clone() * entries.clone()), tx.grad(&grads), k),
                (all.clone() * entries, tw.grad(&grads), k),
                (all * w, ts.grad(&grads), k),
            ] {
                CLOSE.compare(&read(want), &read(got.unwrap()), cols).unwrap();
            }
        }
    }
}

#[test]
fn blocks_equal_the_masked_product_forward_and_backward() {
    for device in devices() {
        for ([m, n, k], side) in SIZES.into_iter().flat_map(|size| [(size, 16), (size, 32)]) {
            let mask = some_blocks([n, k], side);
            let w = noise(2, [n, k], &device);
            let (list, packed) = pack_blocks(&read(w.clone()), [n, k], &mask, side).unwrap();
            let blocks = list.len();
            let index = BlockIndex::new(&list, &device);
            let packed = tensor(&packed, [blocks, side * side], &device);
            let layer = |x: Tensor<2>, values: Tensor<2>, _: Tensor<2>| {
                block_sparse(x, values.reshape([blocks, side, side]), &index).unwrap()
            };
            let (x, unused) = (noise(1, [m, k], &device), noise(3, [1, 1], &device));
            let mask = PackedMask::new(&mask, [n, k], &device).unwrap();
            let want = masked(x.clone(), w, &mask).unwrap();
            CLOSE.compare(&read(want), &read(layer(x.clone(), packed.clone(), unused.clone())), n).unwrap();
            if blocks > 0 {
                gradients_equal_differences("blocks", &layer, [x, packed, unused]);
            }
        }
    }
}

#[test]
fn compressed_groups_equal_the_masked_product() {
    for (device, pattern) in devices().into_iter().flat_map(|device| Pattern::ALL.map(|p| (device.clone(), p))) {
        for [m, n, k] in SIZES {
            let (kept, of) = pattern.n_of_m();
            let mask = Mask::from_kept((0..n * k).map(|at| (at + at / of) % of < kept));
            let (x, w) = (noise(1, [m, k], &device), noise(2, [n, k], &device));
            let weight = NmWeight::new(&pack_nm(&read(w.clone()), [n, k], &mask, pattern).unwrap(), &device);
            let want = masked(x.clone(), w, &PackedMask::new(&mask, [n, k], &device).unwrap()).unwrap();
            CLOSE.compare(&read(want), &read(weight.product(x).unwrap()), n).unwrap();
        }
    }
}

#[test]
fn nothing_times_something_is_nothing() {
    for device in devices() {
        for [m, n, k] in [[0, 3, 4], [3, 0, 4], [2, 3, 0]] {
            let (x, w) = (noise(1, [m, k], &device).autodiff().require_grad(), noise(2, [n, k], &device).autodiff());
            let y = dense(x.clone(), w).unwrap();
            assert_eq!((y.dims(), read(y.clone())), ([m, n], vec![0.0; m * n]));
            let grads = y.sum().backward();
            assert_eq!(read(x.grad(&grads).unwrap()), vec![0.0; m * k]);
        }
        let none = Mask::from_kept((0..32 * 64).map(|_| false));
        let (list, _) = pack_blocks(&[1.0; 32 * 64], [32, 64], &none, 32).unwrap();
        let y =
            block_sparse(noise(1, [3, 64], &device), noise(1, [0, 32, 32], &device), &BlockIndex::new(&list, &device));
        assert_eq!(read(y.unwrap()), vec![0.0; 3 * 32]);
    }
}

#[test]
fn what_does_not_fit_is_refused() {
    let device = Device::flex();
    let (x, w) = (Tensor::<2>::zeros([2, 3], &device), Tensor::<2>::zeros([4, 5], &device));
    let said = dense(x.clone(), w.clone()).unwrap_err().to_string();
    assert_eq!(said, "dense: wanted x [samples, 5], got [2, 3]");
    let said = PackedMask::new(&Mask::full(7), [4, 5], &device).unwrap_err().to_string();
    assert_eq!(said, "masked: wanted a mask of 20 entries for [4, 5], got 7");
    let mask = PackedMask::new(&Mask::full(20), [5, 4], &device).unwrap();
    let said = masked(Tensor::zeros([2, 5], &device), w.clone(), &mask).unwrap_err().to_string();
    assert_eq!(said, "masked: wanted a mask of [4, 5], got [5, 4]");
    let gate = Gate::Inputs(Tensor::zeros([4], &device));
    let said = gated(Tensor::zeros([2, 5], &device), w, gate).unwrap_err().to_string();
    assert_eq!(said, "gated: wanted a gate [5], got [4]");
    assert!(matches!(indexable("dense", 1 << 16, 1 << 16), Err(KernelError::TooLarge { .. })));
    assert!(indexable("dense", 1 << 16, 1 << 15).is_ok());
}
