use macerator::Simd;

use super::{in_pieces, multiply_add, samples};

/// Outputs and inputs of a block: 16 numbers fill a register of AVX-512, two of AVX2 or four of NEON and simd128.
pub const BLOCK: usize = 16;

/// Samples at a time: as many sums stay in registers.
pub(super) const SAMPLES: usize = if cfg!(target_arch = "wasm32") { 2 } else { 6 };

/// Samples a thread takes at once: enough to make laying out a dense weight worth it, few enough to stay in its cache.
const PIECE: usize = 192;

/// By input, then by output.
pub(super) type Block = [[f32; BLOCK]; BLOCK];

/// A weight [outputs, inputs] in blocks of 16 x 16, those of one row of blocks ("panel") one after the other. Blocks with
/// nothing in them are left out.
#[derive(Clone, Debug, PartialEq)]
pub struct Blocks {
    outputs: usize,
    inputs: usize,
    /// The first block of each panel, and the end.
    starts: Vec<usize>,
    /// Which block of its panel each one is.
    columns: Vec<u32>,
    values: Vec<Block>,
}

impl Blocks {
    /// Takes what is not 0 from a weight, row by row.
    ///
    /// # Panics
    /// If the weight has another size.
    pub fn new(weight: &[f32], outputs: usize, inputs: usize) -> Self {
        assert_eq!(weight.len(), outputs * inputs, "{outputs} x {inputs}");
        let mut blocks = Self { outputs, inputs, starts: vec![0], columns: Vec::new(), values: Vec::new() };
        for first in (0..outputs).step_by(BLOCK) {
            let panel = &weight[first * inputs..outputs.min(first + BLOCK) * inputs];
            for column in 0..inputs.div_ceil(BLOCK) {
                let block = block(panel, inputs, column);
                if block.iter().flatten().any(|value| *value != 0.0) {
                    blocks.columns.push(column as u32);
                    blocks.values.push(block);
                }
            }
            blocks.starts.push(blocks.columns.len());
        }
        blocks
    }

    /// Blocks with something in them, and all.
    pub fn count(&self) -> (usize, usize) {
        (self.values.len(), self.outputs.div_ceil(BLOCK) * self.inputs.div_ceil(BLOCK))
    }

    pub(super) fn size(&self) -> (usize, usize) {
        (self.outputs, self.inputs)
    }

    pub(super) fn bytes(&self) -> usize {
        size_of_val(&self.starts[..]) + size_of_val(&self.columns[..]) + size_of_val(&self.values[..])
    }

    /// For each 16 outputs, which blocks there are and what is in them.
    pub(super) fn panels(&self) -> impl Iterator<Item = (&[u32], &[Block])> {
        self.starts.windows(2).map(|range| (&self.columns[range[0]..range[1]], &self.values[range[0]..range[1]]))
    }

    pub(super) fn product(&self, x: &[f32], bias: Option<&[f32]>, y: &mut [f32]) {
        let samples = samples(x, self.inputs, bias, y, self.outputs);
        if samples == 0 || self.outputs == 0 {
            return;
        }
        // One sample and a few are as fast on one thread.
        let piece =
            if samples < 4 * SAMPLES { samples } else { PIECE.min(samples.div_ceil(2).next_multiple_of(SAMPLES)) };
        in_pieces(piece, (x, self.inputs), (y, self.outputs), |x, y| {
            for (panel, (columns, values)) in self.panels().enumerate() {
                let panel = Panel { columns, values, output: panel * BLOCK, bias };
                panel_product(&panel, x, self.inputs, y, self.outputs);
            }
        });
    }
}

/// y = x Wᵀ + bias for a weight as it lies, laid out panel by panel on the way. For one sample and a few the layout would
/// take longer than the product.
///
/// # Panics
/// If the slices have other sizes.
pub fn dense(x: &[f32], weight: &[f32], inputs: usize, bias: Option<&[f32]>, y: &mut [f32]) {
    let outputs = weight.len().checked_div(inputs).unwrap_or(0);
    let samples = samples(x, inputs, bias, y, outputs);
    if samples == 0 || outputs == 0 {
        return;
    }
    let columns: Vec<u32> = (0..inputs.div_ceil(BLOCK) as u32).collect();
    let piece = PIECE.min(samples.div_ceil(2).next_multiple_of(SAMPLES));
    in_pieces(piece, (x, inputs), (y, outputs), |x, y| {
        let mut values = vec![[[0.0; BLOCK]; BLOCK]; columns.len()];
        for (panel, rows) in weight.chunks(BLOCK * inputs).enumerate() {
            for (column, value) in values.iter_mut().enumerate() {
                *value = block(rows, inputs, column);
            }
            let panel = Panel { columns: &columns, values: &values, output: panel * BLOCK, bias };
            panel_product(&panel, x, inputs, y, outputs);
        }
    });
}

/// One block of a panel, given as up to 16 rows of `inputs`; zeros past the weight's end.
fn block(panel: &[f32], inputs: usize, column: usize) -> Block {
    let mut block = [[0.0; BLOCK]; BLOCK];
    let first = column * BLOCK;
    let width = BLOCK.min(inputs - first);
    for (output, row) in panel.chunks(inputs.max(1)).enumerate() {
        for (input, value) in row[first..first + width].iter().enumerate() {
            block[input][output] = *value;
        }
    }
    block
}

/// What 16 outputs are made of.
struct Panel<'a> {
    columns: &'a [u32],
    values: &'a [Block],
    /// The first of them.
    output: usize,
    bias: Option<&'a [f32]>,
}

/// A panel's outputs for all samples of x.
#[macerator::with_simd]
fn panel_product<'a, S: Simd>(panel: &Panel<'a>, x: &[f32], inputs: usize, y: &mut [f32], outputs: usize) {
    let mine = panel.output..outputs.min(panel.output + BLOCK);
    let mut start = [0.0; BLOCK];
    if let Some(bias) = panel.bias {
        start[..mine.len()].copy_from_slice(&bias[mine.clone()]);
    }
    let mut done = 0;
    for y in y.chunks_mut(SAMPLES * outputs) {
        let count = y.len() / outputs;
        let x = &x[done * inputs..(done + count) * inputs];
        done += count;
        let mut sums = [start; SAMPLES];
        if count == SAMPLES {
            tile::<SAMPLES>(panel, x, inputs, &mut sums);
        } else {
            for (sample, sums) in sums[..count].iter_mut().enumerate() {
                tile::<1>(panel, &x[sample * inputs..], inputs, std::array::from_mut(sums));
            }
        }
        for (y, sums) in y.chunks_mut(outputs).zip(&sums) {
            y[mine.clone()].copy_from_slice(&sums[..mine.len()]);
        }
    }
}

/// Adds to `sums` [samples, 16 outputs] what a panel's blocks say to the first M samples of x.
#[inline(always)]
fn tile<const M: usize>(panel: &Panel<'_>, x: &[f32], inputs: usize, sums: &mut [[f32; BLOCK]; M]) {
    let rows: [&[f32]; M] = std::array::from_fn(|sample| &x[sample * inputs..(sample + 1) * inputs]);
    // A copy that no reference points to: it stays in registers.
    let mut local = *sums;
    for (column, block) in panel.columns.iter().zip(panel.values) {
        let first = *column as usize * BLOCK;
        let mut edge = [[0.0; BLOCK]; M];
        let x: [&[f32; BLOCK]; M] = if first + BLOCK <= inputs {
            rows.map(|row| row[first..].first_chunk().expect("a whole block"))
        } else {
            for (edge, row) in edge.iter_mut().zip(rows) {
                edge[..inputs - first].copy_from_slice(&row[first..]);
            }
            edge.each_ref()
        };
        for input in 0..BLOCK {
            for sample in 0..M {
                for output in 0..BLOCK {
                    local[sample][output] = multiply_add(x[sample][input], block[input][output], local[sample][output]);
                }
            }
        }
    }
    *sums = local;
}
