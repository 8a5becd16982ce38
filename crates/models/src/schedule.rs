//! Noise schedules of diffusion models (Ho et al., 2020) as diffusers stores them: the scheduler_config.json of a
//! `DDPMScheduler` or a `DDIMScheduler`. Either one serves both samplers, as diffusers' `from_config` has it.

mod steps;

pub use steps::Step;

use serde_json::Value;

use crate::ModelError;
use crate::settings::{only, word};
use crate::source::{Source, bounded};

/// A bound for memory, far above real models.
const MOST_TIMESTEPS: usize = 1 << 16;

/// Less of a picture than this cannot be told from nothing.
const FAINTEST: f64 = 1e-30;

/// How noise covers a picture, time step by time step, and how a model that was trained so is to be read.
#[derive(Clone, Debug, PartialEq)]
pub struct Schedule {
    /// See [`Schedule::signal`].
    signal: Vec<f64>,
    /// What comes after the last step of DDIM.
    end: f64,
    prediction: Prediction,
    /// Predicted pictures are cut off at this, both ways.
    clip: Option<f64>,
    variance: Variance,
    spacing: Spacing,
    offset: usize,
}

/// What the model answers about x_t = √ᾱ x₀ + √(1 - ᾱ) ε.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Prediction {
    /// ε
    Noise,
    /// x₀
    Picture,
    /// v = √ᾱ ε - √(1 - ᾱ) x₀ (Salimans & Ho, 2022)
    Velocity,
}

/// How much fresh noise a step of DDPM brings in.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Variance {
    Small,
    Large,
    Learned,
    /// Learned as a share between the logarithms of small and large (Nichol & Dhariwal, 2021).
    LearnedRange,
}

/// Which of the trained time steps fewer steps visit (Lin et al., 2023, table 2).
#[derive(Clone, Copy, Debug, PartialEq)]
enum Spacing {
    Leading,
    Trailing,
    Even,
}

impl Schedule {
    /// From the settings in scheduler_config.json; what they leave out is as in diffusers. What is not supported is
    /// refused by its key and value.
    pub fn read(settings: &Value) -> Result<Self, ModelError> {
        let source = &Source { config: Some(settings), tensors: None };
        word(source, "_class_name", &["DDPMScheduler", "DDIMScheduler"], "DDPMScheduler")?;
        only(source, "thresholding", false)?;
        let signal = signal(source)?;
        let to_one: Option<bool> = source.setting("set_alpha_to_one")?;
        Ok(Self {
            end: if to_one.unwrap_or(true) { 1.0 } else { signal[0] },
            prediction: prediction(source)?,
            clip: clip(source)?,
            variance: variance(source)?,
            spacing: spacing(source)?,
            offset: offset(source, signal.len())?,
            signal,
        })
    }

    /// ᾱ by time step: which share of a noisy picture's variance is still the picture's. Falls from near 1 towards 0.
    pub fn signal(&self) -> &[f64] {
        &self.signal
    }
}

/// ᾱ by time step. β are rounded as diffusers rounds them; their product is not.
fn signal(source: &Source) -> Result<Vec<f64>, ModelError> {
    let mut left = 1.0;
    let betas = betas(source)?.into_iter().map(|beta| f64::from(beta as f32));
    let signal: Vec<f64> = betas
        .map(|beta| {
            left *= 1.0 - beta;
            left
        })
        .collect();
    let to_nothing = source.setting("rescale_betas_zero_snr")? == Some(true);
    let signal = if to_nothing { rescaled(&signal) } else { signal };
    let visible = |left: &f64| (FAINTEST..1.0).contains(left);
    let last = signal.len() - 1;
    if visible(&signal[0]) && signal[..last].iter().all(visible) && (to_nothing || visible(&signal[last])) {
        return Ok(signal);
    }
    let what = "the schedule's betas leave nothing of a picture, or all of it, at some time step";
    Err(ModelError::unsupported(what, "choose the scheduler_config.json that belongs to the model"))
}

/// Stretched so that nothing is left at the last time step (Lin et al., 2023, algorithm 1).
fn rescaled(signal: &[f64]) -> Vec<f64> {
    let roots: Vec<f64> = signal.iter().map(|left| left.sqrt()).collect();
    let (first, last) = (roots[0], roots[roots.len() - 1]);
    roots.iter().map(|root| ((root - last) * first / (first - last)).powi(2)).collect()
}

/// The share of variance that each time step replaces by noise.
fn betas(source: &Source) -> Result<Vec<f64>, ModelError> {
    let key = "num_train_timesteps";
    let count = bounded(key, source.setting(key)?.unwrap_or(1000), MOST_TIMESTEPS)?;
    if let Some(betas) = source.setting::<Vec<f64>>("trained_betas")? {
        let fits = betas.len() == count && betas.iter().all(is_share);
        let want = || format!("a list of {key} = {count} numbers between 0 and 1");
        return fits.then_some(betas).ok_or_else(|| ModelError::setting("trained_betas", want(), "another list"));
    }
    let (start, end) = (beta(source, "beta_start", 1e-4)?, beta(source, "beta_end", 0.02)?);
    let along = |at: usize| at as f64 / (count - 1).max(1) as f64;
    let line = |start: f64, end: f64| (0..count).map(move |at| start + (end - start) * along(at));
    let known = ["linear", "scaled_linear", "squaredcos_cap_v2"];
    Ok(match word(source, "beta_schedule", &known, known[0])? {
        "scaled_linear" => line(start.sqrt(), end.sqrt()).map(|root| root * root).collect(),
        "squaredcos_cap_v2" => squared_cosine(count),
        _ => line(start, end).collect(),
    })
}

fn beta(source: &Source, key: &'static str, usual: f64) -> Result<f64, ModelError> {
    let beta = source.setting(key)?.unwrap_or(usual);
    is_share(&beta).then_some(beta).ok_or_else(|| ModelError::setting(key, "a number between 0 and 1", beta))
}

fn is_share(beta: &f64) -> bool {
    0.0 < *beta && *beta < 1.0
}

/// Nichol & Dhariwal, 2021, equation 17.
fn squared_cosine(count: usize) -> Vec<f64> {
    let left = |at: usize| ((at as f64 / count as f64 + 0.008) / 1.008 * std::f64::consts::FRAC_PI_2).cos().powi(2);
    (0..count).map(|at| (1.0 - left(at + 1) / left(at)).min(0.999)).collect()
}

fn prediction(source: &Source) -> Result<Prediction, ModelError> {
    let (key, known) = ("prediction_type", ["epsilon", "sample", "v_prediction"]);
    let word = word(source, key, &known, known[0])?;
    if word == "epsilon" && source.setting("rescale_betas_zero_snr")? == Some(true) {
        let want = "\"v_prediction\" or \"sample\" where \"rescale_betas_zero_snr\" is true, since noise alone does not \
                    show a picture";
        return Err(ModelError::setting(key, want, "\"epsilon\""));
    }
    Ok(match word {
        "sample" => Prediction::Picture,
        "v_prediction" => Prediction::Velocity,
        _ => Prediction::Noise,
    })
}

fn clip(source: &Source) -> Result<Option<f64>, ModelError> {
    let range = source.setting("clip_sample_range")?.unwrap_or(1.0);
    match source.setting("clip_sample")? {
        Some(false) => Ok(None),
        _ if range > 0.0 => Ok(Some(range)),
        _ => Err(ModelError::setting("clip_sample_range", "above 0", range)),
    }
}

/// `fixed_small_log` is the same number as `fixed_small`, arrived at by its logarithm.
fn variance(source: &Source) -> Result<Variance, ModelError> {
    let known = ["fixed_small", "fixed_small_log", "fixed_large", "learned", "learned_range"];
    Ok(match word(source, "variance_type", &known, known[0])? {
        "fixed_large" => Variance::Large,
        "learned" => Variance::Learned,
        "learned_range" => Variance::LearnedRange,
        _ => Variance::Small,
    })
}

fn spacing(source: &Source) -> Result<Spacing, ModelError> {
    let known = ["leading", "trailing", "linspace"];
    Ok(match word(source, "timestep_spacing", &known, known[0])? {
        "trailing" => Spacing::Trailing,
        "linspace" => Spacing::Even,
        _ => Spacing::Leading,
    })
}

/// Time steps that leading spacing begins with.
fn offset(source: &Source, timesteps: usize) -> Result<usize, ModelError> {
    let offset = source.setting("steps_offset")?.unwrap_or(0);
    let want = || format!("below num_train_timesteps = {timesteps}");
    (offset < timesteps).then_some(offset).ok_or_else(|| ModelError::setting("steps_offset", want(), offset))
}
