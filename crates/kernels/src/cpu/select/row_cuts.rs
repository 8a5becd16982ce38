use super::{key, scores};
use crate::RowCuts;
use crate::check::{Buffer, Case, Close, Extent, Noise, Twin};
use crate::launch::MAX_GROUPS;

/// score [R, C] -> cuts [R]: the key of each row's `lowest`-th score, and the index before which scores equal to it go.
pub fn row_cuts(parameters: &RowCuts, score: &[u32], cuts: &mut [u32]) {
    let cols = parameters.cols as usize;
    for (row, cut) in cuts.chunks_exact_mut(2).enumerate() {
        let mut order: Vec<usize> = (row * cols..(row + 1) * cols).collect();
        order.sort_by_key(|at| key(score[*at]));
        let last = order[parameters.lowest as usize - 1];
        cut.copy_from_slice(&[key(score[last]), last as u32 + 1]);
    }
}

/// Beside the shader.
pub(crate) const TWIN: Twin = Twin {
    run: |_, buffers| {
        let [parameters, score, cuts] = buffers else { unreachable!("three bindings") };
        row_cuts(&parameters.parameters(), score.u32(), cuts.u32_mut());
    },
    cases: |_, extent| {
        let small = [[0, 3], [1, 1], [1, 255], [3, 256], [2, 257], [70, 5], [3, 1_001]];
        let sizes: &[[usize; 2]] = if extent == Extent::Large { &[[65_600, 5]] } else { &small };
        let case = |[rows, cols]: [usize; 2], lowest: usize| {
            let mut noise = Noise::new(1);
            let parameters = RowCuts { rows: rows as u32, cols: cols as u32, lowest: lowest as u32 };
            let buffers = vec![
                Buffer::of(&parameters),
                Buffer::U32(scores(&mut noise, rows * cols)),
                Buffer::unwritten_words(2 * rows),
            ];
            let groups = [(rows as u32).min(MAX_GROUPS), 1, 1];
            let size = format!("{rows} x {cols}, {lowest} lowest");
            // llvmpipe ends an invocation's loops after 65,535 rounds in all, so large sizes need their many workgroups.
            let case = Case { size, buffers, groups, close: Close::EXACT };
            if extent == Extent::Large { vec![case] } else { case.strided().to_vec() }
        };
        let lowest = |cols: usize| if extent == Extent::Large { vec![2] } else { vec![1, cols / 2 + 1, cols] };
        sizes.iter().flat_map(|size| lowest(size[1]).into_iter().flat_map(|lowest| case(*size, lowest))).collect()
    },
};
