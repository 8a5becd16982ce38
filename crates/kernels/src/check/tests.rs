//! On the CPU always; on a GPU (a software one will do) with SECATEUR_GPU_TESTS=1.

use burn::tensor::Device;
use burn::tensor::wgpu::MemoryConfiguration;

use super::*;
use crate::{KERNELS, WGSL, language};

#[test]
fn the_cpu_path_equals_the_twin() {
    let compared = pollster::block_on(score_kernels(&Device::flex(), SIZES)).unwrap();
    assert_eq!(compared, SIZES.len() * 4);
    pollster::block_on(a_broken_twin_is_caught(&Device::flex())).unwrap();
}

#[test]
fn the_kernels_equal_their_twins_on_a_gpu() {
    if std::env::var_os("SECATEUR_GPU_TESTS").is_none() {
        return;
    }
    let options = Device::wgpu_options().memory_config(MemoryConfiguration::ExclusivePages);
    let (device, setup) = options.init_with_setup().unwrap();
    assert_eq!(language(&device), WGSL);
    println!("{} kernels on {}", KERNELS.len(), setup.adapter.get_info().name);
    for sizes in [SIZES, LARGE] {
        println!("{} comparisons", pollster::block_on(score_kernels(&device, sizes)).unwrap());
    }
    println!("{}", pollster::block_on(a_broken_twin_is_caught(&device)).unwrap());
}

#[test]
fn statistics_of_another_size_are_refused() {
    let weight = Tensor::<2>::zeros([2, 3], &Device::flex());
    let act_sq = Tensor::<1>::zeros([2], &Device::flex());
    let said = score(weight, Some(act_sq)).unwrap_err().to_string();
    assert_eq!(said, "wanda: wanted act_sq [3], got [2]");
}
