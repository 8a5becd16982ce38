use std::borrow::Cow;
use std::collections::BTreeMap;

use secateur_formats::safetensors::{self, Dtype, Tensor};
use secateur_graph::{Mask, Param, ParamId};

use crate::checkpoint::Checkpoint;
use crate::history::Cut;
use crate::stop::Stop;

/// One U8 tensor for each prunable parameter, and for others that lose something, in their shapes in the checkpoint: 1 = kept,
/// 0 = pruned.
pub(super) fn file<F>(checkpoint: &Checkpoint<F>, cut: &Cut, digest: &str) -> Result<Vec<u8>, Stop> {
    let graph = &checkpoint.model.graph;
    let listed = |id: &ParamId| cut.masks.get(*id).is_some() || graph.prunable().any(|prunable| prunable == *id);
    let tensors = graph.param_ids().filter(listed).map(|id| {
        let param = graph.param(id);
        let full = || Mask::full(param.len());
        let mask = cut.masks.get(id).cloned().unwrap_or_else(full);
        let bytes = Cow::Owned(stored(param, &mask));
        Tensor { name: param.name.clone(), dtype: Dtype::U8, shape: param.stored_shape(), bytes }
    });
    let metadata = [("recipe", cut.recipe.canonical()), ("digest", digest.to_string())];
    let metadata: BTreeMap<_, _> = metadata.map(|(key, value)| (key.to_string(), value)).into();
    safetensors::write(tensors, &metadata).map_err(Stop::because)
}

/// The mask's entries in the order of the checkpoint's: 1 = kept, 0 = pruned.
pub(super) fn stored(param: &Param, mask: &Mask) -> Vec<u8> {
    param.to_stored((0..mask.len()).map(|at| u8::from(mask.is_kept(at))).collect())
}
