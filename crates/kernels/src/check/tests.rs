//! On a GPU (a software one will do) with SECATEUR_GPU_TESTS=1.

use std::sync::OnceLock;

use burn::tensor::wgpu::MemoryConfiguration;
use burn::tensor::{Device, TensorData};
use pollster::block_on;

use super::*;
use crate::{WGSL, language};

/// The GPU that all tests share, because a process begins with one once; `None` where it is not asked for.
pub(crate) fn gpu() -> Option<Device> {
    static GPU: OnceLock<Device> = OnceLock::new();
    std::env::var_os("SECATEUR_GPU_TESTS")?;
    let begin = || {
        let options = Device::wgpu_options().memory_config(MemoryConfiguration::ExclusivePages);
        let (device, setup) = options.init_with_setup().unwrap();
        assert_eq!(language(&device), WGSL);
        println!("{} kernels on {}", KERNELS.len(), setup.adapter.get_info().name);
        device
    };
    Some(GPU.get_or_init(begin).clone())
}

/// The CPU, and the GPU if it is asked for.
pub(crate) fn devices() -> Vec<Device> {
    [Device::flex()].into_iter().chain(gpu()).collect()
}

pub(crate) fn tensor<const D: usize>(values: &[f32], shape: [usize; D], device: &Device) -> Tensor<D> {
    Tensor::from_data(TensorData::new(values.to_vec(), shape), device)
}

pub(crate) fn read<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
    block_on(tensor.into_data_async()).unwrap().try_into_vec().unwrap()
}

#[test]
fn the_kernels_equal_their_twins_on_a_gpu() {
    let Some(device) = gpu() else { return };
    for extent in [Extent::Small, Extent::Large] {
        let counts = block_on(kernels(&device, extent)).unwrap();
        let all: usize = counts.iter().map(|(_, count)| count).sum();
        println!("{extent:?}: {all} cases: {counts:?}");
    }
    block_on(wrong_answers_are_caught(&device)).unwrap();
}

/// Every kernel is tried with nothing, and with so much that it has to go on.
#[test]
fn every_kernel_has_cases() {
    for kernel in KERNELS {
        let cases = (twin(kernel).cases)(kernel, Extent::Small);
        assert!(cases.len() >= 4, "{}: {} cases", kernel.name, cases.len());
        for case in &cases {
            assert_eq!(case.buffers.len(), kernel.bindings.len(), "{}, {}", kernel.name, case.size);
            let [x, y, z] = case.groups;
            assert!([x, y, z].iter().all(|groups| *groups <= 65_535), "{}, {}", kernel.name, case.size);
            let want = answers(kernel, case);
            for (binding, want) in kernel.bindings.iter().zip(&want).filter(|(binding, _)| binding.writable) {
                let unwritten = matches!(want, Buffer::F32(values) if values.iter().any(|value| value.is_nan()));
                assert!(!unwritten, "{}, {}: the twin leaves {} unwritten", kernel.name, case.size, binding.name);
            }
        }
    }
}

#[test]
fn the_cpu_runs_none_of_them() {
    assert!(block_on(kernels(&Device::flex(), Extent::Small)).is_err());
}
