use std::cmp::Ordering;

use secateur_protocol::Choice;

use crate::ExecError;
use crate::rng::Rng;

/// Whether a way to choose makes sense.
pub fn check(choice: Choice) -> Result<(), ExecError> {
    let Choice::Drawn { temperature, top_p, .. } = choice else { return Ok(()) };
    let wrong = |name, want, got: f32| Err(ExecError::Setting { name, want, got: got.to_string() });
    if !(temperature > 0.0 && temperature.is_finite()) {
        return wrong("temperature", "a number above 0; choose greedily for 0", temperature);
    }
    if !(top_p > 0.0 && top_p <= 1.0) {
        return wrong("top_p", "a number above 0, at most 1", top_p);
    }
    Ok(())
}

/// The token that comes next, given the logits of all. A draw is keyed by `position`, where the token will stand in its
/// text.
pub fn choose(logits: &[f32], choice: Choice, seed: u64, position: usize) -> Result<u32, ExecError> {
    check(choice)?;
    let highest = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    if !highest.is_finite() || logits.iter().any(|logit| logit.is_nan()) {
        return Err(ExecError::NoLogits { position });
    }
    Ok(match choice {
        Choice::Greedy => logits.iter().position(|logit| *logit == highest).unwrap_or(0) as u32,
        Choice::Drawn { temperature, top_k, top_p } => {
            let likeliest = likeliest(logits, top_k as usize);
            let weight = |id: &u32| ((logits[*id as usize] - highest) as f64 / temperature as f64).exp();
            let weights: Vec<f64> = likeliest.iter().map(weight).collect();
            let weights = nucleus(&weights, top_p.into());
            let uniform = Rng::keyed(seed, "token", position as u64, "").uniform();
            likeliest[draw(weights, uniform.into())]
        }
    })
}

/// The `top_k` tokens of the highest logits (0: all), highest first, the lower of equals first.
fn likeliest(logits: &[f32], top_k: usize) -> Vec<u32> {
    let mut tokens: Vec<u32> = (0..logits.len() as u32).collect();
    let logit = |id: u32| logits[id as usize];
    let order = |a: &u32, b: &u32| logit(*b).partial_cmp(&logit(*a)).unwrap_or(Ordering::Equal).then(a.cmp(b));
    if (1..tokens.len()).contains(&top_k) {
        tokens.select_nth_unstable_by(top_k - 1, order);
        tokens.truncate(top_k);
    }
    tokens.sort_unstable_by(order);
    tokens
}

/// The fewest of the first weights that make up at least `top_p` of all (Holtzman et al., 2020).
fn nucleus(weights: &[f64], top_p: f64) -> &[f64] {
    let enough = top_p * weights.iter().sum::<f64>();
    let mut sum = 0.0;
    let reaches = |weight: &f64| {
        sum += weight;
        sum >= enough
    };
    let count = weights.iter().position(reaches).map_or(weights.len(), |at| at + 1);
    &weights[..count]
}

/// The place at which the running sum of weights passes `uniform` (0 to 1) of them all.
fn draw(weights: &[f64], uniform: f64) -> usize {
    let mut left = uniform * weights.iter().sum::<f64>();
    let passes = |weight: &f64| {
        left -= weight;
        left < 0.0
    };
    weights.iter().position(passes).unwrap_or(weights.len().saturating_sub(1))
}
