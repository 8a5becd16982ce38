//! Where to cut scores in two, and the mask that this gives. Scores are bound by their bits.

pub mod histogram;
pub mod keep;
pub mod keep_blocks;
pub mod keep_n_of_m;
pub mod narrow;
pub mod row_cuts;
pub mod tie_end;
pub mod ties;

pub(crate) use secateur_graph::select::key;

use crate::check::Noise;

/// Values of a digit of 11 bits.
pub(crate) const BINS: usize = 2048;
/// Scores of which the ties are counted together, as `shaders/shared/span.wgsl` has it.
pub(crate) const BLOCK: usize = 8192;

/// Bits of scores, with many ties and everything that is hard to order.
pub(crate) fn scores(noise: &mut Noise, len: usize) -> Vec<u32> {
    let hard = [0.0, -0.0, 0.5, -0.5, f32::NAN, -f32::NAN, f32::INFINITY, f32::NEG_INFINITY, 1e-40, -1e-40];
    let mut score = || match noise.word() % 4 {
        0 => noise.word(),
        1 => noise.one().to_bits(),
        _ => hard[noise.word() as usize % hard.len()].to_bits(),
    };
    (0..len).map(|_| score()).collect()
}

/// Two words for every 64 entries, with a bit for each that stays.
fn packed(words: &mut [u32], len: usize, stays: impl Fn(usize) -> bool) {
    words.fill(0);
    for at in (0..len).filter(|at| stays(*at)) {
        words[at / 32] |= 1 << (at % 32);
    }
}

/// Words of a mask of so many entries.
pub(crate) fn word_count(len: usize) -> usize {
    len.div_ceil(64) * 2
}
