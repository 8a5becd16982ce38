use std::f64::consts::TAU;

use serde::{Deserialize, Serialize};

use crate::op::product;
use crate::{OpRule, Shape};

/// Turns pairs of features of each head by an angle that grows with the token's position (Su et al., 2021). Pairs are
/// (i, i + head_dim / 2), as in Hugging Face's models.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Rotary {
    pub heads: usize,
    pub head_dim: usize,
    /// Pair i turns by base^(-2 i / head_dim) a token.
    pub base: f64,
    pub scaling: RotaryScaling,
}

/// How the angles are changed for texts longer than those of the first training.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub enum RotaryScaling {
    None,
    /// All angles are divided by the factor.
    Linear {
        factor: f64,
    },
    /// Slow pairs are divided by the factor, fast ones stay, those between are blended (Llama 3.1).
    Llama3 {
        factor: f64,
        low: f64,
        high: f64,
        original_tokens: f64,
    },
}

impl Rotary {
    /// What each pair turns by a token, in radians, [head_dim / 2].
    pub fn frequencies(&self) -> Vec<f64> {
        let plain = |pair: usize| self.base.powf(-2.0 * pair as f64 / self.head_dim as f64);
        (0..self.head_dim / 2).map(|pair| self.scaling.apply(plain(pair))).collect()
    }
}

impl RotaryScaling {
    fn apply(self, frequency: f64) -> f64 {
        match self {
            Self::None => frequency,
            Self::Linear { factor } => frequency / factor,
            Self::Llama3 { factor, low, high, original_tokens } => {
                let turns = original_tokens * frequency / TAU;
                let fast = ((turns - low) / (high - low)).clamp(0.0, 1.0);
                frequency * (fast + (1.0 - fast) / factor)
            }
        }
    }
}

impl OpRule for Rotary {
    fn infer(&self, inputs: &[&Shape]) -> Result<Shape, (String, String)> {
        let width = product(&[self.heads, self.head_dim]);
        match inputs {
            [x] if x.len() == 2 && x[1] == width && self.head_dim.is_multiple_of(2) => Ok((*x).clone()),
            other => Err((format!("[tokens, {width}], heads of an even size"), format!("{other:?}"))),
        }
    }

    fn title(&self) -> String {
        format!("Rotary positions, {} heads of {}", self.heads, self.head_dim)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Angles of transformers' `_compute_llama3_parameters`, worked out by hand for three pairs.
    #[test]
    fn llama3_keeps_fast_pairs_and_divides_slow_ones() {
        let scaling = RotaryScaling::Llama3 { factor: 8.0, low: 1.0, high: 4.0, original_tokens: 8192.0 };
        assert_eq!(scaling.apply(1.0), 1.0);
        assert_eq!(scaling.apply(1e-5), 1e-5 / 8.0);
        let between = 2.5 * TAU / 8192.0; // halfway
        assert!((scaling.apply(between) - between * (0.5 + 0.5 / 8.0)).abs() < 1e-15);
        assert_eq!(RotaryScaling::Linear { factor: 4.0 }.apply(1.0), 0.25);
    }

    #[test]
    fn frequencies_fall_from_one() {
        let rotary = Rotary { heads: 1, head_dim: 4, base: 10_000.0, scaling: RotaryScaling::None };
        assert_eq!(rotary.frequencies(), [1.0, 0.01]);
    }
}
