//! How much to ask of the engine unasked, by the size of the model.

/// Multiply-accumulates that a slow machine does in about a second.
const SECOND: u64 = 4_000_000_000;
/// Samples of the test split.
const TEST_SPLIT: u64 = 1000;
/// Tokens that a language model is measured on.
const TEST_TOKENS: u64 = 4096;

/// Test digits shown side by side.
pub fn digits(macs: u64) -> u32 {
    if macs * 24 < SECOND { 12 } else { 4 }
}

/// (batch, repeats) of a timing that stays within a few seconds.
pub fn timing(macs: u64) -> (u32, u32) {
    let batch = (SECOND / 8 / macs.max(1)).clamp(1, 64) as u32;
    (batch, if batch > 1 { 9 } else { 3 })
}

/// How often each kernel is timed for products of so many multiply-accumulates, so that all of them together take about two
/// seconds; once on a GPU that is emulated in software.
pub fn products(macs: u64, emulated: bool) -> u32 {
    const KERNELS: u64 = 26;
    /// What a clock can tell.
    const LEAST: u64 = SECOND / 150;
    let repeats = 2 * SECOND / macs.max(LEAST).saturating_mul(KERNELS);
    if emulated { 1 } else { repeats.clamp(1, 9) as u32 }
}

/// Whether metric and times are measured after each cut without asking: `macs` for a sample, which is a text of so many
/// tokens for a language model. Each sample goes through two models.
pub fn measures_by_itself(macs: u64, tokens: Option<u64>) -> bool {
    let samples = tokens.map_or(TEST_SPLIT, |tokens| TEST_TOKENS.div_ceil(tokens.max(1)));
    macs.saturating_mul(2 * samples) < 30 * SECOND
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_models_get_everything_and_large_ones_a_taste() {
        let (digits_vit, vit_base) = (15_000_000, 17_600_000_000);
        assert_eq!((digits(digits_vit), digits(vit_base)), (12, 4));
        assert_eq!((timing(digits_vit).0, timing(vit_base).0, timing(0).0), (33, 1, 64));
        assert_eq!([1, 64 * 128 * 512, 64 * 768 * 3072, u64::MAX].map(|macs| products(macs, false)), [9, 9, 2, 1]);
        assert_eq!(products(1, true), 1);
        assert!(measures_by_itself(digits_vit, None) && !measures_by_itself(vit_base, None));
        let (story_lm, smollm2) = (500_000_000, 270_000_000_000);
        assert!(measures_by_itself(story_lm, Some(256)) && !measures_by_itself(smollm2, Some(2048)));
    }
}
