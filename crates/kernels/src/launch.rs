use burn::backend::wgpu::{CubeDim, CubeTensor, KernelSource, SourceKernel, SourceTemplate};
use cubecl::prelude::{CubeCount, KernelId};
use cubecl::server::{BufferBinding, KernelArguments};

use crate::Kernel;

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

/// Runs `kernel` over `entries` entries with the buffers in binding order, in at most `max_groups` workgroups:
/// kernels stride over what is left. The client decides where; `like` lives there too.
pub(crate) fn launch(
    kernel: &'static Kernel,
    like: &CubeTensor,
    entries: usize,
    max_groups: u32,
    buffers: Vec<BufferBinding>,
) {
    let [x, y, z] = kernel.workgroup;
    let groups = entries.div_ceil((x * y * z) as usize).min(max_groups as usize) as u32;
    like.client.launch(
        Box::new(SourceKernel::new(Source(kernel), CubeDim::new_3d(x, y, z))),
        CubeCount::Static(groups, 1, 1),
        KernelArguments::new().with_buffers(buffers),
    );
}
