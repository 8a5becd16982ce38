//! Which weights stay while a model learns.

use burn::tensor::{Bool, Tensor, TensorData};
use secateur_exec::rng::Rng;
use secateur_exec::{ExecError, Params};
use secateur_graph::{Graph, Mask, Masks, ParamId};
use secateur_kernels::select::{prune_lowest, prune_lowest_of_all};

use crate::lab::AllScores;
use crate::parts::allocate;
use crate::{Lab, MethodError};

/// How the weights that stay are shared out among layers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Spread {
    /// Every layer loses the same share.
    Uniform,
    /// The lowest scores anywhere go.
    Global,
    /// Small layers keep more, by shape.
    Erk,
}

impl Spread {
    /// The spread of this word, as fields name it.
    pub fn of(word: &str) -> Self {
        match word {
            "global" => Self::Global,
            "erk" => Self::Erk,
            _ => Self::Uniform,
        }
    }
}

/// |w| of every prunable parameter [R, C], and -1 for what is pruned: it goes before anything else.
pub(crate) fn magnitudes(lab: &Lab<'_>, params: &Params, masks: &Masks) -> Result<AllScores, ExecError> {
    let magnitude = |id| Ok((id, ranked(weight(lab.graph, params, id)?, masks.get(id))));
    lab.graph.prunable().map(magnitude).collect()
}

/// Evenly spread numbers for every prunable parameter [R, C].
pub(crate) fn chances(lab: &Lab<'_>, seed: u64, purpose: &str) -> AllScores {
    lab.graph.prunable().map(|id| (id, chance(lab, seed, purpose, 0, id))).collect()
}

/// Evenly spread numbers for one parameter [R, C], others at each step.
pub(crate) fn chance(lab: &Lab<'_>, seed: u64, purpose: &str, step: u64, id: ParamId) -> Tensor<2> {
    let param = lab.graph.param(id);
    let (rows, cols) = param.matrix();
    let mut rng = Rng::keyed(seed, purpose, step, &param.name);
    let drawn: Vec<f32> = (0..rows * cols).map(|_| rng.uniform()).collect();
    Tensor::from_data(TensorData::new(drawn, [rows, cols]), lab.compute.device())
}

/// Masks without the share `sparsity` of all that is scored: the lowest go.
pub(crate) async fn lowest(
    graph: &Graph,
    scores: AllScores,
    sparsity: f64,
    spread: Spread,
) -> Result<Masks, MethodError> {
    let ids: Vec<ParamId> = scores.keys().copied().collect();
    let sizes: Vec<usize> = ids.iter().map(|id| graph.param(*id).len()).collect();
    let all = allocate::share(sparsity, sizes.iter().sum());
    let counts = match spread {
        Spread::Uniform => sizes.iter().map(|size| allocate::share(sparsity, *size)).collect(),
        Spread::Erk => allocate::erk(&ids.iter().map(|id| graph.param(*id).shape()).collect::<Vec<_>>(), all),
        Spread::Global => {
            let found = prune_lowest_of_all(scores.into_values().collect(), all).await.map_err(ExecError::from)?;
            return gathered(graph, ids.into_iter().zip(found));
        }
    };
    let mut found = Vec::new();
    for ((id, scores), k) in scores.into_iter().zip(counts) {
        found.push((id, prune_lowest(scores, k).await.map_err(ExecError::from)?));
    }
    gathered(graph, found.into_iter())
}

/// What a layer keeps without the `k` smallest weights that it has, and then with as many others in their place: those of the
/// highest `appeal`, in which weights that were just dropped take part.
///
/// Drop and grow of Mocanu et al. (2018) and Evci et al. (2020, algorithm 1). `weight`, `appeal`: [R, C], `appeal` >= 0.
pub(crate) async fn swap(weight: Tensor<2>, appeal: Tensor<2>, mask: &Mask, k: usize) -> Result<[Mask; 2], ExecError> {
    let shape = weight.dims();
    let dropped = prune_lowest(ranked(weight, Some(mask)), mask.count_pruned() + k).await?;
    let stay = pruned(&dropped, shape, &appeal).bool_not();
    let grown = prune_lowest(appeal.mask_fill(stay, f32::MAX), mask.count_pruned()).await?;
    Ok([dropped, grown])
}

/// A prunable parameter as a matrix.
pub(crate) fn weight(graph: &Graph, params: &Params, id: ParamId) -> Result<Tensor<2>, ExecError> {
    Ok(params.get(graph, id)?.matrix(graph.param(id).matrix()))
}

/// The masks of these parameters.
pub(crate) fn gathered(graph: &Graph, found: impl Iterator<Item = (ParamId, Mask)>) -> Result<Masks, MethodError> {
    let mut masks = Masks::default();
    for (id, mask) in found {
        masks.set(graph, id, mask)?;
    }
    Ok(masks)
}

/// |w| [R, C], and -1 for what the mask prunes.
pub(super) fn ranked(weight: Tensor<2>, mask: Option<&Mask>) -> Tensor<2> {
    let Some(mask) = mask else { return weight.abs() };
    let gone = pruned(mask, weight.dims(), &weight);
    weight.abs().mask_fill(gone, -1.0)
}

/// True where the mask prunes, on the device of `like`.
fn pruned(mask: &Mask, shape: [usize; 2], like: &Tensor<2>) -> Tensor<2, Bool> {
    let entries: Vec<bool> = (0..mask.len()).map(|at| !mask.is_kept(at)).collect();
    Tensor::from_data(TensorData::new(entries, shape), &like.device())
}
