use secateur_graph::{Graph, Mask, MaskError, Param, select};

/// How much goes, in which pattern. `sparsity` is the share that goes, 0 to 1.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Pattern {
    /// Single weights; the allocation says how much of the cut falls on which layer.
    Layers { sparsity: f64, allocation: Allocation },
    /// Single weights, the same number in every row of a layer.
    Rows { sparsity: f64 },
    /// Keeps `n` of every `m` neighbours in a row.
    NOfM { n: usize, m: usize },
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
    /// A sentence about the weights that N:M leaves dense because they fill no group, if there are any.
    pub(super) fn left_over(self, graph: &Graph) -> Option<String> {
        let Self::NOfM { n, m } = self else { return None };
        let layers: Vec<&Param> =
            graph.prunable().map(|id| graph.param(id)).filter(|param| !param.matrix().1.is_multiple_of(m)).collect();
        let weights: usize = layers.iter().map(|param| param.matrix().0 * (param.matrix().1 % m)).sum();
        let first = layers.first()?;
        let cols = first.matrix().1;
        Some(format!(
            "{n}:{m} leaves {weights} weights of {} layers dense: columns at the end of a row that fill no group of \
             {m} (the last {} of {cols} in {}).",
            layers.len(),
            cols % m,
            first.name,
        ))
    }
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
}

impl Cut {
    pub fn apply(self, param: &Param, scores: &[f32]) -> Result<Mask, MaskError> {
        let mut mask = Mask::full(param.len());
        let cols = param.matrix().1;
        match self {
            Self::Lowest { k } => select::prune_lowest(scores, &mut mask, 0..param.len(), k)?,
            Self::PerRow { k } => select::prune_rows(scores, &mut mask, cols, k)?,
            Self::NOfM { n, m } => {
                select::prune_n_of_m(scores, &mut mask, cols, n, m)?;
            }
        }
        Ok(mask)
    }
}
