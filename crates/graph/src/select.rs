//! Exact selection: prune exactly k, lowest scores first, ties to the lower index.
//!
//! Entries that are already pruned are never ranked again. k = 0 is the identity. Scores must be numbers.

use crate::{Mask, MaskError};

/// Prunes the `k` kept entries of lowest score among `range` of the mask.
pub fn prune_lowest(scores: &[f32], mask: &mut Mask, range: std::ops::Range<usize>, k: usize) -> Result<(), MaskError> {
    let mut alive: Vec<usize> = range.filter(|at| mask.is_kept(*at)).collect();
    for at in lowest(scores, &mut alive, k)? {
        mask.prune(*at);
    }
    Ok(())
}

/// Moves the `k` indices of lowest score to the front of `alive` and returns them.
fn lowest<'a>(scores: &[f32], alive: &'a mut [usize], k: usize) -> Result<&'a [usize], MaskError> {
    if let Some(at) = alive.iter().find(|at| scores[**at].is_nan()) {
        return Err(MaskError::NotANumber { at: *at });
    }
    if k > alive.len() {
        return Err(MaskError::TooMany { k, alive: alive.len() });
    }
    if 0 < k && k < alive.len() {
        alive.select_nth_unstable_by(k - 1, |a, b| scores[*a].total_cmp(&scores[*b]).then(a.cmp(b)));
    }
    Ok(&alive[..k])
}
