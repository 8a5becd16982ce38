//! A model's files: found, recognised, and brought to the device tensor by tensor.

use secateur_exec::{Compute, Meter, Params};
use secateur_formats::ReadAt;
use secateur_formats::safetensors::{self, Header, Shards, TensorInfo};
use secateur_graph::grouped;
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
    pub file: Shards<F>,
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
                let weights = vec![Asset::BuiltIn(&weights)];
                Self::recognise(host, format!("builtin:{id}"), weights, Some(Asset::BuiltIn(&config))).await
            }
            Source::Files { files } => {
                let weights = weights_among(files)?;
                let named = |name| files.iter().find(|file| is_named(file, name)).map(|file| Asset::User(&file.name));
                let config = named("config.json");
                let assets = weights.iter().map(|file| Asset::User(&file.name)).collect();
                let mut found = Self::recognise(host, weights[0].name.clone(), assets, config).await?;
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
        weights: Vec<Asset<'_>>,
        config: Option<Asset<'_>>,
    ) -> Result<Self, Stop> {
        let mut files = Vec::new();
        for asset in weights {
            files.push(host.open(asset).await.map_err(Stop::because)?);
        }
        let (file, header) = Shards::open(files).await.map_err(|error| Stop::because(format!("{name}: {error}")))?;
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
        self.check_size(job.host().most_weight_bytes())?;
        let graph = &self.model.graph;
        let total = self.file.len();
        let mut params = Params::empty(graph);
        let mut done = total - self.weight_bytes()?;
        for id in graph.param_ids() {
            let tensor = self.tensor(&graph.param(id).name)?;
            let values = safetensors::read_f32(&self.file, tensor).await.map_err(Stop::because)?;
            params.upload_stored(compute, graph, id, values)?;
            done += tensor.bytes();
            job.tick(done, total, Unit::Bytes).await?;
        }
        Ok(params)
    }

    /// Weights are widened to f32 on the device, whatever the file holds.
    fn check_size(&self, most: u64) -> Result<(), Stop> {
        let bytes = self.model.graph.params_total().saturating_mul(4);
        if bytes <= most {
            return Ok(());
        }
        let [need, most] = [bytes, most].map(|bytes| grouped(bytes >> 20));
        let what = format!("{}: its weights need {need} MiB, and at most {most} MiB fit into a browser tab", self.name);
        Err(Stop::because(format!("{what}; use the command line, or choose a smaller model")))
    }

    /// What an export begins with: the header of all tensors, marked so that PyTorch libraries open it.
    pub fn start(&self) -> Vec<u8> {
        safetensors::start(&self.header, "format", "pt")
    }

    /// Size of an export with the same shapes.
    pub fn bytes_out(&self) -> u64 {
        self.start().len() as u64 + self.header.tensors.iter().map(TensorInfo::bytes).sum::<u64>()
    }

    /// Bytes of the tensors that the graph uses.
    fn weight_bytes(&self) -> Result<u64, Stop> {
        let bytes = |param: &secateur_graph::Param| self.tensor(&param.name).map(TensorInfo::bytes);
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

/// The weights among the user's files: the one file, or the shards of one model in their order.
fn weights_among(files: &[FileRef]) -> Result<Vec<&FileRef>, Stop> {
    let mut weights: Vec<&FileRef> = files.iter().filter(|file| file.name.ends_with(".safetensors")).collect();
    weights.sort_by(|a, b| a.name.cmp(&b.name));
    match weights.as_slice() {
        [] => {
            let names = files.iter().map(|file| file.name.as_str()).collect::<Vec<_>>().join(", ");
            let got = if names.is_empty() { "nothing" } else { &names };
            Err(Stop::because(format!("wanted a .safetensors file with weights, got {got}; drop the model's weights")))
        }
        [first, ..] => match shard(&first.name) {
            Some((stem, of)) => complete(&weights, stem, of).map(|()| weights.clone()),
            None if weights.len() == 1 => Ok(weights),
            None => Err(Stop::because(format!(
                "wanted one .safetensors file or all shards of one model, got {} and {}; choose one",
                first.name, weights[1].name
            ))),
        },
    }
}

/// The name without `-00001-of-00003.safetensors`, and the number of shards.
fn shard(name: &str) -> Option<(&str, usize)> {
    let (rest, of) = name.strip_suffix(".safetensors")?.rsplit_once("-of-")?;
    let (stem, at) = rest.rsplit_once('-')?;
    (at.parse::<usize>().is_ok()).then_some((stem, of.parse().ok()?))
}

/// Whether these are all shards of one model and nothing else.
fn complete(weights: &[&FileRef], stem: &str, of: usize) -> Result<(), Stop> {
    if let Some(other) = weights.iter().find(|file| shard(&file.name) != Some((stem, of))) {
        let what = format!("wanted the {of} shards of {stem} and nothing else, got {} as well", other.name);
        return Err(Stop::because(format!("{what}; choose one model")));
    }
    if weights.len() != of {
        let names = weights.iter().map(|file| file.name.as_str()).collect::<Vec<_>>().join(", ");
        return Err(Stop::because(format!("{stem} comes in {of} shards, got {}: {names}; choose all", weights.len())));
    }
    Ok(())
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

    #[test]
    fn shards_come_together_or_not_at_all() {
        let found = |names: &[&str]| {
            let files: Vec<_> = names.iter().map(|name| FileRef { name: name.to_string(), bytes: 0 }).collect();
            let weights = weights_among(&files);
            weights.map(|files| files.iter().map(|file| file.name.clone()).collect::<Vec<_>>())
        };
        let said = |names: &[&str]| match found(names) {
            Err(Stop::Failed(error)) => error,
            other => panic!("{other:?}"),
        };
        let (a, b) = ("m-00001-of-00002.safetensors", "m-00002-of-00002.safetensors");
        assert_eq!(found(&[b, "config.json", a]).unwrap(), [a, b]);
        assert_eq!(found(&["model.safetensors"]).unwrap(), ["model.safetensors"]);
        assert!(said(&[b]).contains("m comes in 2 shards, got 1: m-00002-of-00002.safetensors; choose all"));
        assert!(said(&[a, "x.safetensors"]).contains("nothing else, got x.safetensors as well"));
        assert!(said(&["x.safetensors", "y.safetensors"]).contains("got x.safetensors and y.safetensors; choose one"));
        assert!(said(&["config.json"]).contains("got config.json"));
    }
}
