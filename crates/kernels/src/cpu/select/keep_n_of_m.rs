use super::{key, packed, scores, word_count};
use crate::NOfM;
use crate::check::{Buffer, Case, Close, Extent, MATRICES, MATRIX_LARGE, Noise, Twin};
use crate::launch::strided;

/// score [R, C] -> words: a bit for each of the `n` highest of every `m` consecutive entries of a row, and for what fills no
/// group at its end.
pub fn keep_n_of_m(parameters: &NOfM, score: &[u32], words: &mut [u32]) {
    let [cols, n, m] = [parameters.cols, parameters.n, parameters.m].map(|size| size as usize);
    packed(words, score.len(), |at| {
        let row = &score[at / cols * cols..][..cols];
        let Some(group) = row.chunks_exact(m).nth(at % cols / m) else { return true };
        let own = at % cols % m;
        let mut order: Vec<usize> = (0..m).collect();
        order.sort_by_key(|at| key(group[*at]));
        order[m - n..].contains(&own)
    });
}

/// Beside the shader.
pub(crate) const TWIN: Twin = Twin {
    run: |_, buffers| {
        let [parameters, score, words] = buffers else { unreachable!("three bindings") };
        keep_n_of_m(&parameters.parameters(), score.u32(), words.u32_mut());
    },
    cases: |kernel, extent| {
        let (large, patterns): (_, &[[u32; 2]]) =
            (extent == Extent::Large, &[[2, 4], [1, 4], [4, 8], [5, 7], [15, 16]]);
        let case = |[rows, cols]: [usize; 2], [n, m]: [u32; 2]| {
            let mut noise = Noise::new(1);
            let words = word_count(rows * cols);
            let buffers = vec![
                Buffer::of(&NOfM { rows: rows as u32, cols: cols as u32, n, m }),
                Buffer::U32(scores(&mut noise, rows * cols)),
                Buffer::unwritten_words(words),
            ];
            let size = format!("{n}:{m} of {rows} x {cols}");
            // llvmpipe ends an invocation's loops after 65,535 rounds in all, so large sizes need their many workgroups.
            let case = Case { size, buffers, groups: strided(kernel, words), close: Close::EXACT };
            if large { vec![case] } else { case.strided().to_vec() }
        };
        let (sizes, patterns) = if large { (MATRIX_LARGE, &patterns[..1]) } else { (MATRICES, patterns) };
        sizes.iter().flat_map(|size| patterns.iter().flat_map(|pattern| case(*size, *pattern))).collect()
    },
};
