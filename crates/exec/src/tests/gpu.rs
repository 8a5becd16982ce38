//! The same models on a GPU, with SECATEUR_GPU_TESTS=1. A software adapter will do.

use burn::tensor::wgpu::wgpu;
use secateur_graph::{Graph, Mask, Masks};
use secateur_protocol::DeviceChoice;

use super::train::learn;
use super::{cpu, numbers, random_params, tiny_cnn, tiny_vit};
use crate::compute::Health;
use crate::train::{Classes, Samples, TrainSpec};
use crate::{Calibration, Change, Compute, ExecError, Params, Silent, Squares, Sums, Value, calibrate, logits, score};

pub(super) fn gpu() -> Option<Compute> {
    std::env::var_os("SECATEUR_GPU_TESTS")?;
    Some(pollster::block_on(Compute::open(DeviceChoice::Gpu)).unwrap())
}

fn close(what: &str, want: &[f32], got: &[f32]) {
    assert_eq!(want.len(), got.len(), "{what}");
    for (at, (want, got)) in want.iter().zip(got).enumerate() {
        assert!((want - got).abs() <= 1e-4 * want.abs().max(1.0), "{what}, entry {at}: wanted {want}, got {got}");
    }
}

fn models() -> [(Graph, usize); 2] {
    [(tiny_vit(), 32), (tiny_cnn(), 36)]
}

#[test]
fn answers_statistics_and_scores_are_the_cpus() {
    let Some(gpu) = gpu() else { return };
    for (graph, each) in models() {
        let params = random_params(&graph);
        let there = pollster::block_on(params.moved(&gpu, &graph)).unwrap();
        let inputs = numbers(70 * each, "input");
        let answers =
            |compute, params| pollster::block_on(logits(compute, &graph, params, &inputs[..9 * each], 9)).unwrap();
        close("answers", &answers(&cpu(), &params), &answers(&gpu, &there));
        let sums = |compute, params| pollster::block_on(all_sums(compute, &graph, params, &inputs));
        let (want, got) = (sums(&cpu(), &params), sums(&gpu, &there));
        for id in graph.prunable() {
            close(&graph.param(id).name, &want[&id], &got[&id]);
            let act_sq = Some(want[&id].as_slice());
            let wanda = |compute, params| {
                let scores = Value::R2(score(compute, &graph, params, id, act_sq).unwrap());
                pollster::block_on(scores.read()).unwrap()
            };
            close("scores", &wanda(&cpu(), &params), &wanda(&gpu, &there));
        }
    }
}

async fn all_sums(compute: &Compute, graph: &Graph, params: &Params, inputs: &[f32]) -> Sums {
    let mut all = Sums::new();
    let visit = async |_, sums: &Sums| -> Result<Change, ExecError> {
        all.extend(sums.clone());
        let mut masks = Masks::default();
        for id in sums.keys() {
            masks.set(graph, *id, Mask::from_kept((0..graph.param(*id).len()).map(|at| at % 3 != 0)))?;
        }
        Ok(masks.into())
    };
    let calibration = Calibration { inputs, samples: 70 };
    calibrate::<Squares, _>(compute, graph, params, calibration, true, &Silent, visit).await.unwrap();
    all
}

#[test]
fn training_goes_the_cpus_way() {
    let Some(gpu) = gpu() else { return };
    for (graph, each) in models() {
        let inputs = numbers(32 * each, "input");
        let labels: Vec<u8> = (0..32).map(|at| at % 2).collect();
        let losses = |compute: &Compute| {
            let samples = Samples { inputs: &inputs, labels: &labels };
            let course = Classes { samples, batch: 16, label_smoothing: 0.1, augment: None, seed: 0 };
            learn(compute, &graph, &course, &TrainSpec { steps: 4, ..TrainSpec::default() }).unwrap().losses
        };
        close("losses", &losses(&cpu()), &losses(&gpu));
    }
}

#[test]
fn a_software_adapter_loses_against_the_cpu() {
    let Some(gpu) = gpu() else { return };
    let auto = pollster::block_on(Compute::open(DeviceChoice::Auto)).unwrap();
    assert_eq!(auto.adapter().gpu, !gpu.adapter().software, "{:?}", auto.adapter());
    assert!(!auto.adapter().why.is_empty());
}

#[test]
fn an_error_nobody_returned_becomes_a_sentence() {
    if gpu().is_none() {
        return;
    }
    let instance = wgpu::Instance::new(wgpu::InstanceDescriptor::new_without_display_handle());
    let adapter = pollster::block_on(instance.request_adapter(&Default::default())).unwrap();
    let (device, _queue) = pollster::block_on(adapter.request_device(&Default::default())).unwrap();
    let health = Health::default();
    health.watch(&device);
    let usage = wgpu::BufferUsages::MAP_READ | wgpu::BufferUsages::STORAGE;
    let _refused =
        device.create_buffer(&wgpu::BufferDescriptor { label: None, size: 4, usage, mapped_at_creation: false });
    let said = health.take().expect("the device refused the buffer and nobody heard of it");
    assert!(said.contains("usage"), "{said}");
}
