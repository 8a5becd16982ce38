//! Kernels and models on the browser's WebGPU.
#![cfg(target_family = "wasm")]

use secateur_exec::{Compute, Params, logits};
use secateur_graph::Graph;
use secateur_kernels::{WGSL, check, language};
use secateur_protocol::DeviceChoice;
use wasm_bindgen_test::{wasm_bindgen_test, wasm_bindgen_test_configure};

wasm_bindgen_test_configure!(run_in_dedicated_worker);

async fn gpu() -> Compute {
    Compute::open(DeviceChoice::Gpu).await.expect("these tests are about WebGPU")
}

#[wasm_bindgen_test]
async fn the_adapter_is_webgpu() {
    let gpu = gpu().await;
    assert!(gpu.adapter().gpu, "{:?}", gpu.adapter());
    assert_eq!(language(gpu.device()), WGSL);
}

#[wasm_bindgen_test]
async fn auto_takes_the_cpu_when_the_adapter_is_a_software_one() {
    let software = gpu().await.adapter().software;
    let auto = Compute::open(DeviceChoice::Auto).await.expect("the CPU is always there");
    assert_eq!(auto.adapter().gpu, !software, "{:?}", auto.adapter());
}

#[wasm_bindgen_test]
async fn kernels_agree_with_their_twins() {
    let gpu = gpu().await;
    let counts = check::kernels(gpu.device(), check::Extent::Small).await.unwrap();
    let all: usize = counts.iter().map(|(_, count)| count).sum();
    wasm_bindgen_test::console_log!("{} kernels, {all} cases: {counts:?}", counts.len());
    check::wrong_answers_are_caught(gpu.device()).await.unwrap();
}

#[wasm_bindgen_test]
async fn models_answer_as_on_the_cpu() {
    let gpu = gpu().await;
    let cpu = Compute::open(DeviceChoice::Cpu).await.unwrap();
    for config in [
        include_str!("../../../public/models/digits-vit/config.json"),
        include_str!("../../../public/models/digits-cnn/config.json"),
    ] {
        let graph = secateur_models::initial(&serde_json::from_str(config).unwrap()).unwrap().graph;
        let params = Params::init(&cpu, &graph, 1).unwrap();
        let moved = params.moved(&gpu, &graph).await.unwrap();
        let (want, got) = (answers(&cpu, &graph, &params).await, answers(&gpu, &graph, &moved).await);
        for (want, got) in want.iter().zip(&got) {
            assert!((want - got).abs() <= 1e-4 * want.abs().max(1.0), "wanted {want}, got {got}");
        }
    }
}

/// Of two made-up pictures.
async fn answers(compute: &Compute, graph: &Graph, params: &Params) -> Vec<f32> {
    let inputs: Vec<f32> = (0..2 * 784).map(|at| (at * 37 % 101) as f32 / 50.0 - 1.0).collect();
    logits(compute, graph, params, &inputs, 2).await.unwrap()
}
