use std::path::Path;

use pollster::block_on;
use secateur_exec::{Compute, Params, logits};
use secateur_formats::MemoryFile;
use secateur_formats::safetensors::{read_f32, read_header};
use secateur_models::{Model, detect};
use secateur_protocol::DeviceChoice;

/// A model on the CPU, ready to run.
pub struct Opened {
    pub model: Model,
    pub compute: Compute,
    pub params: Params,
}

impl Opened {
    /// Opens a safetensors file, with a config.json or by names and shapes alone.
    pub fn new(weights: &Path, config: Option<&Path>) -> Self {
        let read = |path: &Path| std::fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let config = config.map(|path| serde_json::from_slice(&read(path)).expect("config.json is JSON"));
        let file = MemoryFile::new(read(weights));
        block_on(async {
            let header = read_header(&file).await.unwrap();
            let model = detect(&header, config.as_ref()).unwrap();
            let compute = Compute::open(DeviceChoice::Cpu).await.unwrap();
            let mut params = Params::empty(&model.graph);
            for id in model.graph.param_ids() {
                let name = &model.graph.param(id).name;
                let values = read_f32(&file, header.tensor(name).unwrap()).await.unwrap();
                params.upload(&compute, &model.graph, id, values).unwrap();
            }
            Self { model, compute, params }
        })
    }

    /// Logits [samples, classes] of normalised pictures [samples, channels, height, width], row by row.
    pub fn logits(&self, pixels: &[f32], samples: usize) -> Vec<f32> {
        block_on(logits(&self.compute, &self.model.graph, &self.params, pixels, samples)).unwrap()
    }
}
