use burn::tensor::Tensor;
use secateur_exec::ExecError;
use secateur_graph::{Graph, Mask, Param};
use secateur_kernels::score::{Norm, units};
use secateur_kernels::select;

use super::allocate::at_most;

/// How much goes, in which pattern. `sparsity` is the share that goes, 0 to 1.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Pattern {
    /// Single weights; the allocation says how much of the cut falls on which layer.
    Layers { sparsity: f64, allocation: Allocation },
    /// Single weights, the same number in every row of a layer.
    Rows { sparsity: f64 },
    /// Keeps `n` of every `m` neighbours in a row.
    NOfM { n: usize, m: usize },
    /// Whole blocks of `side` x `side` neighbours, the same share of every layer's.
    Blocks { sparsity: f64, side: usize },
}

/// How much of a cut falls on which layer.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Allocation {
    Uniform,
    /// `floor`: percent of all prunable weights that every layer keeps at least.
    Global {
        floor: f64,
    },
    Erk,
    Lamp,
}

impl Pattern {
    /// A sentence about the layers that the pattern does not fit, if there are any: weights that N:M leaves dense because
    /// they fill no group, layers of too few blocks to lose one.
    pub(super) fn left_over(self, graph: &Graph) -> Option<String> {
        let layers = graph.prunable().map(|id| graph.param(id));
        match self {
            Self::NOfM { n, m } => ungrouped(layers, n, m),
            Self::Blocks { sparsity, side } => too_small(layers, sparsity, side),
            Self::Layers { .. } | Self::Rows { .. } => None,
        }
    }
}

fn ungrouped<'a>(layers: impl Iterator<Item = &'a Param>, n: usize, m: usize) -> Option<String> {
    let layers: Vec<&Param> = layers.filter(|param| !param.matrix().1.is_multiple_of(m)).collect();
    let weights: usize = layers.iter().map(|param| param.matrix().0 * (param.matrix().1 % m)).sum();
    let first = layers.first()?;
    let cols = first.matrix().1;
    Some(format!(
        "{n}:{m} leaves {weights} weights of {} layers dense: columns at the end of a row that fill no group of {m} (the last \
         {} of {cols} in {}).",
        layers.len(),
        cols % m,
        first.name,
    ))
}

fn too_small<'a>(layers: impl Iterator<Item = &'a Param>, sparsity: f64, side: usize) -> Option<String> {
    let none_goes = |param: &&Param| sparsity > 0.0 && at_most(sparsity, blocks(param, side)) == 0;
    let layers: Vec<&Param> = layers.filter(none_goes).collect();
    let weights: usize = layers.iter().map(|param| param.len()).sum();
    let first = layers.first()?;
    Some(format!(
        "Blocks of {side} x {side} leave {weights} weights of {} layers dense: a share of {sparsity} is less than one of \
         their blocks ({} in {}).",
        layers.len(),
        blocks(first, side),
        first.name,
    ))
}

/// How many blocks a layer has. Those at its edges may be smaller.
pub(super) fn blocks(param: &Param, side: usize) -> usize {
    let (rows, cols) = param.matrix();
    rows.div_ceil(side) * cols.div_ceil(side)
}

/// What one layer loses, and in which pattern.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cut {
    /// The `k` lowest of the whole layer.
    Lowest { k: usize },
    /// The `k` lowest of every row.
    PerRow { k: usize },
    /// All but the `n` highest of every `m` consecutive columns of a row.
    NOfM { n: usize, m: usize },
    /// The `k` blocks of `side` x `side` entries with the lowest sums.
    Blocks { side: usize, k: usize },
}

impl Cut {
    /// The mask of a layer with these scores [R, C], which stay where they are.
    pub async fn apply(self, scores: Tensor<2>) -> Result<Mask, ExecError> {
        Ok(match self {
            Self::Lowest { k } => select::prune_lowest(scores, k).await?,
            Self::PerRow { k } => select::prune_rows(scores, 1, k).await?,
            Self::NOfM { n, m } => select::prune_n_of_m(scores, n, m).await?,
            Self::Blocks { side, k } => {
                let matrix = scores.dims();
                let sums = units(scores, [side; 2], Norm::L1)?;
                select::prune_blocks(sums, matrix, [side; 2], k).await?
            }
        })
    }
}
