//! A model's files: found, recognised, and brought to the device tensor by tensor.

use secateur_exec::{Compute, Meter, Params};
use secateur_formats::ReadAt;
use secateur_formats::safetensors::{self, Header, TensorInfo};
use secateur_models::Model;
use secateur_protocol::{FileRef, Source, Unit};
use serde_json::Value;

use crate::desk::Job;
use crate::stop::Stop;
use crate::{Asset, Host};

/// A config.json longer than this is something else.
const CONFIG_LIMIT: u64 = 1 << 20;

/// A recognised model whose weights still lie in its file.
pub(crate) struct Checkpoint<F> {
    /// `builtin:digits-vit`, or the weights' file name.
    pub name: String,
    pub file: F,
    pub header: Header,
    pub model: Model,
}

impl<F: ReadAt> Checkpoint<F> {
    /// Finds the files and reads what tells the model: the header, config.json and the preprocessor's, not the weights.
    pub async fn open<H: Host<File = F>>(host: &H, source: &Source) -> Result<Self, Stop> {
        match source {
            Source::BuiltIn { id } => {
                let weights = built_in(id, "model.safetensors");
                let config = built_in(id, "config.json");
                Self::recognise(host, format!("builtin:{id}"), Asset::BuiltIn(&weights), Some(Asset::BuiltIn(&config)))
                    .await
            }
            Source::Files { files } => {
                let weights = weights_among(files)?;
                let named = |name| files.iter().find(|file| is_named(file, name)).map(|file| Asset::User(&file.name));
                let config = named("config.json");
                let mut found = Self::recognise(host, weights.name.clone(), Asset::User(&weights.name), config).await?;
                if let Some(preprocessor) = named("preprocessor_config.json") {
                    let settings = read_json(host, preprocessor).await?;
                    found.model = found.model.with_preprocessor(&settings).map_err(Stop::because)?;
                }
                Ok(found)
            }
        }
    }

    async fn recognise<H: Host<File = F>>(
        host: &H,
        name: String,
        weights: Asset<'_>,
        config: Option<Asset<'_>>,
    ) -> Result<Self, Stop> {
        let file = host.open(weights).await.map_err(Stop::because)?;
        let header =
            safetensors::read_header(&file).await.map_err(|error| Stop::because(format!("{name}: {error}")))?;
        let config = match config {
            Some(asset) => Some(read_json(host, asset).await?),
            None => None,
        };
        let model = secateur_models::detect(&header, config.as_ref()).map_err(Stop::because)?;
        Ok(Self { name, file, header, model })
    }

    /// The file's entry for a parameter; `detect` has seen that each has one.
    pub fn tensor(&self, name: &str) -> Result<&TensorInfo, Stop> {
        self.header.tensor(name).ok_or_else(|| Stop::because(format!("{}: there is no tensor {name}", self.name)))
    }

    /// Brings the weights to the device, one tensor at a time.
    pub async fn upload<H: Host>(&self, job: &Job<'_, H>, compute: &Compute) -> Result<Params, Stop> {
        let graph = &self.model.graph;
        let total = self.file.len();
        let mut params = Params::empty(graph);
        let mut done = total - self.weight_bytes()?;
        for id in graph.param_ids() {
            let tensor = self.tensor(&graph.param(id).name)?;
            let values = safetensors::read_f32(&self.file, tensor).await.map_err(Stop::because)?;
            params.upload(compute, graph, id, values)?;
            done += tensor.range.end - tensor.range.start;
            job.tick(done, total, Unit::Bytes).await?;
        }
        Ok(params)
    }

    /// What an export begins with: the file's header, marked so that PyTorch libraries open it.
    pub async fn start(&self) -> Result<Vec<u8>, Stop> {
        safetensors::annotated_start(&self.file, &self.header, "format", "pt").await.map_err(Stop::because)
    }

    /// Size of an export with the same shapes.
    pub async fn bytes_out(&self) -> Result<u64, Stop> {
        let data: u64 = self.header.tensors.iter().map(|tensor| tensor.range.end - tensor.range.start).sum();
        Ok(self.start().await?.len() as u64 + data)
    }

    /// Bytes of the tensors that the graph uses.
    fn weight_bytes(&self) -> Result<u64, Stop> {
        let bytes = |param: &secateur_graph::Param| self.tensor(&param.name).map(|t| t.range.end - t.range.start);
        self.model.graph.params.iter().map(bytes).sum()
    }
}

/// Where a built-in model's file lies below `public/`.
pub(crate) fn built_in(id: &str, file: &str) -> String {
    format!("models/{id}/{file}")
}

/// Whether this is the file's name, whatever folder it lies in.
fn is_named(file: &FileRef, name: &str) -> bool {
    file.name.rsplit(['/', '\\']).next() == Some(name)
}

/// The one weights' file among the user's files.
fn weights_among(files: &[FileRef]) -> Result<&FileRef, Stop> {
    let mut weights = files.iter().filter(|file| file.name.ends_with(".safetensors"));
    match (weights.next(), weights.next()) {
        (Some(only), None) => Ok(only),
        (Some(first), Some(second)) => Err(Stop::because(format!(
            "wanted one .safetensors file, got {} and {}; choose one (models in several shards are not read yet)",
            first.name, second.name
        ))),
        (None, _) => {
            let names = files.iter().map(|file| file.name.as_str()).collect::<Vec<_>>().join(", ");
            let got = if names.is_empty() { "nothing" } else { &names };
            Err(Stop::because(format!("wanted a .safetensors file with weights, got {got}; drop the model's weights")))
        }
    }
}

pub(crate) async fn read_json<H: Host>(host: &H, asset: Asset<'_>) -> Result<Value, Stop> {
    let (Asset::BuiltIn(name) | Asset::User(name)) = asset;
    let file = host.open(asset).await.map_err(Stop::because)?;
    if file.len() > CONFIG_LIMIT {
        return Err(Stop::because(format!(
            "{name}: wanted a small JSON file, got {} bytes; drop the config.json that belongs to the model",
            file.len()
        )));
    }
    let bytes = file.read(0..file.len()).await.map_err(Stop::because)?;
    serde_json::from_slice(&bytes).map_err(|error| Stop::because(format!("{name} is not JSON: {error}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_are_told_apart_by_their_whole_name() {
        let named = |path: &str, name| is_named(&FileRef { name: path.into(), bytes: 0 }, name);
        assert!(named("config.json", "config.json"));
        assert!(named("vit/config.json", "config.json") && named(r"C:\vit\config.json", "config.json"));
        assert!(!named("vit/preprocessor_config.json", "config.json"));
    }
}
