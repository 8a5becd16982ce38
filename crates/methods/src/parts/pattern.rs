use secateur_graph::{Graph, Mask, MaskError, Param, select};

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

/// A sentence about the columns that fill no group of `m` and so stay dense, if there are any.
pub(super) fn left_over(graph: &Graph, n: usize, m: usize) -> Option<String> {
    let odd: Vec<&Param> =
        graph.prunable().map(|id| graph.param(id)).filter(|param| !param.matrix().1.is_multiple_of(m)).collect();
    let weights: usize = odd.iter().map(|param| param.matrix().0 * (param.matrix().1 % m)).sum();
    let first = odd.first()?;
    let cols = first.matrix().1;
    Some(format!(
        "{n}:{m} leaves {weights} weights of {} layers dense: columns at the end of a row that fill no group of {m} \
         (the last {} of {cols} in {}).",
        odd.len(),
        cols % m,
        first.name,
    ))
}
