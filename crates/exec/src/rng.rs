//! Randomness that depends on what it is for and on nothing else: same seed, purpose, step and name, same
//! numbers, natively and in the browser.

use rand::{Rng as _, SeedableRng};
use rand_chacha::ChaCha8Rng;
use secateur_protocol::fnv1a;

/// A stream of random numbers. ChaCha with 8 rounds (Bernstein, 2008).
pub struct Rng(ChaCha8Rng);

impl Rng {
    /// The stream for one draw, e.g. `Rng::keyed(seed, "random-score", 0, "fc.weight")`.
    pub fn keyed(seed: u64, purpose: &str, step: u64, name: &str) -> Self {
        let words = [seed, fnv1a(purpose.as_bytes()), step, fnv1a(name.as_bytes())];
        let mut key = [0; 32];
        for (bytes, word) in key.chunks_exact_mut(8).zip(words) {
            bytes.copy_from_slice(&word.to_le_bytes());
        }
        Self(ChaCha8Rng::from_seed(key))
    }

    /// Evenly spread over [0, 1), a multiple of 2^-24.
    pub fn uniform(&mut self) -> f32 {
        (self.0.next_u32() >> 8) as f32 / (1 << 24) as f32
    }

    /// Evenly spread over [low, high).
    pub fn between(&mut self, low: f32, high: f32) -> f32 {
        low + (high - low) * self.uniform()
    }

    /// Standard normal: mean 0, variance 1.
    pub fn normal(&mut self) -> f32 {
        rand_distr::Distribution::sample(&rand_distr::StandardNormal, &mut self.0)
    }

    /// Evenly spread over 0..n. The same on machines of any word size (Lemire, 2019, without the rejection step:
    /// the bias is below n / 2^64).
    pub fn below(&mut self, n: usize) -> usize {
        ((u128::from(self.0.next_u64()) * n as u128) >> 64) as usize
    }

    /// Every order equally likely (Fisher & Yates).
    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            items.swap(last, self.below(last + 1));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Rng;

    #[test]
    fn every_part_of_the_key_counts() {
        let draw = |seed, purpose, step, name| Rng::keyed(seed, purpose, step, name).below(usize::MAX);
        let base = draw(1, "score", 0, "fc");
        assert_eq!(base, draw(1, "score", 0, "fc"));
        for other in [
            draw(2, "score", 0, "fc"),
            draw(1, "shuffle", 0, "fc"),
            draw(1, "score", 1, "fc"),
            draw(1, "score", 0, "fc2"),
        ] {
            assert_ne!(base, other);
        }
    }

    #[test]
    fn numbers_lie_where_they_should() {
        let mut rng = Rng::keyed(7, "test", 0, "");
        let uniform: Vec<f32> = (0..10_000).map(|_| rng.uniform()).collect();
        assert!(uniform.iter().all(|x| (0.0..1.0).contains(x)));
        assert!((uniform.iter().sum::<f32>() / 1e4 - 0.5).abs() < 0.01);
        let normal: Vec<f32> = (0..10_000).map(|_| rng.normal()).collect();
        assert!((normal.iter().map(|x| x * x).sum::<f32>() / 1e4 - 1.0).abs() < 0.05);
        let mut order: Vec<usize> = (0..100).collect();
        rng.shuffle(&mut order);
        assert!(order.iter().enumerate().any(|(at, item)| at != *item));
        order.sort_unstable();
        assert_eq!(order, (0..100).collect::<Vec<_>>());
    }
}
