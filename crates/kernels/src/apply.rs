//! Between burn's tensors and launches.

use burn::backend::Cube;
use burn::backend::wgpu::{CubeTensor, into_contiguous};
use burn::tensor::{DType, Tensor};

use crate::launch::{launch, strided, told, unwritten};
use crate::{Kernel, KernelError, Parameters};

/// Most entries of a tensor: with the stride of a whole dispatch added, an index still fits the shaders' 32 bits.
const MAX_ENTRIES: usize = 1 << 31;

/// The tensor as kernels read it: contiguous f32 on a GPU. `None` elsewhere and where gradients are followed, and
/// burn's own operations serve.
pub(crate) fn readable<const D: usize>(tensor: &Tensor<D>) -> Option<CubeTensor> {
    let tensor = tensor.clone().try_into_primitive::<Cube>().ok()?;
    (tensor.dtype == DType::F32).then(|| into_contiguous(tensor))
}

/// A tensor that a kernel may write to, because nobody else has it.
pub(crate) fn owned(tensor: CubeTensor) -> CubeTensor {
    if tensor.can_mut() { tensor } else { tensor.copy() }
}

/// Runs a kernel that makes one tensor. `inputs`, at least one, are its other bindings after the parameters, in order.
pub(crate) fn made(
    kernel: &'static Kernel,
    groups: [u32; 3],
    parameters: &impl Parameters,
    inputs: &[&CubeTensor],
    shape: &[usize],
) -> CubeTensor {
    let made = unwritten(inputs[0], shape);
    let mut buffers = vec![told(&made.client, parameters)];
    buffers.extend(inputs.iter().map(|input| input.handle.clone()));
    let at = kernel.bindings.iter().position(|binding| binding.writable);
    buffers.insert(at.expect("a kernel writes something"), made.handle.clone());
    launch(kernel, &made.client, groups, buffers);
    made
}

/// [`made`] by a kernel that strides over as many entries as its first input has.
pub(crate) fn mapped(kernel: &'static Kernel, parameters: &impl Parameters, inputs: &[&CubeTensor]) -> CubeTensor {
    let shape = inputs[0].meta.shape().to_vec();
    made(kernel, strided(kernel, shape.iter().product()), parameters, inputs, &shape)
}

/// How many entries a tensor has, small enough for the shaders' indices.
pub(crate) fn entries<const D: usize>(kernel: &'static str, tensor: &Tensor<D>) -> Result<u32, KernelError> {
    let shape = tensor.dims();
    let cols = shape.last().copied().unwrap_or(1);
    let rows = shape[..D.max(1) - 1].iter().product();
    let entries = tensor.shape().num_elements();
    if entries > MAX_ENTRIES { Err(KernelError::TooLarge { kernel, rows, cols }) } else { Ok(entries as u32) }
}

/// Refuses `other`, called `name`, unless it has the wanted shape and is where `tensor` is.
pub(crate) fn beside<const D: usize, const E: usize>(
    kernel: &'static str,
    tensor: &Tensor<D>,
    name: &str,
    want: [usize; E],
    other: &Tensor<E>,
) -> Result<(), KernelError> {
    if other.dims() != want {
        let (want, got) = (format!("{name} {want:?}"), format!("{:?}", other.dims()));
        return Err(KernelError::Shape { kernel, want, got });
    }
    if tensor.device() != other.device() { Err(KernelError::Device { kernel }) } else { Ok(()) }
}
