use std::ops::Range;

use macerator::Simd;

use super::{in_pieces, multiply_add, samples, starts};

/// Samples whose sums stay in registers.
pub(super) const SAMPLES: usize = if cfg!(target_arch = "wasm32") { 32 } else { 64 };

/// Inputs of a slab, at least: those of [`SAMPLES`] samples fit into the processor's first cache.
pub(super) const SLAB: usize = 96;

/// Kept entries of an output in a slab, at least, on average: sums are fetched and put back for each slab.
const ENTRIES: usize = 32;

/// A weight [outputs, inputs] by its kept entries: compressed sparse rows, for some inputs ("slab") after the other.
#[derive(Clone, Debug, PartialEq)]
pub struct Rows {
    outputs: usize,
    inputs: usize,
    /// Inputs of each slab but the last.
    slab: usize,
    /// The first entry of each output in each slab, slab by slab, and the end.
    starts: Vec<usize>,
    /// The input of each entry, counted from its slab's first.
    columns: Vec<u16>,
    values: Vec<f32>,
}

impl Rows {
    /// Most inputs: a column is 16 bits, which is a third less to read than with 32.
    pub const MOST_INPUTS: usize = 1 << 16;

    /// Takes what is not 0 from a weight, row by row. None with more than [`Rows::MOST_INPUTS`].
    ///
    /// # Panics
    /// If the weight has another size.
    pub fn new(weight: &[f32], outputs: usize, inputs: usize) -> Option<Self> {
        assert_eq!(weight.len(), outputs * inputs, "{outputs} x {inputs}");
        if inputs > Self::MOST_INPUTS {
            return None;
        }
        let kept = weight.iter().filter(|value| **value != 0.0).count();
        let slab = (ENTRIES * weight.len()).checked_div(kept).unwrap_or(inputs).max(SLAB).min(inputs);
        let mut rows = Self { outputs, inputs, slab, starts: vec![0], columns: Vec::new(), values: Vec::new() };
        for slab in slabs(inputs, slab) {
            for output in 0..outputs {
                let row = &weight[output * inputs..][slab.clone()];
                for (input, value) in row.iter().enumerate().filter(|(_, value)| **value != 0.0) {
                    rows.columns.push(input as u16);
                    rows.values.push(*value);
                }
                rows.starts.push(rows.values.len());
            }
        }
        Some(rows)
    }

    /// Kept entries.
    pub fn count(&self) -> usize {
        self.values.len()
    }

    pub(super) fn size(&self) -> (usize, usize) {
        (self.outputs, self.inputs)
    }

    pub(super) fn bytes(&self) -> usize {
        size_of_val(&self.starts[..]) + size_of_val(&self.columns[..]) + size_of_val(&self.values[..])
    }

    pub(super) fn product(&self, x: &[f32], bias: Option<&[f32]>, y: &mut [f32]) {
        let samples = samples(x, self.inputs, bias, y, self.outputs);
        if samples == 0 || self.outputs == 0 {
            return;
        }
        in_pieces(SAMPLES, (x, self.inputs), (y, self.outputs), |x, y| {
            let samples = y.len() / self.outputs;
            let mut done = 0;
            while done < samples {
                let (x, y) = (&x[done * self.inputs..], &mut y[done * self.outputs..]);
                done += match samples - done {
                    SAMPLES.. => self.side_by_side::<SAMPLES>(x, bias, y),
                    16.. => self.side_by_side::<16>(x, bias, y),
                    4.. => self.side_by_side::<4>(x, bias, y),
                    _ => self.side_by_side::<1>(x, bias, y),
                };
            }
        });
    }

    /// The first N samples. Returns N.
    fn side_by_side<const N: usize>(&self, x: &[f32], bias: Option<&[f32]>, y: &mut [f32]) -> usize {
        let mut turned = vec![[0.0; N]; self.slab];
        let mut sums = vec![[0.0; N]; self.outputs];
        starts(bias, &mut sums);
        for (at, slab) in slabs(self.inputs, self.slab).enumerate() {
            for (sample, row) in x.chunks(self.inputs).take(N).enumerate() {
                turned.iter_mut().zip(&row[slab.clone()]).for_each(|(turned, value)| turned[sample] = *value);
            }
            self.add_slab(at, &turned, &mut sums);
        }
        for (sample, row) in y.chunks_mut(self.outputs).take(N).enumerate() {
            row.iter_mut().zip(&sums).for_each(|(value, sums)| *value = sums[sample]);
        }
        N
    }

    /// Adds W times x [inputs] of N samples to the sums [outputs].
    pub(super) fn add<const N: usize>(&self, x: &[[f32; N]], sums: &mut [[f32; N]]) {
        slabs(self.inputs, self.slab).enumerate().for_each(|(at, slab)| self.add_slab(at, &x[slab], sums));
    }

    /// Adds what a slab says, given its inputs.
    fn add_slab<const N: usize>(&self, at: usize, x: &[[f32; N]], sums: &mut [[f32; N]]) {
        let starts = &self.starts[at * self.outputs..=(at + 1) * self.outputs];
        sum::<N>(starts, &self.columns, &self.values, x, sums);
    }
}

fn slabs(inputs: usize, slab: usize) -> impl Iterator<Item = Range<usize>> {
    (0..inputs).step_by(slab.max(1)).map(move |first| first..inputs.min(first + slab))
}

/// Adds each output's entries times their inputs, for N samples side by side.
#[macerator::with_simd]
fn sum<S: Simd, const N: usize>(starts: &[usize], columns: &[u16], values: &[f32], x: &[[f32; N]], y: &mut [[f32; N]]) {
    for (range, y) in starts.windows(2).zip(y) {
        let mut sums = *y;
        for (column, value) in columns[range[0]..range[1]].iter().zip(&values[range[0]..range[1]]) {
            let x = &x[usize::from(*column)];
            for sample in 0..N {
                sums[sample] = multiply_add(*value, x[sample], sums[sample]);
            }
        }
        *y = sums;
    }
}
