use macerator::Simd;

use super::panels::SAMPLES;
use super::{BLOCK, in_turn, multiply_add, on_threads};

/// Rows at a time: sums are fetched and put back once for so many, and 16 columns of them stay in the processor's first cache.
const ROWS: usize = 256;

/// Columns whose sums with 16 others stay in registers.
const OWN: usize = SAMPLES;

/// Columns a thread takes at once; [`OWN`]s and 16s of them come out even.
const STRIP: usize = 48;

/// XᵀX of rows X that come some at a time. Half of it is worked out: what is right of the diagonal says what is left of it.
#[derive(Clone, Debug)]
pub struct Gram {
    columns: usize,
    /// [columns, columns]; what is left of the diagonal says nothing.
    sums: Vec<f32>,
}

impl Gram {
    /// Of no rows.
    pub fn new(columns: usize) -> Self {
        Self { columns, sums: vec![0.0; columns * columns] }
    }

    /// Adds rows x [rows, columns].
    pub fn add(&mut self, x: &[f32]) {
        let columns = self.columns;
        for x in x.chunks(ROWS * columns.max(1)) {
            let (own, others) = (panels::<OWN>(x, columns), panels::<BLOCK>(x, columns));
            let strips = self.sums.chunks_mut(STRIP * columns).collect();
            in_turn(strips, || (), |(), at, sums| strip(&own, &others, at, sums, columns));
        }
    }

    /// XᵀX [columns, columns].
    pub fn whole(self) -> Vec<f32> {
        let Self { columns, mut sums } = self;
        for row in 0..columns {
            for col in 0..row {
                sums[row * columns + col] = sums[col * columns + row];
            }
        }
        sums
    }
}

/// x [rows, columns] by its panels: N columns each, row by row, and zeros past the last.
struct Columns<const N: usize> {
    rows: usize,
    numbers: Vec<[f32; N]>,
}

impl<const N: usize> Columns<N> {
    fn panel(&self, at: usize) -> &[[f32; N]] {
        &self.numbers[at * self.rows..][..self.rows]
    }
}

fn panels<const N: usize>(x: &[f32], columns: usize) -> Columns<N> {
    let rows = x.len() / columns;
    let mut numbers = vec![[0.0; N]; columns.div_ceil(N) * rows];
    on_threads(numbers.chunks_mut(rows).enumerate().collect(), |(panel, numbers)| {
        for (row, numbers) in x.chunks_exact(columns).zip(numbers) {
            let row = &row[panel * N..];
            match row.first_chunk() {
                Some(row) => *numbers = *row,
                None => numbers[..row.len()].copy_from_slice(row),
            }
        }
    });
    Columns { rows, numbers }
}

/// Adds to some rows of the sums, from the strip's first column on.
#[macerator::with_simd]
fn strip<S: Simd>(own: &Columns<OWN>, others: &Columns<BLOCK>, at: usize, sums: &mut [f32], columns: usize) {
    for panel in at * STRIP / BLOCK..columns.div_ceil(BLOCK) {
        for (group, sums) in sums.chunks_mut(OWN * columns).enumerate() {
            let found = tile(own.panel(at * STRIP / OWN + group), others.panel(panel));
            for (sums, found) in sums.chunks_exact_mut(columns).zip(found) {
                sums[panel * BLOCK..].iter_mut().zip(found).for_each(|(sum, found)| *sum += found);
            }
        }
    }
}

/// The sums of all pairs of some columns and 16 others. They are no reference, and stay in registers.
#[inline(always)]
fn tile(own: &[[f32; OWN]], others: &[[f32; BLOCK]]) -> [[f32; BLOCK]; OWN] {
    let mut sums = [[0.0; BLOCK]; OWN];
    for (own, others) in own.iter().zip(others) {
        for column in 0..OWN {
            for lane in 0..BLOCK {
                sums[column][lane] = multiply_add(own[column], others[lane], sums[column][lane]);
            }
        }
    }
    sums
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::{Close, Noise};

    #[test]
    fn it_is_all_products_of_columns_however_rows_come() {
        let mut noise = Noise::new(7);
        for (rows, columns) in [(0, 3), (1, 1), (5, 16), (300, 50), (700, 97)] {
            let x = noise.many(rows * columns);
            let of =
                |row: usize, col: usize| (0..rows).map(|at| x[at * columns + row] * x[at * columns + col]).sum::<f32>();
            let want: Vec<f32> = (0..columns * columns).map(|at| of(at / columns, at % columns)).collect();
            for piece in [1, 7, rows.max(1)] {
                let mut gram = Gram::new(columns);
                x.chunks(piece * columns).for_each(|x| gram.add(x));
                Close { abs: 1e-3, rel: 1e-4 }.compare(&want, &gram.whole(), columns).unwrap();
            }
        }
    }
}
