//! Where scores are cut in two.

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
    pub fn below(layers: &[&[f32]], k: usize) -> Self {
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
    pub fn stays(&mut self, scores: &[f32]) -> u64 {
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

pub(super) fn key_of(score: &f32) -> u32 {
    key(score.to_bits())
}

fn upper(score: &f32) -> usize {
    (key_of(score) >> (32 - UPPER)) as usize
}

/// An integer that orders like the score with these bits: NaN is below everything, -0 and 0 are equal.
pub fn key(bits: u32) -> u32 {
    let size = bits & 0x7fff_ffff;
    if size > 0x7f80_0000 {
        0
    } else if size == bits || size == 0 {
        size | 1 << 31
    } else {
        !bits
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn keys_order_like_scores(a: u32, b: u32) {
            let hard = [0.0, -0.0, f32::NAN, -f32::NAN, f32::INFINITY, f32::NEG_INFINITY, 1e-40, -1e-40].map(f32::to_bits);
            for a in hard.into_iter().chain([a]) {
                for b in hard.into_iter().chain([a, b]) {
                    let [left, right] = [a, b].map(f32::from_bits);
                    let want = left.partial_cmp(&right).unwrap_or_else(|| right.is_nan().cmp(&left.is_nan()));
                    prop_assert_eq!(key(a).cmp(&key(b)), want, "{} and {}", left, right);
                }
            }
        }
    }
}
