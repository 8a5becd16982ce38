//! How many entries each layer loses. Pure functions of shapes, weights and scores.

mod erk;
mod floor;
mod lamp;

pub use erk::{erk, erk_densities};
pub use floor::{Infeasible, with_floor};
pub use lamp::lamp_scores;

use secateur_graph::{Mask, MaskError, select};

/// Entries that make up a share of `of`, to the nearest whole one.
pub fn share(sparsity: f64, of: usize) -> usize {
    (sparsity * of as f64).round() as usize
}

/// Entries that each row of `cols` loses: rounded down, as the Wanda paper's code does.
pub fn per_row(sparsity: f64, cols: usize) -> usize {
    (sparsity * cols as f64) as usize
}

/// The `k` lowest scores of all layers together, counted by layer.
pub fn global<'a>(scores: impl Iterator<Item = &'a [f32]>, k: usize) -> Result<Vec<usize>, MaskError> {
    let layers: Vec<(&[f32], Mask)> = scores.map(|scores| (scores, Mask::full(scores.len()))).collect();
    let layers: Vec<(&[f32], &Mask)> = layers.iter().map(|(scores, mask)| (*scores, mask)).collect();
    select::count_lowest(&layers, k)
}

/// Whole numbers near `targets` that add up to `total`, as the targets do but for rounding errors: each rounded
/// down, the rest to the largest remainders, ties to the lower index (Hamilton's method).
fn whole(targets: &[f64], total: usize) -> Vec<usize> {
    let mut counts: Vec<usize> = targets.iter().map(|target| *target as usize).collect();
    let rest = total.saturating_sub(counts.iter().sum());
    let mut order: Vec<usize> = (0..targets.len()).collect();
    order.sort_by(|a, b| targets[*b].fract().total_cmp(&targets[*a].fract()));
    order.iter().take(rest).for_each(|layer| counts[*layer] += 1);
    counts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_numbers_add_up_and_stay_near() {
        assert_eq!(whole(&[1.5, 1.5, 1.0], 4), [2, 1, 1]);
        assert_eq!(whole(&[0.2, 2.9999999, 0.8], 4), [0, 3, 1]);
        let targets: Vec<f64> = (0..50).map(|i| 100.0 / 1.37f64.powi(i)).collect();
        let total = targets.iter().sum::<f64>().round() as usize;
        let counts = whole(&targets, total);
        assert_eq!(counts.iter().sum::<usize>(), total);
        assert!(counts.iter().zip(&targets).all(|(count, target)| (*count as f64 - target).abs() < 1.0));
    }

    #[test]
    fn global_takes_the_lowest_anywhere() {
        let (small, large) = ([0.1, 0.2, 0.3], [1.0, 2.0, 0.25, 0.05]);
        let counts = |k| global([&small[..], &large[..]].into_iter(), k).unwrap();
        assert_eq!(counts(0), [0, 0]);
        assert_eq!(counts(3), [2, 1]);
        assert_eq!(counts(5), [3, 2], "the layer of small weights is emptied");
        assert_eq!(counts(7), [3, 4]);
    }

    #[test]
    fn shares_round_and_rows_floor() {
        assert_eq!((share(0.5, 5), share(0.8, 304_128)), (3, 243_302));
        assert_eq!((per_row(0.5, 5), per_row(0.99, 16)), (2, 15));
    }
}
