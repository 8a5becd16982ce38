use macerator::Simd;

use super::{in_pieces, multiply_add, samples};

/// Samples whose sums stay in registers.
const SAMPLES: usize = if cfg!(target_arch = "wasm32") { 32 } else { 64 };

/// A weight [outputs, inputs] by its kept entries: compressed sparse rows.
#[derive(Clone, Debug, PartialEq)]
pub struct Rows {
    inputs: usize,
    /// The first entry of each output, and the end.
    starts: Vec<usize>,
    /// The input of each entry.
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
        let mut rows = Self { inputs, starts: vec![0], columns: Vec::new(), values: Vec::new() };
        for output in 0..outputs {
            let row = &weight[output * inputs..(output + 1) * inputs];
            for (input, value) in row.iter().enumerate().filter(|(_, value)| **value != 0.0) {
                rows.columns.push(input as u16);
                rows.values.push(*value);
            }
            rows.starts.push(rows.values.len());
        }
        Some(rows)
    }

    /// Kept entries.
    pub fn count(&self) -> usize {
        self.values.len()
    }

    pub(super) fn size(&self) -> (usize, usize) {
        (self.starts.len() - 1, self.inputs)
    }

    pub(super) fn bytes(&self) -> usize {
        size_of_val(&self.starts[..]) + size_of_val(&self.columns[..]) + size_of_val(&self.values[..])
    }

    pub(super) fn product(&self, x: &[f32], bias: Option<&[f32]>, y: &mut [f32]) {
        let outputs = self.starts.len() - 1;
        let samples = samples(x, self.inputs, bias, y, outputs);
        if samples == 0 || outputs == 0 {
            return;
        }
        in_pieces(SAMPLES, (x, self.inputs), (y, outputs), |x, y| {
            let samples = y.len() / outputs;
            let mut done = 0;
            while done < samples {
                let (x, y) = (&x[done * self.inputs..], &mut y[done * outputs..]);
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
        let outputs = self.starts.len() - 1;
        let mut turned = vec![[0.0; N]; self.inputs];
        for (sample, row) in x.chunks(self.inputs.max(1)).take(N).enumerate() {
            turned.iter_mut().zip(row).for_each(|(turned, value)| turned[sample] = *value);
        }
        let mut sums: Vec<[f32; N]> = match bias {
            Some(bias) => bias.iter().map(|bias| [*bias; N]).collect(),
            None => vec![[0.0; N]; outputs],
        };
        sum::<N>(&self.starts, &self.columns, &self.values, &turned, &mut sums);
        for (sample, row) in y.chunks_mut(outputs).take(N).enumerate() {
            row.iter_mut().zip(&sums).for_each(|(value, sums)| *value = sums[sample]);
        }
        N
    }
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
