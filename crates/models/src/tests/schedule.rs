//! Noise schedules: what holds for every one of them. tests/golden holds them beside diffusers'.

use serde_json::{Value, json};

use super::with;
use crate::{Schedule, Step};

fn schedule(settings: &Value) -> Schedule {
    Schedule::read(settings).unwrap()
}

fn refused(settings: &Value) -> String {
    Schedule::read(settings).unwrap_err().to_string()
}

/// One of each kind.
fn all() -> Vec<Value> {
    let mut all = vec![json!({"trained_betas": [0.1, 0.2, 0.3, 0.4, 0.5, 0.6], "num_train_timesteps": 6})];
    for betas in ["linear", "scaled_linear", "squaredcos_cap_v2"] {
        for prediction in ["epsilon", "sample", "v_prediction"] {
            for spacing in ["leading", "trailing", "linspace"] {
                all.push(json!({"beta_schedule": betas, "prediction_type": prediction, "timestep_spacing": spacing}));
            }
        }
    }
    all.push(json!({"rescale_betas_zero_snr": true, "prediction_type": "v_prediction"}));
    all
}

/// What a model says that knows the picture and the noise.
fn answer(settings: &Value, signal: f64, picture: f64, noise: f64) -> f64 {
    match settings["prediction_type"].as_str() {
        Some("sample") => picture,
        Some("v_prediction") => signal.sqrt() * noise - (1.0 - signal).sqrt() * picture,
        _ => noise,
    }
}

/// The last of `steps` applied to the noisy picture that the first of them expects.
fn drawn(settings: &Value, steps: &[Step], picture: f64, noise: f64) -> f32 {
    let schedule = schedule(settings);
    let signal = |step: &Step| schedule.signal()[step.timestep];
    let start = signal(&steps[0]);
    let start = start.sqrt() * picture + (1.0 - start).sqrt() * noise;
    steps.iter().fold(start as f32, |x, step| {
        let signal = signal(step);
        // The noise that is in x, so that any x may come in.
        let noise = (f64::from(x) - signal.sqrt() * picture) / (1.0 - signal).sqrt();
        step.next(x, answer(settings, signal, picture, noise) as f32, 0.0, 0.0)
    })
}

#[test]
fn pictures_fade_steadily() {
    for settings in all() {
        let schedule = schedule(&settings);
        let falls = schedule.signal().windows(2).all(|pair| pair[0] > pair[1]);
        assert!(falls && schedule.signal()[0] < 1.0, "{settings}");
        assert_eq!(schedule.signal().last() == Some(&0.0), settings["rescale_betas_zero_snr"] == true, "{settings}");
    }
}

#[test]
fn a_model_that_knows_the_picture_draws_it_in_any_number_of_steps() {
    for settings in all() {
        for steps in [1, 2, 5, 6] {
            let schedule = schedule(&settings);
            for list in [schedule.ddim(steps).unwrap(), schedule.ddpm(steps).unwrap()] {
                assert_eq!(list.len(), steps);
                assert!(list.windows(2).all(|pair| pair[0].timestep > pair[1].timestep), "{settings}");
                // As in diffusers, a last step of DDIM that is longer than the others stops short of the end.
                let last = list[steps - 1].timestep;
                let short = !list.iter().any(Step::is_noisy) && last >= schedule.signal().len() / steps;
                let got = drawn(&settings, &list, 0.4, -1.3);
                assert!(short || (got - 0.4).abs() < 1e-2, "{settings} in {steps} steps: {got}");
            }
        }
    }
}

#[test]
fn only_ddpm_brings_noise_in_and_none_at_the_first_time_step() {
    for settings in all() {
        let (ddim, ddpm) = (schedule(&settings).ddim(5).unwrap(), schedule(&settings).ddpm(5).unwrap());
        assert!(!ddim.iter().any(Step::is_noisy));
        assert!(ddpm[..4].iter().all(Step::is_noisy), "{settings}");
        assert_eq!(ddpm[4].is_noisy(), ddpm[4].timestep > 0, "{settings}");
    }
}

#[test]
fn clipping_bounds_the_picture_that_is_meant() {
    let last = |settings: &Value| schedule(settings).ddim(1).unwrap()[0].next(50.0, 0.0, 0.0, 0.0);
    assert_eq!(last(&json!({})), 1.0);
    assert_eq!(last(&json!({"clip_sample_range": 2.5})), 2.5);
    assert!(last(&json!({"clip_sample": false})) > 40.0);
}

/// A spread of -1 is the small variance and 1 the large one.
#[test]
fn a_learned_range_lies_between_the_fixed_ones() {
    let noise = |kind: &str, spread: f32| {
        let schedule = schedule(&json!({"variance_type": kind}));
        let step = &schedule.ddpm(50).unwrap()[20];
        assert_eq!(step.asks_for_spread(), kind.starts_with("learned"));
        step.next(0.0, 0.0, spread, 1.0)
    };
    let (small, large) = (noise("fixed_small", 0.0), noise("fixed_large", 0.0));
    assert!(small < large);
    assert!((noise("learned_range", -1.0) - small).abs() < 1e-6);
    assert!((noise("learned_range", 1.0) - large).abs() < 1e-6);
    assert_eq!(noise("learned", 0.25), 0.5);
    assert_eq!(noise("learned", -1.0), 0.0);
}

#[test]
fn numbers_of_steps_are_bounded_by_the_training() {
    let said = |settings: Value, steps| schedule(&settings).ddim(steps).unwrap_err().to_string();
    assert!(said(json!({}), 0).contains("0 steps were asked for"));
    assert!(said(json!({}), 1001).contains("1001 steps were asked for, and the model was trained on 1000 time steps"));
    assert!(schedule(&json!({})).ddpm(1000).is_ok());
    assert!(said(json!({"steps_offset": 1}), 1000).contains("1000 steps"));
}

#[test]
fn what_is_not_supported_is_named() {
    for (key, value, want) in [
        ("_class_name", json!("EulerDiscreteScheduler"), "\"DDPMScheduler\" or \"DDIMScheduler\""),
        ("beta_schedule", json!("sigmoid"), "\"linear\" or \"scaled_linear\" or \"squaredcos_cap_v2\""),
        ("beta_start", json!(0.0), "a number between 0 and 1"),
        ("beta_end", json!(1.5), "a number between 0 and 1"),
        ("trained_betas", json!([0.1, 0.2]), "a list of num_train_timesteps = 1000 numbers"),
        ("num_train_timesteps", json!(1u64 << 40), "from 1 to 65536"),
        ("num_train_timesteps", json!(0), "from 1 to 65536"),
        ("prediction_type", json!("flow"), "\"epsilon\" or \"sample\" or \"v_prediction\""),
        ("variance_type", json!("fixed_large_log"), "\"fixed_small\" or"),
        ("timestep_spacing", json!("karras"), "\"leading\" or \"trailing\" or \"linspace\""),
        ("thresholding", json!(true), "false, which is what is supported"),
        ("clip_sample_range", json!(-1.0), "above 0"),
        ("steps_offset", json!(1000), "below num_train_timesteps = 1000"),
        ("steps_offset", json!("one"), "a whole number"),
    ] {
        let said = refused(&with(&json!({}), key, value));
        assert!(said.contains(&format!("\"{key}\" should be ")) && said.contains(want), "{said}");
    }
    let said = refused(&json!({"rescale_betas_zero_snr": true}));
    assert!(said.contains("\"prediction_type\" should be \"v_prediction\""), "{said}");
    let said = refused(&json!({"beta_start": 0.9, "beta_end": 0.99}));
    assert!(said.contains("leave nothing of a picture"), "{said}");
    let one = json!({"num_train_timesteps": 1, "rescale_betas_zero_snr": true, "prediction_type": "sample"});
    assert!(refused(&one).contains("leave nothing of a picture"));
}
