use super::*;
use crate::check::{Close, Noise};

/// Nothing, one, around a block and a piece, odd, several slabs.
const SIZES: &[[usize; 3]] = &[
    [0, 3, 5],
    [3, 0, 5],
    [3, 5, 0],
    [1, 1, 1],
    [1, 15, 17],
    [2, 16, 16],
    [6, 17, 15],
    [7, 33, 31],
    [13, 100, 50],
    [64, 48, 40],
    [65, 20, 33],
    [203, 64, 48],
    [400, 19, 16],
    [70, 300, 20],
    [7, 700, 33],
];

/// Each output's entries one after the other.
fn plain(x: &[f32], weight: &[f32], inputs: usize, bias: Option<&[f32]>, (y, outputs): (&mut [f32], usize)) {
    for (at, y) in y.iter_mut().enumerate() {
        let (sample, output) = (at / outputs, at % outputs);
        let (x, w) = (&x[sample * inputs..][..inputs], &weight[output * inputs..][..inputs]);
        *y = x.iter().zip(w).map(|(x, w)| f64::from(*x) * f64::from(*w)).sum::<f64>() as f32
            + bias.map_or(0.0, |bias| bias[output]);
    }
}

/// A weight with about this share of its entries, or of its blocks, kept.
fn thinned(outputs: usize, inputs: usize, kept: f32, by_block: bool) -> Vec<f32> {
    let mut noise = Noise::new(7);
    let blocks: Vec<bool> =
        (0..=outputs / BLOCK * (inputs / BLOCK + 1) + inputs / BLOCK).map(|_| noise.one().abs() < kept).collect();
    let keep = |at: usize, noise: &mut Noise| match by_block {
        true => blocks[at / inputs / BLOCK * (inputs / BLOCK + 1) + at % inputs / BLOCK],
        false => noise.one().abs() < kept,
    };
    (0..outputs * inputs).map(|at| if keep(at, &mut noise) { noise.one() } else { 0.0 }).collect()
}

#[test]
fn all_layouts_give_the_plain_product() {
    let mut compared = 0;
    for &[samples, inputs, outputs] in SIZES {
        for (kept, by_block) in [(1.0, false), (0.3, false), (0.3, true), (0.0, true)] {
            let weight = thinned(outputs, inputs, kept, by_block);
            let mut noise = Noise::new(3);
            let (x, bias) = (noise.many(samples * inputs), noise.many(outputs));
            for bias in [None, Some(&bias[..])] {
                let mut want = vec![f32::NAN; samples * outputs];
                plain(&x, &weight, inputs, bias, (&mut want, outputs));
                let rows = Packed::Rows(Rows::new(&weight, outputs, inputs).unwrap());
                for packed in [Packed::Blocks(Blocks::new(&weight, outputs, inputs)), rows] {
                    let mut got = vec![f32::NAN; samples * outputs];
                    packed.product(&x, bias, &mut got);
                    let close = Close { abs: 1e-5, rel: 1e-5 };
                    close
                        .compare(&want, &got, outputs.max(1))
                        .unwrap_or_else(|mismatch| panic!("{samples} x {inputs} x {outputs}, {kept} kept: {mismatch}"));
                    compared += 1;
                }
                if inputs > 0 {
                    for product in [dense, few] {
                        let mut got = vec![f32::NAN; samples * outputs];
                        product(&x, &weight, inputs, bias, &mut got);
                        Close { abs: 1e-5, rel: 1e-5 }.compare(&want, &got, outputs.max(1)).unwrap();
                        compared += 1;
                    }
                }
            }
        }
    }
    assert_eq!(compared, SIZES.len() * 4 * 2 * 4 - 4 * 2 * 2);
}

#[test]
fn only_blocks_with_something_in_them_are_kept() {
    let mut weight = vec![0.0; 40 * 33];
    (weight[0], weight[39 * 33 + 32]) = (1.0, 2.0);
    assert_eq!(Blocks::new(&weight, 40, 33).count(), (2, 9));
    assert_eq!(Rows::new(&weight, 40, 33).unwrap().count(), 2);
    let all = Packed::Blocks(Blocks::new(&vec![1.0; 40 * 33], 40, 33));
    let few = Packed::Blocks(Blocks::new(&weight, 40, 33));
    assert!(few.bytes() * 3 < all.bytes(), "{} of {}", few.bytes(), all.bytes());
}
