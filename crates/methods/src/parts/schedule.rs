//! How shares change over steps and rounds.

use std::f64::consts::PI;

/// A share that goes from one value to another while `done` goes from 0 to 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rise {
    /// to + (from - to) (1 - done)^3, fast at first and slow at the end (Zhu & Gupta, 2017).
    Cubic,
    Linear,
    /// All at once, half-way.
    Once,
}

impl Rise {
    pub fn at(self, from: f64, to: f64, done: f64) -> f64 {
        let left = match self {
            Self::Cubic => (1.0 - done).powi(3),
            Self::Linear => 1.0 - done,
            Self::Once => f64::from(done < 0.5),
        };
        to + (from - to) * left
    }
}

/// Half a cosine from one share to another (Dettmers & Zettlemoyer, 2019; Evci et al., 2020).
pub fn cosine(from: f64, to: f64, done: f64) -> f64 {
    to + (from - to) * 0.5 * (1.0 + (PI * done).cos())
}

/// The sparsity after so many of the rounds that lead to `sparsity`, each of which takes the same share of what the one
/// before has left (Han et al., 2015; Frankle & Carbin, 2019).
pub fn geometric(sparsity: f64, round: u64, rounds: u64) -> f64 {
    1.0 - (1.0 - sparsity).powf(round as f64 / rounds as f64)
}

/// A sparsity that rises while a model learns.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Ramp {
    pub rise: Rise,
    pub from: f64,
    pub to: f64,
    /// The first step, where the sparsity is `from`, and the last one, where it is `to`.
    pub begin: u64,
    pub end: u64,
    /// Steps from one change to the next. The last change comes at `end`, whether it fits or not.
    pub every: u64,
}

impl Ramp {
    /// The sparsity that holds from after this step on, where it changes there.
    pub fn at(&self, step: u64) -> Option<f64> {
        let since = step.checked_sub(self.begin)?;
        let due = step == self.end || since.is_multiple_of(self.every) && step < self.end;
        let done = since as f64 / (self.end - self.begin).max(1) as f64;
        due.then(|| self.rise.at(self.from, self.to, if step == self.end { 1.0 } else { done }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of Zhu & Gupta's card: four steps to 90 %.
    #[test]
    fn the_cubic_curve_is_the_papers() {
        let ramp = Ramp { rise: Rise::Cubic, from: 0.0, to: 0.9, begin: 20, end: 60, every: 10 };
        let found: Vec<(u64, f64)> = (0..100).filter_map(|step| Some((step, ramp.at(step)?))).collect();
        let want = [(20, 0.0), (30, 0.520_312_5), (40, 0.7875), (50, 0.885_937_5), (60, 0.9)];
        assert_eq!(found.len(), want.len());
        assert!(found.iter().zip(want).all(|(a, b)| a.0 == b.0 && (a.1 - b.1).abs() < 1e-12), "{found:?}");
    }

    #[test]
    fn the_last_change_always_comes() {
        for (begin, end, every) in [(0, 1, 10), (3, 3, 5), (7, 24, 5), (0, 100, 100)] {
            for rise in [Rise::Cubic, Rise::Linear, Rise::Once] {
                let ramp = Ramp { rise, from: 0.1, to: 0.8, begin, end, every };
                let found: Vec<f64> = (0..=200).filter_map(|step| ramp.at(step)).collect();
                assert_eq!(found.last(), Some(&0.8), "{ramp:?}");
                assert!(found.is_sorted());
            }
        }
    }

    #[test]
    fn rounds_take_equal_shares_of_what_is_left() {
        let kept: Vec<f64> = (0..=7).map(|round| 1.0 - geometric(1.0 - 0.8f64.powi(7), round, 7)).collect();
        assert!(kept.windows(2).all(|pair| (pair[1] / pair[0] - 0.8).abs() < 1e-12));
        assert_eq!((geometric(0.9, 1, 1), geometric(0.0, 2, 3)), (0.9, 0.0));
    }

    #[test]
    fn a_cosine_ends_where_it_should() {
        assert_eq!([0.0, 0.5, 1.0].map(|done| (cosine(0.5, 0.1, done) * 1e9).round() / 1e9), [0.5, 0.3, 0.1]);
    }
}
