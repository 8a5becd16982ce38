use std::sync::{Arc, Mutex, OnceLock};

use burn::tensor::Device;
use burn::tensor::wgpu::{MemoryConfiguration, WgpuSetup, wgpu};
use secateur_protocol::{Adapter, DeviceChoice};

use crate::{Crossover, ExecError};

/// Where tensors live and kernels run.
#[derive(Clone, Debug)]
pub struct Compute {
    device: Device,
    adapter: Adapter,
    health: Health,
    crossover: Crossover,
}

/// Why the asked-for device cannot be used.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum DeviceError {
    #[error("no GPU can be used here: {0}; choose the CPU, or a browser with WebGPU")]
    NoGpu(String),
    #[error("the GPU takes kernels in {0}, not in WGSL; build without burn's vulkan and metal features")]
    Language(String),
}

impl Compute {
    /// `Auto` takes the GPU unless there is none or only a software one, which loses against the CPU path.
    pub async fn open(choice: DeviceChoice) -> Result<Self, DeviceError> {
        match choice {
            DeviceChoice::Cpu => Ok(Self::cpu("The CPU was chosen.".into())),
            DeviceChoice::Gpu => gpu().await.map(|gpu| gpu.because("The GPU was chosen.".into())),
            DeviceChoice::Auto => Ok(match gpu().await {
                Ok(gpu) if gpu.adapter.software => Self::cpu(format!(
                    "The only GPU here, {}, is a software one; the CPU path is faster.",
                    gpu.adapter.name
                )),
                Ok(gpu) => gpu.because("A GPU was found.".into()),
                Err(DeviceError::NoGpu(_)) => Self::cpu("There is no GPU to compute on here.".into()),
                Err(error) => Self::cpu(format!("The CPU, because {error}.")),
            }),
        }
    }

    /// The CPU, which is always there. `why` is the sentence for the user.
    pub fn cpu(why: String) -> Self {
        let adapter = Adapter { gpu: false, name: "CPU (flex, SIMD)".into(), software: false, why };
        Self { device: Device::flex(), adapter, health: Health::default(), crossover: Crossover::default() }
    }

    /// The same device, which from now on leaves out pruned weights where that is faster. `now_ms` is a clock: what is faster
    /// is measured here, see [`Crossover::measure`].
    pub async fn measured(self, now_ms: impl Fn() -> f64) -> Result<Self, ExecError> {
        let crossover = Crossover::measure(&self, now_ms).await?;
        Ok(self.with_crossover(crossover))
    }

    pub(crate) fn with_crossover(self, crossover: Crossover) -> Self {
        Self { crossover, ..self }
    }

    /// What pays here, see [`Params::packed`](crate::Params::packed); nothing before it was measured.
    pub fn crossover(&self) -> &Crossover {
        &self.crossover
    }

    pub fn adapter(&self) -> &Adapter {
        &self.adapter
    }

    pub fn device(&self) -> &Device {
        &self.device
    }

    /// Fails once after the device reported an error that no call returned, e.g. a refused kernel.
    /// Everything computed since the last check is worthless then.
    pub fn check(&self) -> Result<(), ExecError> {
        self.health.take().map_or(Ok(()), |error| Err(ExecError::Device(error)))
    }

    fn because(self, why: String) -> Self {
        Self { adapter: Adapter { why, ..self.adapter }, ..self }
    }
}

/// Errors that reach the device's handler instead of a caller.
#[derive(Clone, Debug, Default)]
pub(crate) struct Health(Arc<Mutex<Option<String>>>);

impl Health {
    pub(crate) fn take(&self) -> Option<String> {
        self.0.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).take()
    }

    /// Replaces cubecl's handler, which panics: in a browser that leaves a dead worker and no word of why.
    pub(crate) fn watch(&self, device: &wgpu::Device) {
        let first = self.0.clone();
        device.on_uncaptured_error(Arc::new(move |error: wgpu::Error| {
            let mut first = first.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
            first.get_or_insert_with(|| error.to_string());
        }));
    }
}

/// The process's one wgpu runtime. It can be initialised only once, so later calls share the first one's result.
async fn gpu() -> Result<Compute, DeviceError> {
    static GPU: OnceLock<Result<Compute, DeviceError>> = OnceLock::new();
    // One page per allocation, as in browsers: a kernel may not read and write one buffer.
    let options = || Device::wgpu_options().memory_config(MemoryConfiguration::ExclusivePages);
    #[cfg(not(target_family = "wasm"))]
    let opened = GPU.get_or_init(|| opened(options().init_with_setup())).clone();
    #[cfg(target_family = "wasm")]
    let opened = match GPU.get() {
        Some(opened) => opened.clone(),
        None => {
            let fresh = opened(options().init_with_setup_async().await);
            GPU.get_or_init(|| fresh).clone()
        }
    };
    opened
}

fn opened<E: std::fmt::Display>(setup: Result<(Device, WgpuSetup), E>) -> Result<Compute, DeviceError> {
    let (device, setup) = setup.map_err(|error| DeviceError::NoGpu(error.to_string()))?;
    let health = Health::default();
    health.watch(&setup.device);
    let language = secateur_kernels::language(&device);
    if language != secateur_kernels::WGSL {
        return Err(DeviceError::Language(language.to_string()));
    }
    let info = setup.adapter.get_info();
    let name = if info.name.is_empty() { format!("{} GPU", info.backend) } else { info.name };
    let software = info.device_type == wgpu::DeviceType::Cpu;
    let adapter = Adapter { gpu: true, name, software, why: String::new() };
    Ok(Compute { device, adapter, health, crossover: Crossover::default() })
}

#[cfg(test)]
mod tests {
    use super::{Compute, ExecError};

    #[test]
    fn a_reported_error_is_handed_out_once() {
        let compute = Compute::cpu(String::new());
        *compute.health.0.lock().unwrap() = Some("binding 3 is missing".into());
        assert_eq!(compute.check(), Err(ExecError::Device("binding 3 is missing".into())));
        assert_eq!(compute.check(), Ok(()));
    }
}
