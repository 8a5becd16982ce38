use super::{key, packed, scores, word_count};
use crate::BlockMask;
use crate::check::{Buffer, Case, Close, Extent, MATRICES, MATRIX_LARGE, Noise, Twin};
use crate::launch::strided;

/// score of each block, cuts [1] -> words: a bit for each entry [R, C] whose block stays.
pub fn keep_blocks(parameters: &BlockMask, score: &[u32], cuts: &[u32], words: &mut [u32]) {
    let [rows, cols, high, wide] =
        [parameters.rows, parameters.cols, parameters.high, parameters.wide].map(|size| size as usize);
    packed(words, rows * cols, |at| {
        let block = at / cols / high * cols.div_ceil(wide) + at % cols / wide;
        (key(score[block]), block) >= (cuts[0], cuts[1] as usize)
    });
}

/// Beside the shader.
pub(crate) const TWIN: Twin = Twin {
    run: |_, buffers| {
        let [parameters, score, cuts, words] = buffers else { unreachable!("four bindings") };
        keep_blocks(&parameters.parameters(), score.u32(), cuts.u32(), words.u32_mut());
    },
    cases: |kernel, extent| {
        let (large, blocks): (_, &[[usize; 2]]) = (extent == Extent::Large, &[[1, 1], [4, 4], [16, 3], [2, 100]]);
        let case = |[rows, cols]: [usize; 2], [high, wide]: [usize; 2]| {
            let mut noise = Noise::new(1);
            let score = scores(&mut noise, rows.div_ceil(high) * cols.div_ceil(wide));
            let cuts = score.get(score.len() / 2).map_or(vec![0; 2], |bits| vec![key(*bits), score.len() as u32 / 3]);
            let words = word_count(rows * cols);
            let [r, c, h, w] = [rows, cols, high, wide].map(|size| size as u32);
            let buffers = vec![
                Buffer::of(&BlockMask { rows: r, cols: c, high: h, wide: w }),
                Buffer::U32(score),
                Buffer::U32(cuts),
                Buffer::unwritten_words(words),
            ];
            let size = format!("{rows} x {cols} in blocks of {high} x {wide}");
            Case { size, buffers, groups: strided(kernel, words), close: Close::EXACT }.strided()
        };
        let (sizes, blocks) = if large { (MATRIX_LARGE, &blocks[2..3]) } else { (MATRICES, blocks) };
        sizes.iter().flat_map(|size| blocks.iter().flat_map(|block| case(*size, *block))).collect()
    },
};
