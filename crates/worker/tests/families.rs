//! Every family's golden on the browser's WebGPU, beside PyTorch; tests/tests/families.rs does it on the CPU.
#![cfg(target_family = "wasm")]

use secateur_exec::Compute;
use secateur_protocol::DeviceChoice;
use secateur_tests::{Family, Off};
use wasm_bindgen_test::{console_log, wasm_bindgen_test, wasm_bindgen_test_configure};

wasm_bindgen_test_configure!(run_in_dedicated_worker);

/// Name, weights, config, answers.
type Golden = (&'static str, &'static [u8], &'static [u8], &'static [u8]);

static GOLDENS: &[Golden] = include!(concat!(env!("OUT_DIR"), "/families.rs"));

const NEAR: f32 = 1e-4;

#[wasm_bindgen_test]
async fn every_family_answers_as_upstream_does() {
    let gpu = Compute::open(DeviceChoice::Gpu).await.expect("these tests are about WebGPU");
    assert!(gpu.adapter().gpu && GOLDENS.len() > 40, "{:?}, {} goldens", gpu.adapter(), GOLDENS.len());
    let mut wrong = Vec::new();
    for (name, weights, config, expected) in GOLDENS {
        let family = Family::new(name, *weights, Some(*config), *expected);
        for Off { what, error } in family.outputs(&gpu).await {
            console_log!("{name:<28} {what:<16} {error:.1e}");
            if error > NEAR || error.is_nan() {
                wrong.push(format!("{name}: {what} is off by {error:.1e}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}
