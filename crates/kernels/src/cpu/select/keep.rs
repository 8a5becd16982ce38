use super::{key, packed, scores, word_count};
use crate::Dims;
use crate::check::{Buffer, Case, Close, Extent, MATRICES, MATRIX_LARGE, Noise, Twin};
use crate::launch::strided;

/// score [R, C], cuts [R] -> words: a bit for each entry that stays.
pub fn keep(dims: &Dims, score: &[u32], cuts: &[u32], words: &mut [u32]) {
    let cols = dims.cols as usize;
    packed(words, score.len(), |at| {
        let cut = &cuts[2 * (at / cols)..][..2];
        (key(score[at]), at) >= (cut[0], cut[1] as usize)
    });
}

/// Beside the shader.
pub(crate) const TWIN: Twin = Twin {
    run: |_, buffers| {
        let [dims, score, cuts, words] = buffers else { unreachable!("four bindings") };
        keep(&dims.parameters(), score.u32(), cuts.u32(), words.u32_mut());
    },
    cases: |kernel, extent| {
        let sizes = if extent == Extent::Large { MATRIX_LARGE } else { MATRICES };
        let case = |[rows, cols]: [usize; 2]| {
            let mut noise = Noise::new(1);
            let score = scores(&mut noise, rows * cols);
            // Each row is cut at one of its entries or below all of it, and ties go up to some other one.
            let cut = |row: usize| {
                let at = row * cols + noise.word() as usize % cols;
                [if row % 5 == 4 { 0 } else { key(score[at]) }, (row * cols) as u32 + noise.word() % cols as u32]
            };
            let cuts = (0..if cols == 0 { 0 } else { rows }).flat_map(cut).collect();
            let words = word_count(rows * cols);
            let buffers = vec![
                Buffer::of(&Dims { rows: rows as u32, cols: cols as u32 }),
                Buffer::U32(score),
                Buffer::U32(cuts),
                Buffer::unwritten_words(words),
            ];
            let size = format!("{rows} x {cols}");
            Case { size, buffers, groups: strided(kernel, words), close: Close::EXACT }.strided()
        };
        sizes.iter().copied().flat_map(case).collect()
    },
};
