//! Gates that are learned: what multiplies weights or units while a method finds out which of them to keep. All
//! functions are differentiable by their first argument through burn's autodiff, and every other argument is a
//! constant. On a GPU they run WGSL kernels forward and backward, on the CPU burn's own operations.

mod follow;
#[cfg(test)]
mod tests;

use burn::backend::wgpu::CubeTensor;
use burn::tensor::Tensor;
use burn::tensor::activation::sigmoid;

use crate::apply::{beside, entries, mapped, readable};
use crate::kernel::{HARD_CONCRETE, HARD_CONCRETE_GRADIENT, OPEN, SIGMOID_SLOPE, SOFT_MASK, SOFT_MASK_GRADIENT};
use crate::{Count, HardConcrete, KernelError, Runs, SoftRuns};
use follow::{Gate, on_gpu};

/// The hard concrete distribution's shape: a concrete one of temperature `beta`, stretched to `gamma`..`zeta` and cut
/// off at 0 and 1, so that both have a probability of their own.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Stretch {
    /// Above 0.
    pub beta: f32,
    /// At most 0.
    pub gamma: f32,
    /// At least 1.
    pub zeta: f32,
}

impl Default for Stretch {
    /// Louizos et al., 2018.
    fn default() -> Self {
        Self { beta: 2.0 / 3.0, gamma: -0.1, zeta: 1.1 }
    }
}

/// Samples of the hard concrete distribution (Louizos, Welling and Kingma, 2018, equations 10 and 11), one for each
/// log_alpha: 0 to 1. `draw` has a uniform draw from 0 to 1 for each. The gradient is the one with the draws held
/// still; it is 0 where the sample is cut off.
///
/// # Errors
/// Says so if shapes or devices differ or `stretch` is out of its ranges.
pub fn hard_concrete<const D: usize>(
    log_alpha: Tensor<D>,
    draw: Tensor<D>,
    stretch: Stretch,
) -> Result<Tensor<D>, KernelError> {
    let Stretch { beta, gamma, zeta } = stretch;
    if !(beta > 0.0 && gamma <= 0.0 && zeta >= 1.0) {
        let want = "beta above 0, gamma at most 0 and zeta at least 1".into();
        return Err(KernelError::Shape { kernel: HARD_CONCRETE.name, want, got: format!("{stretch:?}") });
    }
    beside(HARD_CONCRETE.name, &log_alpha, "draw", log_alpha.dims(), &draw)?;
    let count = entries(HARD_CONCRETE.name, &log_alpha)?;
    if count == 0 {
        return Ok(log_alpha);
    }
    let draw = draw.inner();
    let sample = |draw| on_gpu(&log_alpha, &Sample { shape: HardConcrete { count, beta, gamma, zeta }, draw });
    Ok(readable(&draw).and_then(sample).unwrap_or_else(|| {
        let u = draw.clamp(1e-6, 1.0 - 1e-6);
        let logit = u.clone().log() - (-u + 1.0).log();
        let s = sigmoid((log_alpha + logit) / beta);
        (s * (zeta - gamma) + gamma).clamp(0.0, 1.0)
    }))
}

/// 1 for each score above its threshold, else 0: of the highest k, if the threshold is the score that comes after them.
/// It is differentiated as if the gates were the scores themselves (straight through: Bengio et al., 2013; top-v of
/// Sanh et al., 2020). Scores must be finite.
///
/// `threshold` [T] has one for all, or one for each of T equal runs of entries, e.g. rows.
///
/// # Errors
/// Says so if the thresholds do not divide the scores or are on another device.
pub fn straight_through<const D: usize>(score: Tensor<D>, threshold: Tensor<1>) -> Result<Tensor<D>, KernelError> {
    let Some(runs) = runs(OPEN.name, &score, &threshold)? else { return Ok(score) };
    let threshold = threshold.inner();
    let open = |threshold| on_gpu(&score, &Open { runs, threshold });
    Ok(readable(&threshold).and_then(open).unwrap_or_else(|| {
        let gate = opened(&score, threshold);
        score.clone() - score.inner() + gate
    }))
}

/// 1 for each score whose sigmoid is above `tau`, else 0, differentiated as if it were the sigmoid (soft movement
/// pruning, Sanh et al., 2020, with the sigmoid's own slope). Scores must be finite.
///
/// # Errors
/// Says so if `tau` is not between 0 and 1.
pub fn straight_through_sigmoid<const D: usize>(score: Tensor<D>, tau: f32) -> Result<Tensor<D>, KernelError> {
    if !(tau > 0.0 && tau < 1.0) {
        let (want, got) = ("tau between 0 and 1".into(), tau.to_string());
        return Err(KernelError::Shape { kernel: OPEN.name, want, got });
    }
    // Scores are compared: a sigmoid differs a little from device to device.
    let threshold = Tensor::full([1], (tau / (1.0 - tau)).ln(), &score.device()).inner();
    let Some(runs) = runs(OPEN.name, &score, &threshold)? else { return Ok(score) };
    let open = |threshold| on_gpu(&score, &OpenSigmoid(Open { runs, threshold }));
    Ok(readable(&threshold).and_then(open).unwrap_or_else(|| {
        let gate = opened(&score, threshold);
        let p = sigmoid(score);
        p.clone() - p.inner() + gate
    }))
}

/// How much of each weight is kept: sigmoid((w^2 - t^2) / temperature), 1/2 at the threshold t (PDP, Cho, Adya and
/// Naik, 2023). Multiplied with the weights it gives those that PDP computes with. Norms of channels serve as weights
/// too.
///
/// `threshold` [T] has one for all, or one for each of T equal runs of entries, e.g. rows or the groups of N:M. The
/// temperature, above 0, is in units of w^2.
///
/// # Errors
/// Says so if the thresholds do not divide the weights or are on another device, or the temperature is not above 0.
pub fn soft_mask<const D: usize>(
    weight: Tensor<D>,
    threshold: Tensor<1>,
    temperature: f32,
) -> Result<Tensor<D>, KernelError> {
    if temperature.is_nan() || temperature <= 0.0 {
        let (want, got) = ("a temperature above 0".into(), temperature.to_string());
        return Err(KernelError::Shape { kernel: SOFT_MASK.name, want, got });
    }
    let Some(Runs { count, run }) = runs(SOFT_MASK.name, &weight, &threshold)? else { return Ok(weight) };
    let threshold = threshold.inner();
    let mask = |threshold| on_gpu(&weight, &Soft { runs: SoftRuns { count, run, temperature }, threshold });
    Ok(readable(&threshold).and_then(mask).unwrap_or_else(|| {
        let threshold = spread(threshold, weight.dims());
        sigmoid((weight.square() - threshold.square()) / temperature)
    }))
}

/// How the thresholds lie over the entries; `None` if there are no entries.
fn runs<const D: usize>(
    kernel: &'static str,
    entries_of: &Tensor<D>,
    threshold: &Tensor<1>,
) -> Result<Option<Runs>, KernelError> {
    let count = entries(kernel, entries_of)?;
    let [thresholds] = threshold.dims();
    if thresholds == 0 || !count.is_multiple_of(thresholds as u32) {
        let want = format!("thresholds for equal runs of {count} entries");
        return Err(KernelError::Shape { kernel, want, got: format!("{thresholds} thresholds") });
    }
    beside(kernel, entries_of, "thresholds", [thresholds], threshold)?;
    Ok((count > 0).then(|| Runs { count, run: count / thresholds as u32 }))
}

/// Each entry's threshold.
fn spread<const D: usize>(threshold: Tensor<1>, shape: [usize; D]) -> Tensor<D> {
    let [thresholds] = threshold.dims();
    let run = shape.iter().product::<usize>() / thresholds;
    threshold.reshape([thresholds, 1]).expand([thresholds, run]).reshape(shape)
}

/// The open gates by burn's operations, with no gradient.
fn opened<const D: usize>(score: &Tensor<D>, threshold: Tensor<1>) -> Tensor<D> {
    score.clone().inner().greater(spread(threshold, score.dims())).float()
}

/// [`hard_concrete`].
#[derive(Clone, Debug)]
struct Sample {
    shape: HardConcrete,
    draw: CubeTensor,
}

impl Gate for Sample {
    fn forward(&self, log_alpha: &CubeTensor) -> CubeTensor {
        mapped(&HARD_CONCRETE, &self.shape, &[log_alpha, &self.draw])
    }

    fn backward(&self, log_alpha: &CubeTensor, grad: CubeTensor) -> CubeTensor {
        mapped(&HARD_CONCRETE_GRADIENT, &self.shape, &[log_alpha, &self.draw, &grad])
    }
}

/// [`straight_through`].
#[derive(Clone, Debug)]
struct Open {
    runs: Runs,
    threshold: CubeTensor,
}

impl Gate for Open {
    fn forward(&self, score: &CubeTensor) -> CubeTensor {
        mapped(&OPEN, &self.runs, &[score, &self.threshold])
    }

    fn backward(&self, _: &CubeTensor, grad: CubeTensor) -> CubeTensor {
        grad
    }
}

/// [`straight_through_sigmoid`].
#[derive(Clone, Debug)]
struct OpenSigmoid(Open);

impl Gate for OpenSigmoid {
    fn forward(&self, score: &CubeTensor) -> CubeTensor {
        self.0.forward(score)
    }

    fn backward(&self, score: &CubeTensor, grad: CubeTensor) -> CubeTensor {
        mapped(&SIGMOID_SLOPE, &Count { count: self.0.runs.count }, &[score, &grad])
    }
}

/// [`soft_mask`].
#[derive(Clone, Debug)]
struct Soft {
    runs: SoftRuns,
    threshold: CubeTensor,
}

impl Gate for Soft {
    fn forward(&self, weight: &CubeTensor) -> CubeTensor {
        mapped(&SOFT_MASK, &self.runs, &[weight, &self.threshold])
    }

    fn backward(&self, weight: &CubeTensor, grad: CubeTensor) -> CubeTensor {
        mapped(&SOFT_MASK_GRADIENT, &self.runs, &[weight, &self.threshold, &grad])
    }
}
