//! Noise schedules and samplers beside diffusers' (golden/diffusion.py).

use secateur_models::{Schedule, Step};
use secateur_tests::{Golden, assert_close, assert_close_relative, golden_bytes};
use serde_json::{Map, Value};

const COUNTS: [usize; 5] = [1, 7, 10, 48, 50];
/// Steps of a trajectory.
const STEPS: usize = 10;

fn expected() -> Golden {
    Golden::open("schedules/expected.safetensors")
}

fn schedules() -> Vec<(String, Schedule)> {
    let configs: Map<String, Value> = serde_json::from_slice(&golden_bytes("schedules/configs.json")).unwrap();
    assert!(configs.len() >= 9, "the goldens are missing");
    configs.into_iter().map(|(name, config)| (name, Schedule::read(&config).unwrap())).collect()
}

fn both(schedule: &Schedule, steps: usize) -> [(&'static str, Vec<Step>); 2] {
    [("ddpm", schedule.ddpm(steps).unwrap()), ("ddim", schedule.ddim(steps).unwrap())]
}

#[test]
fn pictures_fade_as_in_diffusers() {
    for (name, schedule) in schedules() {
        let signal: Vec<f32> = schedule.signal().iter().step_by(19).map(|left| *left as f32).collect();
        assert_close_relative(&expected().f32(&format!("{name}.signal")).1, &signal, 2e-6);
    }
}

#[test]
fn the_same_time_steps_are_visited() {
    for (name, schedule) in schedules() {
        for count in COUNTS {
            for (sampler, steps) in both(&schedule, count) {
                let visited: Vec<f32> = steps.iter().map(|step| step.timestep as f32).collect();
                let (_, want) = expected().f32(&format!("{name}.{sampler}.timesteps.{count}"));
                assert_eq!(visited, want, "{name}, {sampler}, {count} steps");
            }
        }
    }
}

#[test]
fn the_same_answers_and_noise_lead_along_the_same_pictures() {
    let golden = expected();
    let (_, start) = golden.f32("start");
    let [(_, answers), (_, fresh)] = ["answers", "fresh"].map(|name| golden.f32(name));
    let n = start.len();
    for (name, schedule) in schedules() {
        let spread = golden.arrays(&format!("spread.{name}")).into_iter().find(|array| array.name.is_empty());
        let spread = spread.map_or(vec![0.0; STEPS * n], |array| array.values);
        for (sampler, steps) in both(&schedule, STEPS) {
            let (_, want) = golden.f32(&format!("{name}.{sampler}.pictures"));
            let largest = want.iter().fold(1f32, |largest, value| largest.max(value.abs()));
            let mut x = start.clone();
            for (at, step) in steps.iter().enumerate() {
                for (place, x) in x.iter_mut().enumerate() {
                    let from = at * n + place;
                    *x = step.next(*x, answers[from], spread[from], fresh[from]);
                }
                assert_close(&want[at * n..(at + 1) * n], &x, 1e-5 * largest);
            }
        }
    }
}
