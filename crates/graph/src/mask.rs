use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{Graph, ParamId};

/// Which entries of a parameter are kept, packed 64 to a word, entry 0 in the lowest bit.
///
/// Read row by row, like the parameter itself. Bits past the end are zero, so equal masks are equal words.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mask {
    len: usize,
    words: Vec<u64>,
}

#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum MaskError {
    #[error("asked to prune {k} entries, only {alive} are left")]
    TooMany { k: usize, alive: usize },
    #[error("wanted {want} scores, got {got}")]
    Scores { want: usize, got: usize },
    #[error("score {at} is not a number; look for NaN in the weights or the calibration data")]
    NotANumber { at: usize },
    #[error("score {at} of layer {layer} is not a number; look for NaN in the weights or the calibration data")]
    NotANumberIn { layer: usize, at: usize },
    #[error("{name}: wanted a mask of {want} entries, got {got}")]
    Len { name: String, want: usize, got: usize },
    #[error("N:M pruning needs 1 <= N < M <= 16, got {n}:{m}")]
    Pattern { n: usize, m: usize },
}

impl Mask {
    /// Everything kept.
    pub fn full(len: usize) -> Self {
        let mut words = vec![u64::MAX; len.div_ceil(64)];
        if let (Some(last), tail @ 1..) = (words.last_mut(), len % 64) {
            *last = (1 << tail) - 1;
        }
        Self { len, words }
    }

    pub fn from_kept(kept: impl ExactSizeIterator<Item = bool>) -> Self {
        let mut mask = Self { len: kept.len(), words: vec![0; kept.len().div_ceil(64)] };
        for (at, kept) in kept.enumerate() {
            mask.words[at / 64] |= u64::from(kept) << (at % 64);
        }
        mask
    }

    pub fn len(&self) -> usize {
        self.len
    }

    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The packed bits; see [`Mask`].
    pub fn words(&self) -> &[u64] {
        &self.words
    }

    pub fn is_kept(&self, at: usize) -> bool {
        assert!(at < self.len, "entry {at} of a mask of {}", self.len);
        self.words[at / 64] >> (at % 64) & 1 == 1
    }

    pub fn count_kept(&self) -> usize {
        self.words.iter().map(|word| word.count_ones() as usize).sum()
    }

    pub fn count_pruned(&self) -> usize {
        self.len - self.count_kept()
    }

    /// Indices of kept entries, ascending.
    pub fn kept(&self) -> impl Iterator<Item = usize> + '_ {
        (0..self.len).filter(|at| self.is_kept(*at))
    }

    /// 1 for kept, 0 for pruned.
    pub fn to_f32(&self) -> Vec<f32> {
        (0..self.len).map(|at| f32::from(u8::from(self.is_kept(at)))).collect()
    }

    /// Prunes one entry; pruning it twice changes nothing.
    pub fn prune(&mut self, at: usize) {
        assert!(at < self.len, "entry {at} of a mask of {}", self.len);
        self.words[at / 64] &= !(1 << (at % 64));
    }
}

/// Masks by parameter. A prunable parameter without one is wholly kept.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Masks(BTreeMap<ParamId, Mask>);

impl Masks {
    pub fn get(&self, id: ParamId) -> Option<&Mask> {
        self.0.get(&id)
    }

    /// Adds or replaces a parameter's mask, checked against its size.
    pub fn set(&mut self, graph: &Graph, id: ParamId, mask: Mask) -> Result<(), MaskError> {
        let param = graph.param(id);
        if mask.len() != param.len() {
            return Err(MaskError::Len { name: param.name.clone(), want: param.len(), got: mask.len() });
        }
        self.0.insert(id, mask);
        Ok(())
    }

    /// In graph order.
    pub fn iter(&self) -> impl Iterator<Item = (ParamId, &Mask)> {
        self.0.iter().map(|(id, mask)| (*id, mask))
    }

    pub fn count_pruned(&self) -> usize {
        self.0.values().map(Mask::count_pruned).sum()
    }
}
