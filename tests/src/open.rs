use std::collections::BTreeMap;
use std::path::Path;

use pollster::block_on;
use secateur_exec::{Compute, Gates, Inputs, Params, backward, logits, outputs_gated};
use secateur_formats::MemoryFile;
use secateur_formats::safetensors::{read_f32, read_header};
use secateur_graph::Graph;
use secateur_graph::groups::Group;
use secateur_graph::surgery::{Removal, Statistics};
use secateur_models::{Model, detect};
use serde_json::Value;

use crate::Array;

/// A model on a device, ready to run.
#[derive(Clone)]
pub struct Opened {
    pub model: Model,
    pub compute: Compute,
    pub params: Params,
}

impl Opened {
    /// Opens a safetensors file on the CPU, with a config.json or by names and shapes alone.
    pub fn new(weights: &Path, config: Option<&Path>) -> Self {
        let read = |path: &Path| std::fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let config = config.map(|path| serde_json::from_slice(&read(path)).expect("config.json is JSON"));
        block_on(Self::read(read(weights), config.as_ref(), &Compute::cpu(String::new())))
    }

    /// Opens a safetensors file's bytes.
    pub async fn read(weights: Vec<u8>, config: Option<&Value>, compute: &Compute) -> Self {
        let file = MemoryFile::new(weights);
        let header = read_header(&file).await.unwrap();
        let model = detect(&header, config).unwrap();
        let mut params = Params::empty(&model.graph);
        for id in model.graph.param_ids() {
            let name = &model.graph.param(id).name;
            let values = read_f32(&file, header.tensor(name).unwrap()).await.unwrap();
            params.upload_stored(compute, &model.graph, id, values).unwrap();
        }
        Self { model, compute: compute.clone(), params }
    }

    /// Outputs by name, row by row; inputs have the samples first.
    pub async fn outputs(&self, inputs: &[Array]) -> BTreeMap<String, Vec<f32>> {
        self.outputs_gated(inputs, &Gates::default()).await
    }

    /// [`Opened::outputs`] of the model with gates.
    pub async fn outputs_gated(&self, inputs: &[Array], gates: &Gates) -> BTreeMap<String, Vec<f32>> {
        let (graph, given) = self.given(inputs);
        let mut read = BTreeMap::new();
        for (name, value) in outputs_gated(&graph, &self.params, given, gates).unwrap() {
            read.insert(name, value.read().await.unwrap());
        }
        self.compute.check().unwrap();
        read
    }

    /// The same model with other parameters.
    pub fn with(&self, params: Params) -> Self {
        Self { params, ..self.clone() }
    }

    /// The model without some units.
    pub fn cut(&self, groups: &[Group], removal: &Removal) -> Self {
        let surgery = self.model.graph.cut(groups, removal, Statistics::Kept).unwrap();
        let params = self.params.cut(&self.compute, &surgery).unwrap();
        let model = Model { graph: surgery.graph, ..self.model.clone() };
        Self { model, params, ..self.clone() }
    }

    /// Gradients of the sum of each output times its weights.
    pub fn gradients(&self, inputs: &[Array], weights: &BTreeMap<String, Vec<f32>>) -> Params {
        let (graph, given) = self.given(inputs);
        backward(&self.compute, &graph, &self.params, given, weights).unwrap()
    }

    /// A parameter's numbers out of `params`, in the order of the checkpoint.
    pub async fn stored(&self, params: &Params, name: &str) -> Vec<f32> {
        let graph = &self.model.graph;
        let id = graph.find_param(name).unwrap_or_else(|| panic!("there is no parameter {name}"));
        let values = params.read(graph, id).await.unwrap_or_else(|error| panic!("{name}: {error}"));
        graph.param(id).to_stored(values)
    }

    /// The model on inputs of these sizes, and the inputs on its device.
    fn given(&self, inputs: &[Array]) -> (Graph, Inputs) {
        let shape = |name: &str| inputs.iter().find(|input| input.name == name).map(|input| input.shape[1..].to_vec());
        let graph = self.model.graph.resized(shape).unwrap();
        let mut given = Inputs::default();
        for Array { name, shape, values } in inputs {
            given.upload(&self.compute, &graph, name, shape[0], values.clone()).unwrap();
        }
        (graph, given)
    }

    /// Logits [samples, classes] of normalised pictures [samples, channels, height, width], row by row.
    pub fn logits(&self, pixels: &[f32], samples: usize) -> Vec<f32> {
        block_on(logits(&self.compute, &self.model.graph, &self.params, pixels, samples)).unwrap()
    }
}
