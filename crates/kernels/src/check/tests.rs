//! On a GPU (a software one will do) with SECATEUR_GPU_TESTS=1.

use burn::tensor::Device;
use burn::tensor::wgpu::MemoryConfiguration;
use pollster::block_on;

use super::*;
use crate::{WGSL, language};

#[test]
fn the_kernels_equal_their_twins_on_a_gpu() {
    if std::env::var_os("SECATEUR_GPU_TESTS").is_none() {
        return;
    }
    let options = Device::wgpu_options().memory_config(MemoryConfiguration::ExclusivePages);
    let (device, setup) = options.init_with_setup().unwrap();
    assert_eq!(language(&device), WGSL);
    println!("{} kernels on {}", KERNELS.len(), setup.adapter.get_info().name);
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
