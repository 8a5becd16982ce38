//! Pruned weights without their holes: present blocks, or the kept values of N:M groups.

use secateur_graph::Mask;

use crate::Kernel;
use crate::kernel::{NM_1_4, NM_2_4, NM_4_8};

/// Why a weight was not packed.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum PackError {
    #[error("a weight [{rows}, {cols}]: wanted {want} weights and as many mask entries, got {weights} and {mask}")]
    Len { rows: usize, cols: usize, want: usize, weights: usize, mask: usize },
    #[error("blocks have 16 or 32 weights a side, got {side}")]
    Side { side: usize },
    #[error("a weight [{rows}, {cols}] is not made of whole blocks of {side} x {side}; mask it instead")]
    Ragged { rows: usize, cols: usize, side: usize },
    #[error("block [{row}, {col}] keeps {kept} of its {of} weights, wanted all or none; mask the weight instead")]
    PartOfABlock { row: usize, col: usize, kept: usize, of: usize },
    #[error("rows of {cols} weights have no whole groups of {of}; mask the weight instead")]
    Groups { cols: usize, of: usize },
    #[error("row {row} keeps {kept} weights of {col}..{end}, wanted at most {n}; mask the weight instead")]
    TooMany { row: usize, col: usize, end: usize, kept: usize, n: usize },
}

fn fits(weight: &[f32], [rows, cols]: [usize; 2], mask: &Mask) -> Result<(), PackError> {
    let (want, weights, mask) = (rows * cols, weight.len(), mask.len());
    if (weights, mask) != (want, want) {
        return Err(PackError::Len { rows, cols, want, weights, mask });
    }
    Ok(())
}

/// Which blocks of a weight [rows, cols] are present. Blocks are numbered row by row.
#[derive(Clone, Debug, PartialEq)]
pub struct BlockList {
    pub rows: usize,
    pub cols: usize,
    /// Weights along the side of a block.
    pub side: usize,
    /// For each block row, block columns.
    pub by_row: BlockLines,
    /// For each block column, block rows.
    pub by_column: BlockLines,
}

/// The present blocks, line by line (compressed block rows, or columns).
#[derive(Clone, Debug, PartialEq)]
pub struct BlockLines {
    /// Those of line i are `starts[i]..starts[i + 1]`.
    pub starts: Vec<u32>,
    /// Where in its line each stands, and its number.
    pub blocks: Vec<[u32; 2]>,
}

impl BlockLines {
    /// From (line, place in the line, number), in the order of lines.
    fn new(lines: usize, present: impl Iterator<Item = (usize, usize, usize)> + Clone) -> Self {
        let mut starts = vec![0; lines + 1];
        present.clone().for_each(|(line, ..)| starts[line + 1] += 1);
        (0..lines).for_each(|line| starts[line + 1] += starts[line]);
        Self { starts, blocks: present.map(|(_, place, number)| [place as u32, number as u32]).collect() }
    }

    /// Most blocks of a line.
    pub fn fullest(&self) -> usize {
        self.starts.windows(2).map(|ends| (ends[1] - ends[0]) as usize).max().unwrap_or(0)
    }
}

impl BlockList {
    /// How many blocks there are.
    pub fn len(&self) -> usize {
        self.by_row.blocks.len()
    }

    /// Whether everything was pruned.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Block row and block column of each block.
    pub fn places(&self) -> Vec<[usize; 2]> {
        let rows = self.by_row.starts.windows(2).enumerate();
        let row_of = rows.flat_map(|(row, ends)| (ends[0]..ends[1]).map(move |_| row));
        row_of.zip(&self.by_row.blocks).map(|(row, [column, _])| [row, *column as usize]).collect()
    }

    /// The first entries of the rows of a block of the weight.
    fn rows_of(&self, [row, column]: [usize; 2]) -> impl Iterator<Item = usize> + use<> {
        let (side, cols) = (self.side, self.cols);
        (0..side).map(move |i| (row * side + i) * cols + column * side)
    }
}

/// The blocks that `mask` keeps of a weight [rows, cols], and their values [blocks, side, side]. A block is kept whole
/// or not at all.
pub fn pack_blocks(
    weight: &[f32],
    [rows, cols]: [usize; 2],
    mask: &Mask,
    side: usize,
) -> Result<(BlockList, Vec<f32>), PackError> {
    fits(weight, [rows, cols], mask)?;
    if ![16, 32].contains(&side) {
        return Err(PackError::Side { side });
    }
    if rows % side + cols % side > 0 {
        return Err(PackError::Ragged { rows, cols, side });
    }
    let (down, across, of) = (rows / side, cols / side, side * side);
    let mut kept = vec![0; down * across];
    mask.kept().for_each(|at| kept[at / cols / side * across + at % cols / side] += 1);
    if let Some(at) = kept.iter().position(|kept| ![0, of].contains(kept)) {
        return Err(PackError::PartOfABlock { row: at / across, col: at % across, kept: kept[at], of });
    }
    let present: Vec<usize> = (0..kept.len()).filter(|at| kept[*at] > 0).collect();
    let placed = present.iter().enumerate().map(|(number, at)| (at / across, at % across, number));
    let mut turned: Vec<_> = placed.clone().map(|(row, column, number)| (column, row, number)).collect();
    turned.sort_unstable();
    let by_row = BlockLines::new(down, placed);
    let by_column = BlockLines::new(across, turned.into_iter());
    let list = BlockList { rows, cols, side, by_row, by_column };
    let starts = list.places().into_iter().flat_map(|place| list.rows_of(place));
    let values = starts.flat_map(|start| &weight[start..start + side]).copied().collect();
    Ok((list, values))
}

/// The weight [rows, cols] again, with 0 where blocks are absent.
///
/// # Panics
/// If there are not as many values as the blocks have.
pub fn unpack_blocks(list: &BlockList, values: &[f32]) -> Vec<f32> {
    assert_eq!(values.len(), list.len() * list.side * list.side, "values of {} blocks", list.len());
    let mut weight = vec![0.0; list.rows * list.cols];
    let starts = list.places().into_iter().flat_map(|place| list.rows_of(place));
    for (start, values) in starts.zip(values.chunks_exact(list.side)) {
        weight[start..start + list.side].copy_from_slice(values);
    }
    weight
}

/// Pairs as a shader reads them.
pub(crate) fn words(blocks: &[[u32; 2]]) -> Vec<u32> {
    blocks.as_flattened().to_vec()
}

/// How many of how many neighbouring weights of a row stay.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pattern {
    OneOfFour,
    TwoOfFour,
    FourOfEight,
}

impl Pattern {
    pub const ALL: [Self; 3] = [Self::OneOfFour, Self::TwoOfFour, Self::FourOfEight];

    /// N and M.
    pub fn n_of_m(self) -> (usize, usize) {
        match self {
            Self::OneOfFour => (1, 4),
            Self::TwoOfFour => (2, 4),
            Self::FourOfEight => (4, 8),
        }
    }

    pub(crate) fn kernel(self) -> &'static Kernel {
        match self {
            Self::OneOfFour => &NM_1_4,
            Self::TwoOfFour => &NM_2_4,
            Self::FourOfEight => &NM_4_8,
        }
    }
}

/// The kept values of a weight [rows, cols] of N:M groups.
#[derive(Clone, Debug, PartialEq)]
pub struct Compressed {
    pub rows: usize,
    pub cols: usize,
    pub pattern: Pattern,
    /// [rows, cols / M * N]; 0 where a group keeps fewer than N.
    pub values: Vec<f32>,
    /// Where in its group each value stands: four bits each, eight to a word.
    pub positions: Vec<u32>,
}

/// What `mask` keeps of a weight [rows, cols]: at most N of every M neighbours of a row.
pub fn pack_nm(
    weight: &[f32],
    [rows, cols]: [usize; 2],
    mask: &Mask,
    pattern: Pattern,
) -> Result<Compressed, PackError> {
    fits(weight, [rows, cols], mask)?;
    let (n, of) = pattern.n_of_m();
    if !cols.is_multiple_of(of) {
        return Err(PackError::Groups { cols, of });
    }
    let mut values = vec![0.0; rows * cols / of * n];
    let mut positions = vec![0; values.len().div_ceil(8)];
    for group in 0..rows * cols / of {
        let start = group * of;
        let kept: Vec<usize> = (start..start + of).filter(|at| mask.is_kept(*at)).collect();
        if kept.len() > n {
            let (row, col) = (start / cols, start % cols);
            return Err(PackError::TooMany { row, col, end: col + of, kept: kept.len(), n });
        }
        for (at, from) in (group * n..).zip(kept) {
            values[at] = weight[from];
            positions[at / 8] |= ((from - start) as u32) << (at % 8 * 4);
        }
    }
    Ok(Compressed { rows, cols, pattern, values, positions })
}

/// The weight [rows, cols] again, with 0 where nothing was kept.
pub fn unpack_nm(compressed: &Compressed) -> Vec<f32> {
    let (n, of) = compressed.pattern.n_of_m();
    let mut weight = vec![0.0; compressed.rows * compressed.cols];
    for (at, value) in compressed.values.iter().enumerate() {
        let position = compressed.positions[at / 8] >> (at % 8 * 4) & 15;
        // Added, because the places of a group that keeps fewer than N all say 0.
        weight[at / n * of + position as usize] += value;
    }
    weight
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::Noise;

    fn masked(weight: &[f32], mask: &Mask) -> Vec<f32> {
        weight.iter().zip(mask.to_f32()).map(|(weight, kept)| weight * kept).collect()
    }

    #[test]
    fn blocks_come_back() {
        for (shape, side) in [([0, 16], 16), ([16, 16], 16), ([64, 96], 32), ([48, 80], 16), ([96, 32], 32)] {
            for one_in in [1, 2, 1_000] {
                let ([rows, cols], mut noise) = (shape, Noise::new(one_in as u64));
                let present: Vec<bool> = (0..rows * cols).map(|_| noise.word().is_multiple_of(one_in)).collect();
                let mask = (0..rows * cols).map(|at| present[at / cols / side * (cols / side) + at % cols / side]);
                let (weight, mask) = (noise.many(rows * cols), Mask::from_kept(mask));
                let (list, values) = pack_blocks(&weight, shape, &mask, side).unwrap();
                assert_eq!(list.len() * side * side, mask.count_kept());
                assert_eq!(unpack_blocks(&list, &values), masked(&weight, &mask), "{shape:?}");
                by_column_is_by_row_turned(&list);
            }
        }
    }

    fn by_column_is_by_row_turned(list: &BlockList) {
        let places = list.places();
        for (column, ends) in list.by_column.starts.windows(2).enumerate() {
            for [row, number] in &list.by_column.blocks[ends[0] as usize..ends[1] as usize] {
                assert_eq!(places[*number as usize], [*row as usize, column]);
            }
        }
        assert_eq!(list.by_column.blocks.len(), list.len());
    }

    #[test]
    fn groups_come_back() {
        for pattern in Pattern::ALL {
            let (n, of) = pattern.n_of_m();
            for shape in [[0, 8], [1, 8], [5, 24], [3, 40]] {
                let mut noise = Noise::new(3);
                let len = shape[0] * shape[1];
                // Groups keep up to N, at any places.
                let first: Vec<usize> = (0..len / of).map(|_| noise.word() as usize).collect();
                let kept = (0..len).map(|at| (at + first[at / of]) % of < first[at / of] / of % (n + 1));
                let (weight, mask) = (noise.many(len), Mask::from_kept(kept));
                let compressed = pack_nm(&weight, shape, &mask, pattern).unwrap();
                assert_eq!(compressed.values.len(), len / of * n);
                assert_eq!(unpack_nm(&compressed), masked(&weight, &mask), "{pattern:?}, {shape:?}");
            }
        }
    }

    #[test]
    fn masks_without_the_structure_are_refused() {
        let said = |side, shape: [usize; 2], pruned: &[usize]| {
            let mut mask = Mask::full(32 * 32);
            pruned.iter().for_each(|at| mask.prune(*at));
            pack_blocks(&[1.0; 32 * 32], shape, &mask, side).unwrap_err().to_string()
        };
        assert!(said(16, [32, 32], &[17]).starts_with("block [0, 1] keeps 255 of its 256 weights"));
        assert_eq!(said(8, [32, 32], &[]), "blocks have 16 or 32 weights a side, got 8");
        assert!(said(32, [64, 16], &[]).contains("[64, 16] is not made of whole blocks of 32 x 32"));
        assert!(said(32, [64, 32], &[]).contains("wanted 2048 weights and as many mask entries, got 1024 and 1024"));

        let said = |shape, kept: &[usize], pattern| {
            let mask = Mask::from_kept((0..16).map(|at| kept.contains(&at)));
            pack_nm(&[1.0; 16], shape, &mask, pattern).unwrap_err().to_string()
        };
        let error = said([2, 8], &[12, 13, 15], Pattern::TwoOfFour);
        assert_eq!(error, "row 1 keeps 3 weights of 4..8, wanted at most 2; mask the weight instead");
        assert!(said([8, 2], &[], Pattern::OneOfFour).contains("no whole groups of 4"));
        assert!(said([1, 8], &[], Pattern::OneOfFour).starts_with("a weight [1, 8]: wanted 8 weights"));
    }
}
