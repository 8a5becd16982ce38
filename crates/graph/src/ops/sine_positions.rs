use serde::{Deserialize, Serialize};

use crate::groups::{Side, Ties};
use crate::op::product;
use crate::{OpRule, Shape};

/// Adds fixed sines and cosines of its place to each of [height * width, features]: the first half of the features
/// tells the column, the second the row (DiT, after Vaswani et al., 2017).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SinePositions {
    pub height: usize,
    pub width: usize,
    pub features: usize,
}

impl SinePositions {
    /// What is added, [height * width, features] row by row. Each half holds the sines of all frequencies
    /// 10000^(-i / (features / 4)), then their cosines.
    pub fn table(&self) -> Vec<f64> {
        let quarter = self.features / 4;
        let angles = move |at: usize| (0..quarter).map(move |i| at as f64 * 1e4_f64.powf(-(i as f64) / quarter as f64));
        let half = move |at| angles(at).map(f64::sin).chain(angles(at).map(f64::cos));
        let places = (0..self.height).flat_map(|row| (0..self.width).map(move |column| (row, column)));
        places.flat_map(|(row, column)| half(column).chain(half(row))).collect()
    }
}

impl OpRule for SinePositions {
    fn infer(&self, inputs: &[&Shape]) -> Result<Shape, (String, String)> {
        let tokens = product(&[self.height, self.width]);
        match inputs {
            [x] if x.as_slice() == [tokens, self.features] && self.features.is_multiple_of(4) => Ok((*x).clone()),
            other => {
                let want = format!("[{tokens}, {}], features a multiple of 4", self.features);
                Err((want, format!("{other:?}")))
            }
        }
    }

    fn ties(&self, ties: &mut Ties<'_>) {
        ties.fix(Side::Input(0));
        ties.fix(Side::Output);
    }

    fn title(&self) -> String {
        format!("Positions of {}×{} as waves", self.height, self.width)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The table of diffusers' `get_2d_sincos_pos_embed`, worked out by hand for one frequency.
    #[test]
    fn columns_come_before_rows_and_sines_before_cosines() {
        let table = SinePositions { height: 2, width: 3, features: 4 }.table();
        let (row, column) = (1.0_f64, 2.0_f64);
        assert_eq!(table[..4], [0.0, 1.0, 0.0, 1.0]);
        assert_eq!(table[4 * 5..], [column.sin(), column.cos(), row.sin(), row.cos()]);
    }

    #[test]
    fn frequencies_fall() {
        let table = SinePositions { height: 1, width: 2, features: 8 }.table();
        assert_eq!(table[8..10], [1.0_f64.sin(), 0.01_f64.sin()]);
    }
}
