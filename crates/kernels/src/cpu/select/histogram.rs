use super::{BINS, key, scores};
use crate::Digit;
use crate::check::{Buffer, Case, Close, Extent, Noise, Twin};
use crate::launch::strided;

/// score [N] -> counts [2048]: how many keys that begin like the cut's have each value of the next digit, added to what is
/// there already.
pub fn histogram(digit: &Digit, cut: &[u32], score: &[u32], counts: &mut [u32]) {
    for bits in &score[digit.start as usize..][..digit.len as usize] {
        let key = key(*bits);
        if key & digit.above == cut[0] {
            counts[((key & !digit.above) >> digit.shift) as usize] += 1;
        }
    }
}

/// Beside the shader.
pub(crate) const TWIN: Twin = Twin {
    run: |_, buffers| {
        let [digit, cut, score, counts] = buffers else { unreachable!("four bindings") };
        histogram(&digit.parameters(), cut.u32(), score.u32(), counts.u32_mut());
    },
    cases: |kernel, extent| {
        let case = |len: usize, [shift, above, prefix]: [u32; 3]| {
            let mut noise = Noise::new(len as u64);
            let digit = Digit { start: 3, len: len as u32, shift, above };
            let buffers = vec![
                Buffer::of(&digit),
                Buffer::U32(vec![prefix, 1, 0]),
                Buffer::U32(scores(&mut noise, len + 5)),
                Buffer::U32((0..BINS as u32).collect()),
            ];
            let size = format!("{len}, digit from bit {shift}");
            Case { size, buffers, groups: strided(kernel, len), close: Close::EXACT }.strided()
        };
        // The upper digit of all, the middle one of the scores from 0.5 to 1, the lowest of those that are 0.
        let digits = [[21, 0, 0], [10, 0xffe0_0000, 0xbf00_0000], [0, 0xffff_fc00, 0x8000_0000]];
        let (sizes, digits): (&[usize], _) = match extent {
            Extent::Large => (&[16_800_000], &digits[..1]),
            Extent::Small => (&[0, 1, 255, 257, 5_001], &digits[..]),
        };
        sizes.iter().flat_map(|len| digits.iter().flat_map(|digit| case(*len, *digit))).collect()
    },
};
