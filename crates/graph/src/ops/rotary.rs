use std::f64::consts::TAU;

use serde::{Deserialize, Serialize};

use crate::groups::{Grain, Side, Ties};
use crate::op::product;
use crate::surgery::{Kept, runs_left};
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
    /// Which pairs are left, where a cut took some away; none: all.
    pub pairs: Option<Pairs>,
}

/// Pairs of features that are left of heads that had more.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Pairs {
    /// The heads' size once.
    pub of: usize,
    /// In rising order.
    pub kept: Vec<usize>,
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
    /// With all pairs.
    pub fn new(heads: usize, head_dim: usize, base: f64, scaling: RotaryScaling) -> Self {
        Self { heads, head_dim, base, scaling, pairs: None }
    }

    /// What each pair turns by a token, in radians, [head_dim / 2].
    pub fn frequencies(&self) -> Vec<f64> {
        let of = self.pairs.as_ref().map_or(self.head_dim, |pairs| pairs.of);
        let frequency = |pair: usize| self.scaling.apply(self.base.powf(-2.0 * pair as f64 / of as f64));
        match &self.pairs {
            Some(pairs) => pairs.kept.iter().copied().map(frequency).collect(),
            None => (0..self.head_dim / 2).map(frequency).collect(),
        }
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

    fn ties(&self, ties: &mut Ties<'_>) {
        let half = self.head_dim / 2;
        let pair = |at: usize| at / self.head_dim * half + at % self.head_dim % half;
        match ties.grain() {
            Grain::Heads | Grain::QueryHeads => ties.same(&[Side::Input(0), Side::Output]),
            Grain::HeadDims => ties.join(&[(Side::Input(0), &pair), (Side::Output, &pair)]),
        }
    }

    fn shrink(&mut self, kept: &Kept<'_>) {
        let (heads, head_dim) = runs_left(kept.input(0), self.heads);
        if head_dim < self.head_dim {
            let head = kept.input(0).chunks(self.head_dim).find(|head| head.contains(&true));
            let pairs = (0..self.head_dim / 2).filter(|pair| head.is_some_and(|head| head[*pair]));
            let before = self.pairs.take();
            let original = |pair: usize| before.as_ref().map_or(pair, |before| before.kept[pair]);
            let of = before.as_ref().map_or(self.head_dim, |before| before.of);
            self.pairs = Some(Pairs { of, kept: pairs.map(original).collect() });
        }
        (self.heads, self.head_dim) = (heads, head_dim);
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
        let rotary = Rotary::new(1, 4, 10_000.0, RotaryScaling::None);
        assert_eq!(rotary.frequencies(), [1.0, 0.01]);
    }
}
