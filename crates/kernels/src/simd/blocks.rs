use std::ops::Range;

use super::panels::{Panels, SLAB, product, turn};

/// Outputs and inputs of a block: 16 numbers fill a register of AVX-512, two of AVX2 or four of NEON and simd128.
pub const BLOCK: usize = 16;

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
                let mut block = [[0.0; BLOCK]; BLOCK];
                turn(panel, inputs, column * BLOCK, &mut block);
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
        (0..self.starts.len() - 1).map(|panel| self.panel(panel))
    }

    fn panel(&self, panel: usize) -> (&[u32], &[Block]) {
        let range = self.starts[panel]..self.starts[panel + 1];
        (&self.columns[range.clone()], &self.values[range])
    }

    pub(super) fn product(&self, x: &[f32], bias: Option<&[f32]>, y: &mut [f32]) {
        // As many blocks in a slab as if none were left out.
        let (count, all) = self.count();
        let slab = (SLAB * all).checked_div(count).unwrap_or(SLAB);
        product(self, slab, (x, self.inputs), bias, (y, self.outputs));
    }
}

impl Panels for Blocks {
    fn blocks<'a>(&'a self, panel: usize, slab: Range<usize>, _: &'a mut [Block]) -> (&'a [u32], &'a [Block]) {
        let (columns, values) = self.panel(panel);
        let [start, end] = [slab.start, slab.end].map(|at| columns.partition_point(|column| (*column as usize) < at));
        (&columns[start..end], &values[start..end])
    }
}
