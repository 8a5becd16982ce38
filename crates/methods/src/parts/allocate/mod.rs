//! How many entries each layer loses. Functions of shapes, weights and scores alone.

mod erk;
mod floor;
mod lamp;

pub use erk::{erk, erk_densities};
pub use floor::{Infeasible, with_floor};
pub use lamp::lamp_scores;

use secateur_exec::ExecError;
use secateur_graph::Mask;
use secateur_kernels::select::prune_lowest_of_all;

use crate::lab::AllScores;

/// Entries that make up a share of `of`, to the nearest whole one.
pub fn share(sparsity: f64, of: usize) -> usize {
    (sparsity * of as f64).round() as usize
}

/// A row's entries, or a layer's blocks, that make up a share at most: rounded down, as the Wanda paper's code does.
pub fn at_most(sparsity: f64, of: usize) -> usize {
    (sparsity * of as f64) as usize
}

/// The `k` lowest scores of all layers together, counted by layer.
pub async fn global(scores: AllScores, k: usize) -> Result<Vec<usize>, ExecError> {
    let masks = prune_lowest_of_all(scores.into_values().collect(), k).await?;
    Ok(masks.iter().map(Mask::count_pruned).collect())
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
    use burn::tensor::{Device, Tensor};
    use secateur_graph::ParamId;

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
        let device = Device::flex();
        let small = Tensor::from_floats([[0.1, 0.2, 0.3]], &device);
        let large = Tensor::from_floats([[1.0, 2.0, 0.25, 0.05]], &device);
        let layers = AllScores::from([(ParamId(0), small), (ParamId(1), large)]);
        let counts = |k| pollster::block_on(global(layers.clone(), k)).unwrap();
        assert_eq!(counts(0), [0, 0]);
        assert_eq!(counts(3), [2, 1]);
        assert_eq!(counts(5), [3, 2], "the layer of small weights is emptied");
        assert_eq!(counts(7), [3, 4]);
    }

    #[test]
    fn shares_round_and_rows_floor() {
        assert_eq!((share(0.5, 5), share(0.8, 304_128)), (3, 243_302));
        assert_eq!((at_most(0.5, 5), at_most(0.99, 16)), (2, 15));
    }
}
