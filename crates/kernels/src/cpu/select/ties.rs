use super::{BLOCK, key, scores};
use crate::Span;
use crate::check::{Buffer, Case, Close, Extent, Noise, Twin};

/// score [N] -> counts [blocks]: adds how many scores of each block equal the cut, unless all of them go.
pub fn ties(span: &Span, cut: &[u32], score: &[u32], counts: &mut [u32]) {
    if cut[1] == cut[2] {
        return;
    }
    for (at, bits) in score[span.start as usize..][..span.len as usize].iter().enumerate() {
        counts[at / BLOCK] += u32::from(key(*bits) == cut[0]);
    }
}

/// Beside the shader.
pub(crate) const TWIN: Twin = Twin {
    run: |_, buffers| {
        let [span, cut, score, counts] = buffers else { unreachable!("four bindings") };
        ties(&span.parameters(), cut.u32(), score.u32(), counts.u32_mut());
    },
    cases: |_, extent| {
        let small = [0, 1, 257, BLOCK - 1, BLOCK, 3 * BLOCK + 5];
        let case = |len: usize, cut: [u32; 3]| {
            let mut noise = Noise::new(len as u64);
            let blocks = len.div_ceil(BLOCK);
            let buffers = vec![
                Buffer::of(&Span { start: 3, len: len as u32, at: 0 }),
                Buffer::U32(cut.to_vec()),
                Buffer::U32(scores(&mut noise, len + 5)),
                Buffer::U32(vec![0; blocks]),
            ];
            let size = format!("{len}, {} of {} ties", cut[1], cut[2]);
            Case { size, buffers, groups: [blocks as u32, 1, 1], close: Close::EXACT }.strided()
        };
        let cuts = [[1 << 31, 1, 2], [0, 1, 2], [1 << 31, 2, 2]];
        let (sizes, cuts) = match extent {
            Extent::Large => (&[16_800_000][..], &cuts[..1]),
            Extent::Small => (&small[..], &cuts[..]),
        };
        sizes.iter().flat_map(|len| cuts.iter().flat_map(|cut| case(*len, *cut))).collect()
    },
};
