use std::collections::BTreeMap;

use crate::{Graph, ParamId};

/// Which entries of a parameter are kept, packed 64 to a word, entry 0 in the lowest bit.
///
/// Read row by row, like the parameter itself. Bits past the end are zero, so equal masks are equal words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mask {
    len: usize,
    words: Vec<u64>,
}

#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum MaskError {
    #[error("asked to prune {k} entries, only {alive} are left")]
    TooMany { k: usize, alive: usize },
    #[error("score {at} is not a number; look for NaN in the weights or the calibration data")]
    NotANumber { at: usize },
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

    /// From packed bits; those past the end are dropped. `None` unless there are just as many words as `len` entries take.
    pub fn from_words(len: usize, words: Vec<u64>) -> Option<Self> {
        let mut mask = Self::full(len);
        if words.len() != mask.words.len() {
            return None;
        }
        mask.words.iter_mut().zip(words).for_each(|(mask, word)| *mask &= word);
        Some(mask)
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
        self.words.iter().zip((0..).step_by(64)).flat_map(|(word, first)| {
            let rest = |left: &u64| Some(left & (left - 1)).filter(|left| *left != 0);
            let left = std::iter::successors(Some(*word).filter(|word| *word != 0), rest);
            left.map(move |left| first + left.trailing_zeros() as usize)
        })
    }

    /// 1 for kept, 0 for pruned.
    pub fn to_f32(&self) -> Vec<f32> {
        (0..self.len).map(|at| f32::from(u8::from(self.is_kept(at)))).collect()
    }

    /// Prunes one entry; pruning it twice changes nothing.
    pub fn prune(&mut self, at: usize) {
        self.prune_if(at, true);
    }

    /// Prunes one entry if it `goes`. Which ones go is as good as random to a processor, so this has no branch.
    pub fn prune_if(&mut self, at: usize, goes: bool) {
        assert!(at < self.len, "entry {at} of a mask of {}", self.len);
        self.words[at / 64] &= !(u64::from(goes) << (at % 64));
    }
}

/// Masks by parameter. A prunable parameter without one is wholly kept.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::Builder;
    use crate::ops::{Input, Linear};

    fn kept() -> impl Strategy<Value = Vec<bool>> {
        prop::collection::vec(any::<bool>(), 0..200)
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        /// However a mask came about, all its readings agree, and equal masks are equal words.
        #[test]
        fn every_reading_agrees(kept in kept()) {
            let mask = Mask::from_kept(kept.iter().copied());
            let mut pruned = Mask::full(kept.len());
            for at in (0..kept.len()).filter(|at| !kept[*at]) {
                pruned.prune(at);
                pruned.prune(at);
            }
            prop_assert_eq!(&pruned, &mask);
            prop_assert_eq!(Mask::from_words(mask.len(), mask.words().to_vec()), Some(mask.clone()));
            prop_assert_eq!((0..mask.len()).map(|at| mask.is_kept(at)).collect::<Vec<_>>(), kept.clone());
            prop_assert_eq!(mask.to_f32(), kept.iter().map(|kept| f32::from(*kept as u8)).collect::<Vec<_>>());
            let indices = (0..kept.len()).filter(|at| kept[*at]);
            prop_assert_eq!(mask.kept().collect::<Vec<_>>(), indices.collect::<Vec<_>>());
            prop_assert_eq!(mask.count_kept(), mask.kept().count());
            prop_assert_eq!(mask.count_kept() + mask.count_pruned(), mask.len());
        }

        #[test]
        fn bits_past_the_end_are_zero(len in 0..300_usize) {
            let mask = Mask::full(len);
            prop_assert_eq!(mask.words().len(), len.div_ceil(64));
            prop_assert_eq!(mask.words().iter().map(|word| word.count_ones() as usize).sum::<usize>(), len);
            prop_assert_eq!((mask.count_kept(), mask.count_pruned()), (len, 0));
            let words = mask.words().len();
            prop_assert_eq!(Mask::from_words(len, vec![u64::MAX; words]), Some(mask));
            prop_assert_eq!(Mask::from_words(len, vec![0; words + 1]), None);
        }
    }

    #[test]
    #[should_panic(expected = "entry 65 of a mask of 65")]
    fn there_is_nothing_past_the_end() {
        Mask::full(65).prune(65);
    }

    #[test]
    fn a_mask_must_fit_its_parameter() {
        let mut g = Builder::default();
        let x = g.add("x", Input::new(&[3]), &[]).unwrap();
        let x = g.add("fc1", Linear::new(3, 4, true), &[x]).unwrap();
        let x = g.add("fc2", Linear::new(4, 2, false), &[x]).unwrap();
        let graph = g.finish(x);
        let [first, second] = [ParamId(0), ParamId(2)];
        let mut masks = Masks::default();
        let error = masks.set(&graph, first, Mask::full(8)).unwrap_err();
        assert_eq!(error.to_string(), "fc1.weight: wanted a mask of 12 entries, got 8");
        let half = |len: usize| Mask::from_kept((0..len).map(|at| at % 2 == 0));
        masks.set(&graph, second, half(8)).unwrap();
        masks.set(&graph, first, Mask::full(12)).unwrap();
        masks.set(&graph, first, half(12)).unwrap();
        assert_eq!(masks.iter().map(|(id, _)| id).collect::<Vec<_>>(), graph.prunable().collect::<Vec<_>>());
        assert_eq!((masks.count_pruned(), masks.get(ParamId(1))), (10, None));
    }
}
