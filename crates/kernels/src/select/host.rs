//! Selection on slices: no sort, a few passes.

use secateur_graph::Mask;

use crate::cpu::select::key;

/// The upper bits of a key, by which many scores are counted first.
const UPPER: u32 = 16;
/// Fewer scores than this are not worth counting.
const MANY: usize = 4 << UPPER;

/// The lowest so many scores, met in order: all keys below `key`, and the first `ties` of those equal to it.
pub(super) struct Cut {
    key: u32,
    ties: usize,
}

impl Cut {
    /// After the `k` lowest of all layers together. They have as many.
    pub(super) fn below(layers: &[&[f32]], k: usize) -> Self {
        let len = layers.iter().map(|layer| layer.len()).sum();
        if k == 0 {
            Self { key: 0, ties: 0 }
        } else if len < MANY {
            let mut keys = Vec::with_capacity(len);
            layers.iter().for_each(|layer| keys.extend(layer.iter().map(key_of)));
            Self::among(&mut keys, k)
        } else {
            let (mut keys, k) = near(layers, k);
            Self::among(&mut keys, k)
        }
    }

    /// After the `k` lowest of a few keys, at least 1 (quickselect, Hoare 1961).
    fn among(keys: &mut [u32], k: usize) -> Self {
        let (lower, kth, _) = keys.select_nth_unstable(k - 1);
        Self { key: *kth, ties: k - lower.iter().filter(|key| **key < *kth).count() }
    }

    /// A bit for each of at most 64 scores: whether it stays.
    fn stays(&mut self, scores: &[f32]) -> u64 {
        let (mut above, mut tied) = (0, 0);
        for (at, score) in scores.iter().enumerate() {
            let key = key_of(score);
            above |= u64::from(key > self.key) << at;
            tied |= u64::from(key == self.key) << at;
        }
        while self.ties > 0 && tied != 0 {
            tied &= tied - 1;
            self.ties -= 1;
        }
        above | tied
    }
}

/// The keys with the same upper bits as the `k`-th lowest, and which of them that is.
fn near(layers: &[&[f32]], mut k: usize) -> (Vec<u32>, usize) {
    let mut counts = vec![0; 1 << UPPER];
    layers.iter().for_each(|layer| layer.iter().for_each(|score| counts[upper(score)] += 1));
    let mut here = 0;
    while k > counts[here] {
        k -= counts[here];
        here += 1;
    }
    let mut keys = Vec::with_capacity(counts[here]);
    for some in layers.iter().flat_map(|layer| layer.chunks(16)) {
        // Few lie here: to ask without a branch whether any of 16 does is quicker than to ask each.
        if some.iter().fold(false, |any, score| any | (upper(score) == here)) {
            keys.extend(some.iter().filter(|score| upper(score) == here).map(key_of));
        }
    }
    (keys, k)
}

fn key_of(score: &f32) -> u32 {
    key(score.to_bits())
}

fn upper(score: &f32) -> usize {
    (key_of(score) >> (32 - UPPER)) as usize
}

/// A mask that grows from its first entry on.
struct Growing {
    len: usize,
    words: Vec<u64>,
}

impl Growing {
    fn new(capacity: usize) -> Self {
        Self { len: 0, words: Vec::with_capacity(capacity.div_ceil(64)) }
    }

    /// Adds `count` entries, 1 to 64. The bits after them are 0.
    fn push(&mut self, bits: u64, count: usize) {
        let used = self.len % 64;
        match self.words.last_mut() {
            Some(last) if used > 0 => *last |= bits << used,
            _ => self.words.push(bits),
        }
        if used > 0 && used + count > 64 {
            self.words.push(bits >> (64 - used));
        }
        self.len += count;
    }

    /// Adds `count` entries that all stay or all go.
    fn push_run(&mut self, stays: bool, count: usize) {
        for start in (0..count).step_by(64) {
            let now = (count - start).min(64);
            self.push(if stays { u64::MAX >> (64 - now) } else { 0 }, now);
        }
    }

    fn push_cut(&mut self, scores: &[f32], cut: &mut Cut) {
        scores.chunks(64).for_each(|scores| self.push(cut.stays(scores), scores.len()));
    }

    fn mask(self) -> Mask {
        Mask::from_words(self.len, self.words).expect("a word for every 64 entries")
    }
}

/// The part of each layer's scores that is above a cut through all of them; ties go from the first layer on.
pub(super) fn above(layers: &[&[f32]], mut cut: Cut) -> Vec<Mask> {
    let mask = |layer: &&[f32]| {
        let mut mask = Growing::new(layer.len());
        mask.push_cut(layer, &mut cut);
        mask.mask()
    };
    layers.iter().map(mask).collect()
}

/// All but the `k` lowest of every `cols` scores.
pub(super) fn rows(scores: &[f32], cols: usize, k: usize) -> Mask {
    let mut mask = Growing::new(scores.len());
    for row in scores.chunks(cols.max(1)) {
        mask.push_cut(row, &mut Cut::below(&[row], k));
    }
    mask.mask()
}

/// The `n` highest of every `m` scores of a row, and what fills no group at its end.
pub(super) fn n_of_m(scores: &[f32], cols: usize, n: usize, m: usize) -> Mask {
    let mut mask = Growing::new(scores.len());
    let mut keys = vec![0; m];
    for row in scores.chunks(cols.max(1)) {
        let groups = row.chunks_exact(m);
        let rest = groups.remainder().len();
        for group in groups {
            keys.iter_mut().zip(group).for_each(|(to, score)| *to = key_of(score));
            mask.push(highest(&keys, n), m);
        }
        mask.push_run(true, rest);
    }
    mask.mask()
}

/// A bit for each of the `n` highest keys: those that as many others lie below as go.
fn highest(keys: &[u32], n: usize) -> u64 {
    let stays = |at: usize| {
        let own = keys[at];
        let lower = keys[..at].iter().filter(|key| **key <= own).count();
        lower + keys[at + 1..].iter().filter(|key| **key < own).count() + n >= keys.len()
    };
    (0..keys.len()).fold(0, |bits, at| bits | u64::from(stays(at)) << at)
}

/// A matrix whose blocks stay or go as a mask of blocks says.
pub(super) fn blocks(kept: &Mask, [rows, cols]: [usize; 2], [high, wide]: [usize; 2]) -> Mask {
    let mut mask = Growing::new(rows * cols);
    let across = cols.div_ceil(wide);
    for row in 0..rows {
        for block in 0..across {
            let stays = kept.is_kept(row / high * across + block);
            mask.push_run(stays, wide.min(cols - block * wide));
        }
    }
    mask.mask()
}
