use std::ops::Range;

use macerator::Simd;

use super::blocks::Block;
use super::{BLOCK, in_pieces, multiply_add, samples, threads};

/// Samples at a time: as many sums stay in registers.
pub(super) const SAMPLES: usize = if cfg!(target_arch = "wasm32") { 2 } else { 6 };

/// Blocks of a panel at a time ("slab"): they stay in the processor's first cache from samples to samples.
pub(super) const SLAB: usize = 12;

/// Samples a thread takes at once, at most: enough to make laying out a dense weight worth it, few enough for a slab of them
/// to stay in its second cache.
const PIECE: usize = 768;

/// A weight by its panels: 16 outputs each, of all inputs.
pub(super) trait Panels: Sync {
    /// Which blocks there are in a slab of a panel, and what is in them. There is room for as many in `scratch`.
    fn blocks<'a>(&'a self, panel: usize, slab: Range<usize>, scratch: &'a mut [Block]) -> (&'a [u32], &'a [Block]);
}

/// A weight [outputs, inputs] as it lies.
struct Plain<'a> {
    weight: &'a [f32],
    inputs: usize,
    /// 0, 1, 2 ...
    columns: Vec<u32>,
}

impl Panels for Plain<'_> {
    fn blocks<'a>(&'a self, panel: usize, slab: Range<usize>, scratch: &'a mut [Block]) -> (&'a [u32], &'a [Block]) {
        let rows = self.weight.chunks(BLOCK * self.inputs).nth(panel).expect("a panel of the weight");
        let blocks = &mut scratch[..slab.len()];
        turn(rows, self.inputs, slab.start * BLOCK, blocks.as_flattened_mut());
        (&self.columns[slab], blocks)
    }
}

/// y = x Wᵀ + bias for a weight as it lies, laid out panel by panel on the way. For one sample and a few the layout would
/// take longer than the product.
///
/// # Panics
/// If the slices have other sizes.
pub fn dense(x: &[f32], weight: &[f32], inputs: usize, bias: Option<&[f32]>, y: &mut [f32]) {
    let outputs = weight.len().checked_div(inputs).unwrap_or(0);
    let panels = Plain { weight, inputs, columns: (0..inputs.div_ceil(BLOCK) as u32).collect() };
    product(&panels, SLAB, (x, inputs), bias, (y, outputs));
}

/// y = x Wᵀ + bias, some blocks ("slab") of each panel at a time.
///
/// # Panics
/// If the slices have other sizes.
pub(super) fn product(
    panels: &impl Panels,
    slab: usize,
    (x, inputs): (&[f32], usize),
    bias: Option<&[f32]>,
    (y, outputs): (&mut [f32], usize),
) {
    match samples(x, inputs, bias, y, outputs) {
        0 => (),
        _ if outputs == 0 => (),
        1 => side_by_side::<1>(panels, slab, (x, inputs), bias, (y, outputs)),
        _ => side_by_side::<SAMPLES>(panels, slab, (x, inputs), bias, (y, outputs)),
    }
}

/// M samples at a time. There is at least one, and one output.
fn side_by_side<const M: usize>(
    panels: &impl Panels,
    slab: usize,
    (x, inputs): (&[f32], usize),
    bias: Option<&[f32]>,
    (y, outputs): (&mut [f32], usize),
) {
    let columns = inputs.div_ceil(BLOCK);
    // One sample reads each block once, wherever it lies.
    let slab = if M == 1 { columns } else { slab.min(columns) }.max(1);
    in_pieces(piece(y.len() / outputs).next_multiple_of(M), (x, inputs), (y, outputs), |x, y| {
        let samples = (y.len() / outputs).next_multiple_of(M);
        // Panel by panel: as rows of y they would lie too far apart for the processor to fetch them ahead.
        let mut sums = vec![[0.0; BLOCK]; outputs.div_ceil(BLOCK) * samples];
        if let Some(bias) = bias {
            for (sums, bias) in sums.chunks_exact_mut(samples).zip(bias.chunks(BLOCK)) {
                sums.iter_mut().for_each(|sums| sums[..bias.len()].copy_from_slice(bias));
            }
        }
        let mut gathered = vec![[0.0; BLOCK]; samples * slab];
        let mut scratch = vec![[[0.0; BLOCK]; BLOCK]; slab];
        for first in (0..columns).step_by(slab) {
            for (row, gathered) in x.chunks_exact(inputs).zip(gathered.chunks_exact_mut(slab)) {
                take(&row[first * BLOCK..], gathered.as_flattened_mut());
            }
            for (panel, sums) in sums.chunks_exact_mut(samples).enumerate() {
                let (columns, blocks) = panels.blocks(panel, first..columns.min(first + slab), &mut scratch);
                add::<M>(&Part { first, columns, blocks }, &gathered, slab, sums);
            }
        }
        for (at, y) in y.chunks_exact_mut(outputs).enumerate() {
            let mine = sums[at..].iter().step_by(samples);
            mine.zip(y.chunks_mut(BLOCK)).for_each(|(sums, y)| match y.first_chunk_mut() {
                Some(y) => *y = *sums,
                None => y.copy_from_slice(&sums[..y.len()]),
            });
        }
    });
}

/// Samples for a thread at once: as many for each thread, but a few are as fast on one.
fn piece(samples: usize) -> usize {
    let pieces = threads() * samples.div_ceil(threads() * PIECE);
    samples.div_ceil(pieces).max(4 * SAMPLES)
}

/// As much of a row as there is room for, and zeros past its end.
pub(super) fn take(row: &[f32], to: &mut [f32]) {
    let (taken, past) = to.split_at_mut(row.len().min(to.len()));
    taken.copy_from_slice(&row[..taken.len()]);
    past.fill(0.0);
}

/// Up to M rows of `inputs` side by side, from the input `first` on, and zeros past their end. What there is no row for stays.
pub(super) fn turn<const M: usize>(rows: &[f32], inputs: usize, first: usize, turned: &mut [[f32; M]]) {
    let width = turned.len().min(inputs - first);
    for (at, row) in rows.chunks_exact(inputs).enumerate() {
        turned.iter_mut().zip(&row[first..first + width]).for_each(|(turned, value)| turned[at] = *value);
    }
    turned[width..].fill([0.0; M]);
}

/// What a slab says to 16 outputs.
struct Part<'a> {
    /// The slab's first column.
    first: usize,
    columns: &'a [u32],
    blocks: &'a [Block],
}

/// Adds to sums [samples, 16 outputs] what a part says to samples [samples, slab] in 16s.
#[macerator::with_simd]
fn add<'a, S: Simd, const M: usize>(
    part: &Part<'a>,
    gathered: &[[f32; BLOCK]],
    slab: usize,
    sums: &mut [[f32; BLOCK]],
) {
    for (x, sums) in gathered.chunks_exact(M * slab).zip(sums.as_chunks_mut::<M>().0) {
        *sums = tile(part, x, slab, *sums);
    }
}

/// Sums [samples, 16 outputs] and what a part adds. They are no reference, and stay in registers.
#[inline(always)]
fn tile<const M: usize>(
    part: &Part<'_>,
    x: &[[f32; BLOCK]],
    slab: usize,
    mut sums: [[f32; BLOCK]; M],
) -> [[f32; BLOCK]; M] {
    for (column, block) in part.columns.iter().zip(part.blocks) {
        let column = *column as usize - part.first;
        sums = multiply(std::array::from_fn(|sample| &x[sample * slab + column]), block, sums);
    }
    sums
}

/// Sums [M, 16] and x [M, 16] times up to 16 rows of 16 numbers.
#[inline(always)]
pub(super) fn multiply<const M: usize>(
    x: [&[f32; BLOCK]; M],
    rows: &[[f32; BLOCK]],
    mut sums: [[f32; BLOCK]; M],
) -> [[f32; BLOCK]; M] {
    for at in 0..rows.len().min(BLOCK) {
        for sample in 0..M {
            for lane in 0..BLOCK {
                sums[sample][lane] = multiply_add(x[sample][at], rows[at][lane], sums[sample][lane]);
            }
        }
    }
    sums
}
