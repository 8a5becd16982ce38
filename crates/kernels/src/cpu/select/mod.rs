//! Where to cut scores in two, and the mask that this gives. Scores are bound by their bits.

pub mod histogram;
pub mod keep;
pub mod keep_blocks;
pub mod keep_n_of_m;
pub mod narrow;
pub mod row_cuts;
pub mod tie_end;
pub mod ties;

use crate::check::Noise;

/// Values of a digit of 11 bits.
pub(crate) const BINS: usize = 2048;
/// Scores of which the ties are counted together, as `shaders/shared/span.wgsl` has it.
pub(crate) const BLOCK: usize = 8192;

/// An integer that orders like the score with these bits: NaN is below everything, -0 and 0 are equal.
pub(crate) fn key(bits: u32) -> u32 {
    let size = bits & 0x7fff_ffff;
    if size > 0x7f80_0000 {
        0
    } else if size == bits || size == 0 {
        size | 1 << 31
    } else {
        !bits
    }
}

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_order_like_scores() {
        let mut noise = Noise::new(1);
        let scores: Vec<f32> = scores(&mut noise, 500).into_iter().map(f32::from_bits).collect();
        for (a, b) in scores.iter().flat_map(|a| scores.iter().map(move |b| (*a, *b))) {
            let want = a.partial_cmp(&b).unwrap_or_else(|| b.is_nan().cmp(&a.is_nan()));
            assert_eq!(key(a.to_bits()).cmp(&key(b.to_bits())), want, "{a} and {b}");
        }
    }
}
