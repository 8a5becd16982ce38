//! Every family beside PyTorch: the checkpoints in golden/families were written by transformers, timm, diffusers and
//! torchvision, with what those libraries answer. The browser's WebGPU has the same test in crates/worker.

use pollster::block_on;
use secateur_exec::Compute;
use secateur_protocol::DeviceChoice;
use secateur_tests::{Family, Off};

/// Largest error of an answer, relative to its largest entry.
const NEAR: f32 = 1e-4;
/// The same of a gradient.
const GRADIENT_NEAR: f32 = 1e-3;

/// Prints the table and fails when something is too far off.
fn check(compute: &Compute, near: f32, off: impl AsyncFn(&Family) -> Vec<Off>) {
    let mut wrong = Vec::new();
    for family in Family::all() {
        for Off { what, error } in block_on(off(&family)) {
            println!("{:<28} {:<50} {error:.1e} {}", family.name, what, compute.adapter().name);
            if error > near || error.is_nan() {
                wrong.push(format!("{}: {what} is off by {error:.1e}", family.name));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn every_family_answers_as_upstream_does() {
    let cpu = Compute::cpu(String::new());
    check(&cpu, NEAR, async |family| family.outputs(&cpu).await);
}

#[test]
fn gradients_are_upstreams() {
    let cpu = Compute::cpu(String::new());
    check(&cpu, GRADIENT_NEAR, async |family| {
        let gradients = family.gradients(&cpu).await;
        assert!(!gradients.is_empty(), "{} has no gradients in its golden", family.name);
        gradients
    });
}

#[test]
fn on_a_gpu_too() {
    if std::env::var_os("SECATEUR_GPU_TESTS").is_some() {
        let gpu = block_on(Compute::open(DeviceChoice::Gpu)).unwrap();
        check(&gpu, NEAR, async |family| family.outputs(&gpu).await);
        check(&gpu, GRADIENT_NEAR, async |family| family.gradients(&gpu).await);
    }
}
