//! Exact selection: exactly k go, lowest scores first, of equal scores those with the lower index.
//!
//! k = 0 is the identity. Scores that are not a number are the lowest of all; so an entry that is gone already is not
//! ranked if its score is NaN and `k` counts it. Nothing is sorted: the k-th lowest score is found (many scores are first
//! counted by the upper half of their bits, a few are given to quickselect, Hoare 1961), and one pass takes what lies below.

mod cut;
mod growing;

pub use cut::key;

use cut::{Cut, key_of};
use growing::Growing;

use crate::{Mask, MaskError};

/// Each layer's mask without the `k` lowest scores of all layers together; ties go to the lower layer, then the lower index.
///
/// # Errors
/// Says so if there are fewer than `k` scores.
pub fn prune_lowest(layers: &[&[f32]], k: usize) -> Result<Vec<Mask>, MaskError> {
    check_count(k, layers.iter().map(|layer| layer.len()).sum())?;
    let mut cut = Cut::below(layers, k);
    let mask = |layer: &&[f32]| {
        let mut mask = Growing::new(layer.len());
        mask.push_cut(layer, &mut cut);
        mask.mask()
    };
    Ok(layers.iter().map(mask).collect())
}

/// Without the `k` lowest of every `cols` scores. What fills no last row stays.
///
/// # Errors
/// Says so if `k` is more than `cols`.
pub fn prune_rows(scores: &[f32], cols: usize, k: usize) -> Result<Mask, MaskError> {
    check_count(k, cols)?;
    let mut mask = Growing::new(scores.len());
    let rows = scores.chunks_exact(cols.max(1));
    let rest = rows.remainder().len();
    for row in rows {
        mask.push_cut(row, &mut Cut::below(&[row], k));
    }
    mask.push_run(true, rest);
    Ok(mask.mask())
}

/// With the `n` highest of every `m` consecutive scores of a row of `cols`, and the columns that fill no last group.
///
/// # Errors
/// Says so unless 1 <= `n` < `m` <= 16.
pub fn prune_n_of_m(scores: &[f32], cols: usize, n: usize, m: usize) -> Result<Mask, MaskError> {
    check_n_of_m(n, m)?;
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
    Ok(mask.mask())
}

/// The mask of a matrix [R, C] whose blocks [height, width] stay or go as the mask `blocks` says, which has an entry for each
/// of R / height x C / width of them, rounded up: those at the right and lower edge may reach beyond the matrix.
pub fn whole_blocks(blocks: &Mask, [rows, cols]: [usize; 2], [high, wide]: [usize; 2]) -> Mask {
    let mut mask = Growing::new(rows * cols);
    let across = cols.div_ceil(wide);
    for row in 0..rows {
        for block in 0..across {
            let stays = blocks.is_kept(row / high * across + block);
            mask.push_run(stays, wide.min(cols - block * wide));
        }
    }
    mask.mask()
}

/// Refuses to prune `k` of fewer.
pub fn check_count(k: usize, alive: usize) -> Result<(), MaskError> {
    if k > alive { Err(MaskError::TooMany { k, alive }) } else { Ok(()) }
}

/// Refuses groups that keep nothing or everything, or are too long.
pub fn check_n_of_m(n: usize, m: usize) -> Result<(), MaskError> {
    if 1 <= n && n < m && m <= 16 { Ok(()) } else { Err(MaskError::Pattern { n, m }) }
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

#[cfg(test)]
mod tests {
    use proptest::collection::{SizeRange, vec};
    use proptest::prelude::*;

    use super::*;

    /// With many ties; zeros of both signs and NaN among them.
    fn scores(len: impl Into<SizeRange>) -> impl Strategy<Value = Vec<f32>> {
        let tied = (-3i8..4).prop_map(|whole| f32::from(whole) / 2.0);
        vec(prop_oneof![4 => tied, 4 => -1.0f32..1.0, 1 => Just(-0.0), 1 => Just(f32::NAN)], len)
    }

    /// The rule in its plainest form: sort all by score, NaN first, then by index.
    fn reference(scores: &[f32], k: usize) -> Mask {
        let mut order: Vec<usize> = (0..scores.len()).collect();
        let rank = |at: usize| if scores[at].is_nan() { f32::NEG_INFINITY } else { scores[at] };
        order.sort_by(|a, b| rank(*a).partial_cmp(&rank(*b)).unwrap().then(a.cmp(b)));
        let mut mask = Mask::full(scores.len());
        order[..k].iter().for_each(|at| mask.prune(*at));
        mask
    }

    /// Masks end to end.
    fn joined(masks: &[Mask]) -> Mask {
        let kept: Vec<bool> = masks.iter().flat_map(|mask| (0..mask.len()).map(|at| mask.is_kept(at))).collect();
        Mask::from_kept(kept.into_iter())
    }

    fn part(share: f64, of: usize) -> usize {
        (share * of as f64) as usize
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn lowest_is_what_sorting_says(scores in scores(0..150), split in 0.0..=1.0, share in 0.0..=1.0) {
            let (split, k) = (part(split, scores.len()), part(share, scores.len()));
            let masks = prune_lowest(&[&scores[..split], &scores[split..]], k).unwrap();
            prop_assert_eq!(masks[0].len(), split);
            prop_assert_eq!(joined(&masks), reference(&scores, k));
        }

        #[test]
        fn rows_lose_k_each(scores in scores(0..150), cols in 1usize..70, share in 0.0..=1.0) {
            let k = part(share, cols);
            let row = |row: &[f32]| reference(row, if row.len() == cols { k } else { 0 });
            let by_hand: Vec<Mask> = scores.chunks(cols).map(row).collect();
            prop_assert_eq!(prune_rows(&scores, cols, k).unwrap(), joined(&by_hand));
        }

        #[test]
        fn each_group_keeps_n_of_m(scores in scores(0..150), cols in 1usize..70, n in 1usize..16, extra in 1usize..16) {
            let m = (n + extra).min(16);
            let group = |group: &[f32]| reference(group, if group.len() == m { m - n } else { 0 });
            let by_hand: Vec<Mask> = scores.chunks(cols).flat_map(|row| row.chunks(m).map(group)).collect();
            prop_assert_eq!(prune_n_of_m(&scores, cols, n, m).unwrap(), joined(&by_hand));
        }

        #[test]
        fn blocks_stay_or_go_whole(rows in 0usize..40, cols in 1usize..150, high in 1usize..9, wide in 1usize..99, seed: u64) {
            let across = cols.div_ceil(wide);
            let blocks = rows.div_ceil(high) * across;
            let blocks = Mask::from_kept((0..blocks).map(|at| seed.rotate_left(at as u32) & 1 == 1));
            let entry = |at: usize| blocks.is_kept(at / cols / high * across + at % cols / wide);
            let want = Mask::from_kept((0..rows * cols).map(entry));
            prop_assert_eq!(whole_blocks(&blocks, [rows, cols], [high, wide]), want);
        }
    }

    /// So many that they are counted.
    #[test]
    fn many_are_cut_as_few_are() {
        let score = |at: u32| (at.wrapping_mul(2_654_435_761) >> 15) as f32 / 65_536.0 - 1.0;
        let scores: Vec<f32> = (0..300_000).map(score).collect();
        for k in [0, 1, 150_000, 299_999, 300_000] {
            assert!(prune_lowest(&[&scores], k).unwrap() == [reference(&scores, k)], "{k}");
        }
    }

    #[test]
    fn ties_go_to_the_lower_index() {
        let masks = prune_lowest(&[&[1.0, 0.0, -0.0, 0.0, 1.0, 1.0]], 4).unwrap();
        assert_eq!(masks[0].kept().collect::<Vec<_>>(), [4, 5]);
    }

    #[test]
    fn more_than_there_is_does_not_go() {
        assert_eq!(prune_lowest(&[&[1.0; 2], &[1.0]], 4), Err(MaskError::TooMany { k: 4, alive: 3 }));
        assert_eq!(prune_rows(&[1.0; 6], 2, 3), Err(MaskError::TooMany { k: 3, alive: 2 }));
        for (n, m) in [(0, 4), (4, 4), (5, 4), (1, 17)] {
            assert_eq!(prune_n_of_m(&[1.0; 3], 3, n, m), Err(MaskError::Pattern { n, m }));
        }
    }
}
