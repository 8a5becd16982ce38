//! Exact selection: prune exactly k, lowest scores first, ties to the lower index.
//!
//! Entries that are already pruned are never ranked again. k = 0 is the identity. Scores must be
//! numbers wherever they are ranked. A selection never sorts: it finds the k-th lowest score
//! (quickselect, Hoare 1961) and takes what lies below it in one pass, so its cost is linear.

use std::ops::Range;

use crate::{Mask, MaskError};

/// Prunes the `k` kept entries of lowest score among `range` of the mask.
pub fn prune_lowest(scores: &[f32], mask: &mut Mask, range: Range<usize>, k: usize) -> Result<(), MaskError> {
    same_len(scores, mask)?;
    prune_range(scores, mask, range, |_| k, &mut Vec::new())
}

/// Prunes the `k` kept entries of lowest score in every row of `cols` entries.
pub fn prune_rows(scores: &[f32], mask: &mut Mask, cols: usize, k: usize) -> Result<(), MaskError> {
    same_len(scores, mask)?;
    let mut keys = Vec::new();
    rows(mask.len(), cols).try_for_each(|row| prune_range(scores, mask, row, |_| k, &mut keys))
}

/// Keeps at most `n` of every `m` consecutive entries of each row of `cols` entries: those of highest score.
///
/// Columns that do not fill a last group stay as they are; returns how many of a row's columns these are.
pub fn prune_n_of_m(scores: &[f32], mask: &mut Mask, cols: usize, n: usize, m: usize) -> Result<usize, MaskError> {
    if !(1 <= n && n < m && m <= 16) {
        return Err(MaskError::Pattern { n, m });
    }
    same_len(scores, mask)?;
    let mut keys = Vec::new();
    for row in rows(mask.len(), cols) {
        for group in 0..cols / m {
            let start = row.start + group * m;
            prune_range(scores, mask, start..start + m, |alive| alive.saturating_sub(n), &mut keys)?;
        }
    }
    Ok(cols % m)
}

/// How many of the `k` lowest kept entries of all layers together lie in each layer; ties go to the
/// lower layer, then the lower index. Pruning each layer by its count with [`prune_lowest`] is
/// global selection.
pub fn count_lowest(layers: &[(&[f32], &Mask)], k: usize) -> Result<Vec<usize>, MaskError> {
    let (mut keys, mut ends) = (Vec::new(), Vec::new());
    for (layer, (scores, mask)) in layers.iter().enumerate() {
        same_len(scores, mask)?;
        push_keys(scores, mask, 0..mask.len(), &mut keys).map_err(|error| match error {
            MaskError::NotANumber { at } => MaskError::NotANumberIn { layer, at },
            other => other,
        })?;
        ends.push(keys.len());
    }
    let mut cut = Cut::below(&mut keys.clone(), k)?;
    let mut keys = keys.into_iter();
    let mut start = 0;
    let count = |end| {
        let len = end - std::mem::replace(&mut start, end);
        keys.by_ref().take(len).filter(|key| cut.takes(*key)).count()
    };
    Ok(ends.into_iter().map(count).collect())
}

/// Prunes the lowest of `range`, as many as `k` says given the number still alive. `keys` is scratch space.
fn prune_range(
    scores: &[f32],
    mask: &mut Mask,
    range: Range<usize>,
    k: impl Fn(usize) -> usize,
    keys: &mut Vec<u32>,
) -> Result<(), MaskError> {
    keys.clear();
    push_keys(scores, mask, range.clone(), keys)?;
    let k = k(keys.len());
    let mut cut = Cut::below(keys, k)?;
    for at in range {
        let goes = mask.is_kept(at) && cut.takes(key(scores[at]));
        mask.prune_if(at, goes);
    }
    Ok(())
}

/// Appends the keys of the kept entries in `range`, in order.
fn push_keys(scores: &[f32], mask: &Mask, range: Range<usize>, keys: &mut Vec<u32>) -> Result<(), MaskError> {
    for at in range.filter(|at| mask.is_kept(*at)) {
        if scores[at].is_nan() {
            return Err(MaskError::NotANumber { at });
        }
        keys.push(key(scores[at]));
    }
    Ok(())
}

/// The k lowest keys of a list, met in the list's order: all keys below `key`, and the first `ties` equal to it.
struct Cut {
    key: u32,
    ties: usize,
}

impl Cut {
    /// Reorders `keys`.
    fn below(keys: &mut [u32], k: usize) -> Result<Self, MaskError> {
        if k > keys.len() {
            return Err(MaskError::TooMany { k, alive: keys.len() });
        }
        if k == 0 {
            return Ok(Self { key: 0, ties: 0 });
        }
        let (lower, kth, _) = keys.select_nth_unstable(k - 1);
        let below = lower.iter().filter(|key| **key < *kth).count();
        Ok(Self { key: *kth, ties: k - below })
    }

    fn takes(&mut self, key: u32) -> bool {
        let tie = key == self.key && self.ties > 0;
        self.ties -= usize::from(tie);
        tie || key < self.key
    }
}

/// An integer that orders like the score; -0 and 0 are equal.
fn key(score: f32) -> u32 {
    let bits = (score + 0.0).to_bits();
    if bits >> 31 == 0 { bits | 1 << 31 } else { !bits }
}

fn rows(len: usize, cols: usize) -> impl Iterator<Item = Range<usize>> {
    (0..len.checked_div(cols).unwrap_or(0)).map(move |row| row * cols..(row + 1) * cols)
}

fn same_len(scores: &[f32], mask: &Mask) -> Result<(), MaskError> {
    if scores.len() == mask.len() { Ok(()) } else { Err(MaskError::Scores { want: mask.len(), got: scores.len() }) }
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    /// Scores with many ties, both zeros among them, and a mask with some entries gone already.
    fn layer(len: impl Into<proptest::collection::SizeRange>) -> impl Strategy<Value = (Vec<f32>, Mask)> {
        let score = prop_oneof![(-3i8..4).prop_map(|whole| f32::from(whole) / 2.0), Just(-0.0), -1.0f32..1.0];
        vec((score, proptest::bool::weighted(0.8)), len).prop_map(|entries| {
            let (scores, kept): (Vec<f32>, Vec<bool>) = entries.into_iter().unzip();
            (scores, Mask::from_kept(kept.into_iter()))
        })
    }

    /// The rule in its plainest form: sort everything by score, then index.
    fn reference(scores: &[f32], mask: &Mask, range: Range<usize>, k: usize) -> Mask {
        let mut alive: Vec<usize> = range.filter(|at| mask.is_kept(*at)).collect();
        alive.sort_by(|a, b| scores[*a].partial_cmp(&scores[*b]).unwrap().then(a.cmp(b)));
        let mut mask = mask.clone();
        alive[..k].iter().for_each(|at| mask.prune(*at));
        mask
    }

    fn is_subset(pruned: &Mask, of: &Mask) -> bool {
        (0..pruned.len()).all(|at| pruned.is_kept(at) || !of.is_kept(at))
    }

    proptest! {
        #[test]
        fn lowest_is_what_sorting_says((scores, mask) in layer(0..150), share in 0.0..=1.0) {
            let k = (share * mask.count_kept() as f64) as usize;
            let mut cut = mask.clone();
            prune_lowest(&scores, &mut cut, 0..mask.len(), k).unwrap();
            prop_assert_eq!(cut.count_pruned(), mask.count_pruned() + k);
            prop_assert_eq!(&cut, &reference(&scores, &mask, 0..mask.len(), k));
        }

        #[test]
        fn more_prunes_a_superset((scores, mask) in layer(1..150), a in 0.0..=1.0, b in 0.0..=1.0) {
            let cut = |share: f64| {
                let mut cut = mask.clone();
                let k = (share * mask.count_kept() as f64) as usize;
                prune_lowest(&scores, &mut cut, 0..mask.len(), k).map(|()| cut)
            };
            prop_assert!(is_subset(&cut(f64::min(a, b)).unwrap(), &cut(f64::max(a, b)).unwrap()));
        }

        #[test]
        fn two_cuts_make_one((scores, mask) in layer(2..150), share in 0.0..=1.0) {
            let k = mask.count_kept();
            let first = (share * k as f64) as usize;
            let mut twice = mask.clone();
            prune_lowest(&scores, &mut twice, 0..mask.len(), first).unwrap();
            prune_lowest(&scores, &mut twice, 0..mask.len(), k / 2 - first.min(k / 2)).unwrap();
            prop_assert_eq!(twice, reference(&scores, &mask, 0..mask.len(), first.max(k / 2)));
        }

        #[test]
        fn rows_lose_k_each((scores, mask) in (1usize..20).prop_flat_map(|cols| layer(cols * 5)), k in 0usize..20) {
            let cols = mask.len() / 5;
            let mut cut = mask.clone();
            let fewest = rows(mask.len(), cols).map(|row| row.filter(|at| mask.is_kept(*at)).count()).min().unwrap();
            let done = prune_rows(&scores, &mut cut, cols, k);
            prop_assert_eq!(done.is_ok(), k <= fewest);
            if done.is_ok() {
                let by_hand = rows(mask.len(), cols).fold(mask, |mask, row| reference(&scores, &mask, row, k));
                prop_assert_eq!(cut, by_hand);
            }
        }

        #[test]
        fn each_group_keeps_n_of_m(
            (scores, mask) in (1usize..40).prop_flat_map(|cols| layer(cols * 3)), n in 1usize..16, extra in 1usize..16,
        ) {
            let (cols, m) = (mask.len() / 3, (n + extra).min(16));
            let mut cut = mask.clone();
            prop_assert_eq!(prune_n_of_m(&scores, &mut cut, cols, n, m).unwrap(), cols % m);
            for row in rows(mask.len(), cols) {
                for start in (row.start..row.end).step_by(m) {
                    let group = start..(start + m).min(row.end);
                    let alive = group.clone().filter(|at| mask.is_kept(*at)).count();
                    let kept = group.clone().filter(|at| cut.is_kept(*at)).count();
                    prop_assert_eq!(kept, if group.len() == m { alive.min(n) } else { alive });
                }
            }
            let once = cut.clone();
            prune_n_of_m(&scores, &mut cut, cols, n, m).unwrap();
            prop_assert_eq!(cut, once);
        }

        #[test]
        fn global_is_one_long_layer((scores, mask) in layer(0..150), split in 0.0..=1.0, share in 0.0..=1.0) {
            let k = (share * mask.count_kept() as f64) as usize;
            let split = (split * mask.len() as f64) as usize;
            let part = |range: Range<usize>| Mask::from_kept(range.map(|at| mask.is_kept(at)));
            let (a, b) = (part(0..split), part(split..mask.len()));
            let counts = count_lowest(&[(&scores[..split], &a), (&scores[split..], &b)], k).unwrap();
            let whole = reference(&scores, &mask, 0..mask.len(), k);
            let lost = |range: Range<usize>| range.filter(|at| mask.is_kept(*at) && !whole.is_kept(*at)).count();
            prop_assert_eq!(counts, vec![lost(0..split), lost(split..mask.len())]);
        }
    }

    #[test]
    fn ties_go_to_the_lower_index() {
        let mut mask = Mask::full(6);
        prune_lowest(&[1.0, 0.0, -0.0, 0.0, 1.0, 1.0], &mut mask, 0..6, 4).unwrap();
        assert_eq!(mask.kept().collect::<Vec<_>>(), [4, 5]);
    }

    #[test]
    fn nothing_else_is_touched() {
        let mut mask = Mask::full(100);
        prune_lowest(&[0.0; 100], &mut mask, 10..20, 10).unwrap();
        assert_eq!((0..100).filter(|at| !mask.is_kept(*at)).collect::<Vec<_>>(), (10..20).collect::<Vec<_>>());
    }

    #[test]
    fn errors_say_where() {
        let (scores, mut mask) = ([0.0, f32::NAN, 1.0], Mask::full(3));
        let full = mask.clone();
        assert_eq!(prune_lowest(&scores, &mut mask, 0..3, 1), Err(MaskError::NotANumber { at: 1 }));
        assert_eq!(prune_rows(&scores, &mut mask, 1, 0), Err(MaskError::NotANumber { at: 1 }));
        let layers = [(&[1.0, 2.0, 3.0][..], &full), (&scores[..], &full)];
        assert_eq!(count_lowest(&layers, 0), Err(MaskError::NotANumberIn { layer: 1, at: 1 }));
        assert_eq!(prune_lowest(&[1.0; 3], &mut mask, 1..3, 3), Err(MaskError::TooMany { k: 3, alive: 2 }));
        assert_eq!(prune_lowest(&[1.0; 2], &mut mask, 0..2, 0), Err(MaskError::Scores { want: 3, got: 2 }));
        for (n, m) in [(0, 4), (4, 4), (5, 4), (1, 17)] {
            assert_eq!(prune_n_of_m(&[1.0; 3], &mut mask, 3, n, m), Err(MaskError::Pattern { n, m }));
        }
        assert_eq!(mask, full);
        mask.prune(1);
        prune_lowest(&scores, &mut mask, 0..3, 1).unwrap();
        assert_eq!(mask.kept().collect::<Vec<_>>(), [2], "an entry that is gone is not ranked, whatever its score");
    }
}
