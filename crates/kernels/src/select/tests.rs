//! Held against `secateur_graph::select`, on the CPU and, with SECATEUR_GPU_TESTS=1, on a GPU (a software one will do).

use burn::tensor::Device;
use pollster::block_on;

use super::*;
use crate::check::Noise;
use crate::check::tests::{devices, tensor};
use crate::cpu::select as twin;

/// Rows and columns: one entry, words that rows share, few and many rows, several blocks of ties, enough to be
/// counted on the CPU.
const SIZES: &[[usize; 2]] =
    &[[1, 1], [3, 5], [1, 64], [1, 65], [20, 33], [17, 600], [2, 9_001], [5, 8_192], [4, 70_001]];

/// Many ties, both zeros and denormals among them; no NaN.
fn numbers(noise: &mut Noise, len: usize) -> Vec<f32> {
    let number = |score: f32| if score.is_nan() { -1.5 } else { score };
    twin::scores(noise, len).into_iter().map(|bits| number(f32::from_bits(bits))).collect()
}

/// None, one, some and all of so many.
fn counts(noise: &mut Noise, of: usize) -> [usize; 5] {
    [0, 1, of / 2, noise.word() as usize % (of + 1), of]
}

/// What a plain sort says: NaN first, then by score and index.
fn without_lowest(scores: &[f32], k: usize) -> Vec<bool> {
    let mut order: Vec<usize> = (0..scores.len()).collect();
    order.sort_by_key(|at| (twin::key(scores[*at].to_bits()), *at));
    let mut stays = vec![true; scores.len()];
    order[..k].iter().for_each(|at| stays[*at] = false);
    stays
}

#[test]
fn lowest_and_rows_are_the_graphs() {
    for device in &devices() {
        let mut noise = Noise::new(1);
        for &[rows, cols] in SIZES {
            let scores = numbers(&mut noise, rows * cols);
            let on_device = || tensor(&scores, [rows, cols], device);
            for k in counts(&mut noise, scores.len()) {
                let want = select::prune_lowest(&[&scores], k).unwrap();
                let got = block_on(prune_lowest(on_device(), k)).unwrap();
                assert_eq!((got.count_pruned(), got == want[0]), (k, true), "{k} of {rows} x {cols}");
            }
            for group in (1..=rows).filter(|group| rows % group == 0) {
                for k in counts(&mut noise, group * cols) {
                    let want = select::prune_rows(&scores, group * cols, k).unwrap();
                    let got = block_on(prune_rows(on_device(), group, k)).unwrap();
                    assert_eq!(got, want, "{k} of every {group} rows of {rows} x {cols}");
                }
            }
        }
    }
}

#[test]
fn global_is_the_graphs() {
    for device in &devices() {
        let mut noise = Noise::new(2);
        let sizes = [[3, 5], [0, 4], [20, 600], [1, 64], [2, 9_001]];
        let layers: Vec<Vec<f32>> = sizes.iter().map(|[rows, cols]| numbers(&mut noise, rows * cols)).collect();
        let all: Vec<&[f32]> = layers.iter().map(Vec::as_slice).collect();
        let negative = layers.iter().flatten().filter(|score| **score < 0.0).count();
        let len: usize = layers.iter().map(Vec::len).sum();
        // Cuts through the zeros end in each of the layers.
        let ks = (0..40).map(|part| negative + part * 100).chain(counts(&mut noise, len));
        for k in ks.filter(|k| *k <= len) {
            let want = select::prune_lowest(&all, k).unwrap();
            let on_device = layers.iter().zip(sizes).map(|(scores, size)| tensor(scores, size, device)).collect();
            assert!(block_on(prune_lowest_of_all(on_device, k)).unwrap() == want, "{k} of {len}");
        }
    }
}

#[test]
fn n_of_m_is_the_graphs() {
    for device in &devices() {
        let mut noise = Noise::new(3);
        for &[rows, cols] in SIZES {
            let scores = numbers(&mut noise, rows * cols);
            for (n, m) in [(2, 4), (1, 4), (4, 8), (5, 7), (15, 16)] {
                let want = select::prune_n_of_m(&scores, cols, n, m).unwrap();
                let got = block_on(prune_n_of_m(tensor(&scores, [rows, cols], device), n, m)).unwrap();
                assert_eq!(got, want, "{n}:{m} of {rows} x {cols}");
            }
        }
    }
}

#[test]
fn blocks_go_whole() {
    for device in &devices() {
        let mut noise = Noise::new(4);
        for &[rows, cols] in SIZES {
            for [high, wide] in [[1, 1], [4, 4], [16, 16], [3, 100]] {
                let (down, across) = (rows.div_ceil(high), cols.div_ceil(wide));
                let scores = numbers(&mut noise, down * across);
                for k in counts(&mut noise, scores.len()) {
                    let stays = without_lowest(&scores, k);
                    let stays = |at: usize| stays[at / cols / high * across + at % cols / wide];
                    let want = Mask::from_kept((0..rows * cols).map(stays));
                    let scores = tensor(&scores, [down, across], device);
                    let got = block_on(prune_blocks(scores, [rows, cols], [high, wide], k)).unwrap();
                    assert_eq!(got, want, "{k} blocks of {high} x {wide} of {rows} x {cols}");
                }
            }
        }
    }
}

#[test]
fn what_is_no_number_goes_first() {
    for device in &devices() {
        let scores: Vec<f32> = twin::scores(&mut Noise::new(5), 30_000).into_iter().map(f32::from_bits).collect();
        let nan = scores.iter().filter(|score| score.is_nan()).count();
        for k in [nan / 2, nan, nan + 9] {
            let want = Mask::from_kept(without_lowest(&scores, k).into_iter());
            let got = block_on(prune_lowest(tensor(&scores, [300, 100], device), k)).unwrap();
            assert!(got == want, "{k} of {}, {nan} of them NaN", scores.len());
        }
    }
}

#[test]
fn errors_say_what_was_wanted() {
    let scores = || Tensor::<2>::zeros([4, 6], &Device::flex());
    let said = |error: SelectError| error.to_string();
    let error = block_on(prune_lowest(scores(), 25)).unwrap_err();
    assert_eq!(said(error), "asked to prune 25 entries, only 24 are left");
    let error = block_on(prune_rows(scores(), 3, 1)).unwrap_err();
    assert_eq!(said(error), "groups of 3 rows do not divide 4 rows; choose a divisor");
    assert!(block_on(prune_rows(scores(), 0, 1)).is_err());
    assert!(block_on(prune_rows(scores(), 2, 13)).is_err());
    let error = block_on(prune_n_of_m(scores(), 4, 4)).unwrap_err();
    assert_eq!(said(error), "N:M pruning needs 1 <= N < M <= 16, got 4:4");
    let error = block_on(prune_blocks(scores(), [64, 97], [16, 16], 1)).unwrap_err();
    let wanted = "blocks of [16, 16] in a matrix of [64, 97]: wanted [4, 7] block scores, got [4, 6]";
    assert_eq!(said(error), wanted);
    assert!(block_on(prune_blocks(scores(), [4, 6], [1, 0], 1)).is_err());
}
