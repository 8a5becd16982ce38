use burn::backend::wgpu::{CubeDim, CubeTensor, KernelSource, SourceKernel, SourceTemplate};
use burn::tensor::DType;
use cubecl::client::Client;
use cubecl::prelude::{CubeCount, KernelId};
use cubecl::server::{Handle, KernelArguments};

use crate::{Kernel, Parameters};

/// Most workgroups of a dispatch along one axis (WebGPU's default limit).
pub(crate) const MAX_GROUPS: u32 = 65_535;

/// A kernel as burn's door for source kernels wants it.
struct Source(&'static Kernel);

impl KernelSource for Source {
    fn source(&self) -> SourceTemplate {
        SourceTemplate::new(self.0.source)
    }

    /// The pipeline cache sees this and never the text, so everything that shapes the text is in it.
    fn id(&self) -> KernelId {
        KernelId::new::<Self>().info((self.0.shader, self.0.name, self.0.workgroup, "f32"))
    }

    fn lang(&self) -> &'static str {
        "wgsl"
    }
}

/// Runs `kernel` in so many workgroups, with the buffers in binding order. Nothing is run where a count is 0.
pub(crate) fn launch(kernel: &'static Kernel, client: &Client, groups: [u32; 3], buffers: Vec<Handle>) {
    let [x, y, z] = kernel.workgroup;
    client.launch(
        Box::new(SourceKernel::new(Source(kernel), CubeDim::new_3d(x, y, z))),
        CubeCount::Static(groups[0], groups[1], groups[2]),
        KernelArguments::new().with_buffers(buffers.into_iter().map(Handle::binding).collect()),
    );
}

/// Entries of an invocation that strides: what it works out once is paid once for all of them.
const EACH: usize = 8;

/// Workgroups for a kernel whose invocations stride over `entries` entries.
pub(crate) fn strided(kernel: &Kernel, entries: usize) -> [u32; 3] {
    at_most(entries.div_ceil(kernel.invocations() as usize * EACH))
}

/// Workgroups for a kernel of `shaders/shared/tile.wgsl` with `rows` x `cols` sums.
pub(crate) fn tiled(rows: usize, cols: usize) -> [u32; 3] {
    at_most(rows.div_ceil(8) * cols.div_ceil(128))
}

fn at_most(groups: usize) -> [u32; 3] {
    [groups.min(MAX_GROUPS as usize) as u32, 1, 1]
}

/// A parameter struct as a buffer.
pub(crate) fn told(client: &Client, parameters: &impl Parameters) -> Handle {
    client.create_from_slice(&bytes(&parameters.words()))
}

/// Words as the device stores them.
pub(crate) fn bytes(words: &[u32]) -> Vec<u8> {
    words.iter().flat_map(|word| word.to_le_bytes()).collect()
}

/// An f32 tensor beside `like` that nothing has been written to yet: the kernel must write every entry.
pub(crate) fn unwritten(like: &CubeTensor, shape: &[usize]) -> CubeTensor {
    let handle = like.client.empty(shape.iter().product::<usize>() * size_of::<f32>());
    CubeTensor::new_contiguous(like.client.clone(), like.device.clone(), shape.into(), handle, DType::F32)
}
