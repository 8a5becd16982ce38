//! From noise to a picture in few steps: DDPM (Ho et al., 2020) and DDIM (Song et al., 2021, η = 0).

use super::{Prediction, Schedule, Spacing, Variance};
use crate::ModelError;

/// Variances below this are as good as none, but have a logarithm.
const LEAST_VARIANCE: f64 = 1e-20;

/// One step towards the picture: sums of multiples of what is there, worked out in f64.
#[derive(Clone, Debug, PartialEq)]
pub struct Step {
    /// How noisy the picture is that the model is asked about.
    pub timestep: usize,
    /// The picture that the model means, x₀, out of [x, answer].
    meant: [f64; 2],
    clip: Option<f64>,
    /// The next, less noisy picture out of [x₀, x, answer].
    next: [f64; 3],
    noise: Noise,
}

/// What fresh noise is multiplied by.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Noise {
    Nothing,
    Fixed(f64),
    /// The root of what the model says.
    Root,
    /// The model says where between these logarithms of a variance: -1 at the first, 1 at the second.
    Between(f64, f64),
}

impl Step {
    /// Whether fresh noise comes in.
    pub fn is_noisy(&self) -> bool {
        self.noise != Noise::Nothing
    }

    /// Whether the model has to say how much.
    pub fn asks_for_spread(&self) -> bool {
        matches!(self.noise, Noise::Root | Noise::Between(..))
    }

    /// What it does without fresh noise, in plain numbers: the picture that the model means out of [x, answer], within which
    /// range it is kept, and the next picture out of [what is meant, x, answer].
    pub fn plain(&self) -> ([f64; 2], Option<f64>, [f64; 3]) {
        (self.meant, self.clip, self.next)
    }

    /// A value of the next picture: from this picture's, what the model answers and says about the spread of the noise
    /// (where it is asked), and a number from the standard normal distribution (where the step is noisy).
    pub fn next(&self, x: f32, answer: f32, spread: f32, fresh: f32) -> f32 {
        let [x, answer, spread, fresh] = [x, answer, spread, fresh].map(f64::from);
        let mut meant = self.meant[0] * x + self.meant[1] * answer;
        if let Some(range) = self.clip {
            meant = meant.clamp(-range, range);
        }
        let deviation = match self.noise {
            Noise::Nothing => 0.0,
            Noise::Fixed(deviation) => deviation,
            Noise::Root => spread.max(0.0).sqrt(),
            Noise::Between(small, large) => (0.5 * (small + (large - small) * (spread + 1.0) / 2.0)).exp(),
        };
        (self.next[0] * meant + self.next[1] * x + self.next[2] * answer + deviation * fresh) as f32
    }
}

impl Schedule {
    /// Every step takes some noise away and brings a little fresh noise in (Ho et al., 2020, algorithm 2).
    pub fn ddpm(&self, steps: usize) -> Result<Vec<Step>, ModelError> {
        let at = self.timesteps(steps)?;
        let after = at.iter().skip(1).map(|timestep| self.signal[*timestep]).chain([1.0]);
        Ok(at.iter().zip(after).map(|(timestep, after)| self.ddpm_step(*timestep, after)).collect())
    }

    /// Every step goes along a line to where less of the same noise is left (Song et al., 2021, equation 12).
    pub fn ddim(&self, steps: usize) -> Result<Vec<Step>, ModelError> {
        let at = self.timesteps(steps)?;
        let stride = self.signal.len() / steps;
        let after = |timestep: usize| timestep.checked_sub(stride).map_or(self.end, |at| self.signal[at]);
        Ok(at.into_iter().map(|timestep| self.ddim_step(timestep, after(timestep))).collect())
    }

    /// From x at `timestep` to x with the share `after` of signal: the mean of equation 7 and the noise around it.
    fn ddpm_step(&self, timestep: usize, after: f64) -> Step {
        let now = self.signal[timestep];
        let kept = now / after;
        let small = ((1.0 - after) / (1.0 - now) * (1.0 - kept)).max(LEAST_VARIANCE);
        let noise = match self.variance {
            _ if timestep == 0 => Noise::Nothing,
            Variance::Small => Noise::Fixed(small.sqrt()),
            Variance::Large => Noise::Fixed((1.0 - kept).sqrt()),
            Variance::Learned => Noise::Root,
            Variance::LearnedRange => Noise::Between(small.ln(), (1.0 - kept).ln()),
        };
        let next = [after.sqrt() * (1.0 - kept) / (1.0 - now), kept.sqrt() * (1.0 - after) / (1.0 - now), 0.0];
        Step { timestep, meant: self.meant(now), clip: self.clip, next, noise }
    }

    fn ddim_step(&self, timestep: usize, after: f64) -> Step {
        let now = self.signal[timestep];
        let [of_x, of_answer] = self.meant_noise(now).map(|multiple| (1.0 - after).sqrt() * multiple);
        let next = [after.sqrt(), of_x, of_answer];
        Step { timestep, meant: self.meant(now), clip: self.clip, next, noise: Noise::Nothing }
    }

    /// The picture x₀ out of [x, answer], where the share of signal is `now`.
    fn meant(&self, now: f64) -> [f64; 2] {
        let (signal, noise) = (now.sqrt(), (1.0 - now).sqrt());
        match self.prediction {
            Prediction::Noise => [1.0 / signal, -noise / signal],
            Prediction::Picture => [0.0, 1.0],
            Prediction::Velocity => [signal, -noise],
        }
    }

    /// The noise ε out of [x, answer]. Cutting the picture off does not change it, as in diffusers.
    fn meant_noise(&self, now: f64) -> [f64; 2] {
        let (signal, noise) = (now.sqrt(), (1.0 - now).sqrt());
        match self.prediction {
            Prediction::Noise => [0.0, 1.0],
            Prediction::Picture => [1.0 / noise, -signal / noise],
            Prediction::Velocity => [noise, signal],
        }
    }

    /// The time steps to visit, from the noisiest on, to the last digit as NumPy works them out.
    fn timesteps(&self, steps: usize) -> Result<Vec<usize>, ModelError> {
        let trained = self.signal.len();
        if !(1..=trained).contains(&steps) {
            return Err(too_many(steps, trained));
        }
        let stride = trained as f64 / steps as f64;
        let back = (trained as f64 - stride) - trained as f64;
        let apart = (trained - 1) as f64 / (steps - 1).max(1) as f64;
        let place = |at: usize| match self.spacing {
            Spacing::Leading => (steps - 1 - at) * (trained / steps) + self.offset,
            Spacing::Trailing => rounded(trained as f64 + at as f64 * back).saturating_sub(1),
            Spacing::Even => rounded((steps - 1 - at) as f64 * apart),
        };
        let fits = place(0) < trained; // an offset may lead beyond
        fits.then(|| (0..steps).map(place).collect()).ok_or_else(|| too_many(steps, trained))
    }
}

fn too_many(steps: usize, trained: usize) -> ModelError {
    let what = format!("{steps} steps were asked for, and the model was trained on {trained} time steps");
    ModelError::unsupported(what, "ask for at least one and for fewer than that")
}

/// Halves go to the even side, as NumPy rounds.
fn rounded(at: f64) -> usize {
    at.round_ties_even() as usize
}
