//! Thresholds between what stays and what goes, for masks of single weights that are learnt.

/// Below any score: a threshold that lets everything through.
pub const BELOW_ALL: f32 = -1e30;

/// The highest of the `k` lowest scores; below all where k is 0.
pub fn kth_lowest(mut scores: Vec<f32>, k: usize) -> f32 {
    match k.checked_sub(1) {
        Some(last) => *scores.select_nth_unstable_by(last, f32::total_cmp).1,
        None => BELOW_ALL,
    }
}

/// Half-way between the smallest magnitude that stays and the largest that goes, when the share `gone` of them does (PDP, Cho
/// et al., 2023). Sorts them.
pub fn half_way(magnitudes: &mut [f32], gone: f64) -> f32 {
    magnitudes.sort_unstable_by(|a, b| b.total_cmp(a));
    let Some(last) = magnitudes.len().checked_sub(1) else { return 0.0 };
    let at = ((1.0 - gone) * magnitudes.len() as f64) as usize;
    0.5 * (magnitudes[at.saturating_sub(1).min(last)] + magnitudes[at.min(last)])
}
