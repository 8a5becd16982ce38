use super::{BLOCK, key, scores};
use crate::Span;
use crate::check::{Buffer, Case, Close, Extent, Noise, Twin};

/// counts [blocks], score [N] -> cuts [at]: the cut's key, and the index before which scores equal to it go. As many ties as
/// are found are taken from the cut.
pub fn tie_end(span: &Span, cut: &mut [u32], score: &[u32], counts: &[u32], cuts: &mut [u32]) {
    let (start, len) = (span.start as usize, span.len as usize);
    let found: u32 = counts.iter().sum();
    let ties = (start..start + len).filter(|at| key(score[*at]) == cut[0]);
    let end = match cut[1] {
        0 => start,
        rank if rank > found => start + len,
        rank => ties.skip(rank as usize - 1).map(|at| at + 1).next().expect("the counts are of these ties"),
    };
    cuts[2 * span.at as usize..][..2].copy_from_slice(&[cut[0], end as u32]);
    cut[1] -= cut[1].min(found);
}

/// Beside the shader.
pub(crate) const TWIN: Twin = Twin {
    run: |_, buffers| {
        let [span, cut, score, counts, cuts] = buffers else { unreachable!("five bindings") };
        tie_end(&span.parameters(), cut.u32_mut(), score.u32(), counts.u32(), cuts.u32_mut());
    },
    cases: |_, extent| {
        let small = [0, 1, 257, BLOCK - 1, BLOCK, 3 * BLOCK + 5];
        let case = |len: usize, rank: fn(u32) -> u32| {
            let mut noise = Noise::new(len as u64);
            let (score, zero) = (scores(&mut noise, len + 5), 1 << 31);
            let counts = score[3..][..len].chunks(BLOCK);
            let counts: Vec<u32> =
                counts.map(|block| block.iter().filter(|bits| key(**bits) == zero).count() as u32).collect();
            let rank = rank(counts.iter().sum());
            let buffers = vec![
                Buffer::of(&Span { start: 3, len: len as u32, at: 1 }),
                Buffer::U32(vec![zero, rank, rank + 7]),
                Buffer::U32(score),
                Buffer::U32(counts),
                Buffer::U32(vec![7; 6]),
            ];
            Case { size: format!("{len}, {rank} ties go"), buffers, groups: [1; 3], close: Close::EXACT }
        };
        let ranks: [fn(u32) -> u32; 5] = [|_| 0, |ties| ties.min(1), |ties| ties * 2 / 3, |ties| ties, |ties| ties + 3];
        let (sizes, ranks) = match extent {
            Extent::Large => (&[16_800_000][..], &ranks[2..3]),
            Extent::Small => (&small[..], &ranks[..]),
        };
        sizes.iter().flat_map(|len| ranks.iter().map(|rank| case(*len, *rank))).collect()
    },
};
