use std::fmt;

use secateur_graph::grouped;

/// How far two numbers may be apart: `abs + rel * |wanted|`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Close {
    pub abs: f32,
    pub rel: f32,
}

/// Where two matrices differ.
#[derive(Clone, Debug, PartialEq)]
pub enum Mismatch {
    Length { want: usize, got: usize },
    Entries { differ: usize, of: usize, worst: f32, row: usize, col: usize },
}

impl Close {
    /// Bit by bit, but for the sign of 0.
    pub const EXACT: Self = Self { abs: 0.0, rel: 0.0 };

    /// Compares matrices of `cols` columns. NaN equals nothing, so what was never written differs.
    pub fn compare(&self, want: &[f32], got: &[f32], cols: usize) -> Result<(), Mismatch> {
        if want.len() != got.len() {
            return Err(Mismatch::Length { want: want.len(), got: got.len() });
        }
        let gaps = want.iter().zip(got).map(|(want, got)| ((want - got).abs(), self.abs + self.rel * want.abs()));
        let wrong: Vec<(usize, f32)> = gaps
            .enumerate()
            .filter(|(_, (gap, allowed))| gap.is_nan() || gap > allowed)
            .map(|(at, (gap, _))| (at, if gap.is_nan() { f32::INFINITY } else { gap }))
            .collect();
        match wrong.iter().max_by(|a, b| a.1.total_cmp(&b.1)) {
            None => Ok(()),
            Some(&(at, worst)) => {
                let (row, col) = (at / cols, at % cols);
                Err(Mismatch::Entries { differ: wrong.len(), of: want.len(), worst, row, col })
            }
        }
    }
}

impl fmt::Display for Mismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Length { want, got } => {
                write!(f, "wanted {} entries, got {}", grouped(*want as u64), grouped(*got as u64))
            }
            Self::Entries { differ, of, worst, row, col } => {
                write!(
                    f,
                    "{} of {} differ, worst {worst:.1e} at [{row}, {col}]",
                    grouped(*differ as u64),
                    grouped(*of as u64)
                )
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Close;

    #[test]
    fn it_counts_and_says_where() {
        let want = vec![1.0; 4096];
        let mut got = want.clone();
        got[..12].iter_mut().for_each(|entry| *entry += 0.01);
        got[5 * 64 + 17] = 1.031;
        got[3] = 1.0;
        let said = Close { abs: 1e-3, rel: 0.0 }.compare(&want, &got, 64).unwrap_err().to_string();
        assert_eq!(said, "12 of 4,096 differ, worst 3.1e-2 at [5, 17]");
        assert!(Close { abs: 0.1, rel: 0.0 }.compare(&want, &got, 64).is_ok());
    }

    #[test]
    fn what_was_never_written_differs() {
        let said = Close { abs: 1.0, rel: 1.0 }.compare(&[0.0, 0.0], &[0.0, f32::NAN], 2).unwrap_err();
        assert_eq!(said.to_string(), "1 of 2 differ, worst inf at [0, 1]");
        let said = Close { abs: 1.0, rel: 1.0 }.compare(&[0.0; 3], &[0.0; 2], 1).unwrap_err();
        assert_eq!(said.to_string(), "wanted 3 entries, got 2");
    }
}
