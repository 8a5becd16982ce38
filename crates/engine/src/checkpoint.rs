//! A model's files: found, recognised, and brought to the device tensor by tensor.

use std::rc::Rc;

use secateur_exec::{Compute, Meter, Params};
use secateur_formats::safetensors::{self, Header, Shards, TensorInfo};
use secateur_formats::{ReadAhead, ReadAt, Tokenizer};
use secateur_graph::grouped;
use secateur_graph::groups::Vocabulary;
use secateur_models::onnx::{Imported, Onnx, Piece};
use secateur_models::{Model, ModelError, Schedule, Task};
use secateur_protocol::{Source, Unit};
use serde_json::Value;

use crate::desk::Job;
use crate::files::Files;
use crate::stop::Stop;
use crate::vocabulary::vocabulary;
use crate::{Asset, Host};

/// A config.json longer than this is something else.
const CONFIG_LIMIT: u64 = 1 << 20;
/// So is a tokenizer.json: those of a quarter of a million tokens have half of it.
const TOKENIZER_LIMIT: u64 = 64 << 20;

/// The files that the weights lie in, one behind the other.
pub(crate) type Weights<F> = Shards<Piece<ReadAhead<F>>>;

/// A recognised model whose weights still lie in its file.
pub(crate) struct Checkpoint<F> {
    /// `builtin:digits-vit`, or the weights' file name.
    pub name: String,
    source: Source,
    pub file: Weights<F>,
    pub header: Header,
    pub model: Model,
    pub tokenizer: Option<Tokenizer>,
    pub vocabulary: Rc<Vocabulary>,
    /// How noise is taken away, where the model does that and its scheduler_config.json is there.
    pub schedule: Option<Schedule>,
}

impl<F: ReadAt> Checkpoint<F> {
    /// Finds the files and reads what tells the model: the header and the settings beside it, not the weights.
    pub async fn open<H: Host<File = F>>(host: &H, source: &Source) -> Result<Self, Stop> {
        let files = Files::of(host, source).await?;
        let name = files.name()?;
        let settings = async |name| match files.named(name) {
            Some(asset) => read_json(host, asset).await.map(Some),
            None => Ok(None),
        };
        let config = settings("config.json").await?;
        let (mut model, header, file) = match files.onnx() {
            Some(asset) => from_onnx(host, &files, asset).await?,
            None => from_safetensors(host, &files, config.as_ref()).await?,
        };
        if let Some(preprocessor) = settings("preprocessor_config.json").await? {
            model = model.with_preprocessor(&preprocessor).map_err(Stop::because)?;
        }
        let tokenizer = match files.named("tokenizer.json") {
            Some(asset) => Some(read_tokenizer(host, asset).await?),
            None => None,
        };
        let schedule = match settings("scheduler_config.json").await? {
            Some(scheduler) if model.task == Task::Denoise => Some(read_schedule(&scheduler)?),
            _ => None,
        };
        let vocabulary = Rc::new(vocabulary(&model, tokenizer.as_ref()));
        Ok(Self { name, source: source.clone(), file, header, model, tokenizer, vocabulary, schedule })
    }

    /// The settings that stand beside the weights and belong beside an export too, as they are but for a tokenizer in the
    /// own one's place: (name, bytes).
    pub async fn settings<H: Host<File = F>>(
        &self,
        host: &H,
        tokenizer: Option<&Tokenizer>,
    ) -> Result<Vec<(String, Vec<u8>)>, Stop> {
        let files = Files::of(host, &self.source).await?;
        let mut found = Vec::new();
        for name in ["tokenizer.json", "preprocessor_config.json", "scheduler_config.json"] {
            if let Some(asset) = files.named(name) {
                let bytes = match tokenizer.filter(|_| name == "tokenizer.json") {
                    Some(tokenizer) => tokenizer.file().to_vec(),
                    None => read_small(host, asset, TOKENIZER_LIMIT, "settings").await?,
                };
                found.push((name.to_string(), bytes));
            }
        }
        Ok(found)
    }

    /// The file's entry for a parameter; `detect` has seen that each has one.
    pub fn tensor(&self, name: &str) -> Result<&TensorInfo, Stop> {
        self.header.tensor(name).ok_or_else(|| Stop::because(format!("{}: there is no tensor {name}", self.name)))
    }

    /// Brings the weights to the device, one tensor at a time.
    pub async fn upload<H: Host>(&self, job: &Job<'_, H>, compute: &Compute) -> Result<Params, Stop> {
        self.verdict(job.host().most_weight_bytes())?;
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

    /// What the model is and the room it takes here, for the user; `most` bytes fit for dense and pruned each. Weights are
    /// widened to f32 on the device, whatever the file holds.
    ///
    /// # Errors
    /// When the weights do not fit.
    pub fn verdict(&self, most: u64) -> Result<String, Stop> {
        let Self { name, model, .. } = self;
        let params = model.graph.params_total();
        let bytes = params.saturating_mul(4);
        let needs = format!("needs {} here for each of dense and pruned and", megabytes(bytes));
        if bytes <= most {
            return Ok(format!("{} It {needs} fits.", model.verdict));
        }
        let what = format!("{name} (family: {}, {} parameters)", model.family, grouped(params));
        let why = format!("does not fit, because a browser tab takes at most {} for each", megabytes(most));
        Err(Stop::because(format!("{what} {needs} {why}; use the command line, or choose a smaller model")))
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

type Found<F> = (Model, Header, Weights<F>);

async fn from_safetensors<H: Host>(
    host: &H,
    files: &Files<'_>,
    config: Option<&Value>,
) -> Result<Found<H::File>, Stop> {
    let shards = weights(host, files).await?;
    let name = files.name()?;
    let (file, header) = Shards::open(shards).await.map_err(|error| Stop::because(format!("{name}: {error}")))?;
    let model = secateur_models::detect(&header, config).map_err(Stop::because)?;
    Ok((model, header, file))
}

/// A model's files of weights, opened.
pub(crate) async fn weights<H: Host>(host: &H, files: &Files<'_>) -> Result<Vec<Piece<ReadAhead<H::File>>>, Stop> {
    let mut shards = Vec::new();
    for asset in files.weights()? {
        shards.push(Piece::File(opened(host, asset).await?));
    }
    Ok(shards)
}

/// From a graph of operators, whose weights may lie in files beside it.
async fn from_onnx<H: Host>(host: &H, files: &Files<'_>, asset: Asset<'_>) -> Result<Found<H::File>, Stop> {
    let name = asset.name().to_string();
    let wrong = |error: ModelError| Stop::because(format!("{name}: {error}"));
    let onnx = Onnx::open(opened(host, asset).await?).await.map_err(wrong)?;
    let mut beside = Vec::new();
    for path in onnx.files_beside().map_err(wrong)? {
        let found = files.named(path.rsplit('/').next().unwrap_or(&path));
        let missing = || Stop::because(format!("{name} keeps weights in {path}, which is not here; choose both files"));
        beside.push((path.clone(), opened(host, found.ok_or_else(missing)?).await?));
    }
    let Imported { model, header, file } = onnx.import(beside).await.map_err(wrong)?;
    Ok((model, header, file))
}

async fn opened<H: Host>(host: &H, asset: Asset<'_>) -> Result<ReadAhead<H::File>, Stop> {
    Ok(ReadAhead::new(host.open(asset).await.map_err(Stop::because)?))
}

/// "540 MB", "1.2 MB": a million bytes each, as file managers count them.
fn megabytes(bytes: u64) -> String {
    if bytes >= 9_950_000 {
        return format!("{} MB", grouped(bytes.saturating_add(500_000) / 1_000_000));
    }
    let tenths = ((bytes + 50_000) / 100_000).max(1);
    format!("{}.{} MB", tenths / 10, tenths % 10)
}

/// Where a built-in model's file lies below `public/`.
pub(crate) fn built_in(id: &str, file: &str) -> String {
    format!("models/{id}/{file}")
}

pub(crate) async fn read_json<H: Host>(host: &H, asset: Asset<'_>) -> Result<Value, Stop> {
    let want = "a small JSON file; drop the one that belongs to the model";
    let bytes = read_small(host, asset, CONFIG_LIMIT, want).await?;
    serde_json::from_slice(&bytes).map_err(|error| Stop::because(format!("{} is not JSON: {error}", asset.name())))
}

async fn read_tokenizer<H: Host>(host: &H, asset: Asset<'_>) -> Result<Tokenizer, Stop> {
    let want = "a tokenizer.json; drop the one that belongs to the model";
    let bytes = read_small(host, asset, TOKENIZER_LIMIT, want).await?;
    Tokenizer::parse(&bytes).map_err(|error| Stop::because(format!("{}: {error}", asset.name())))
}

pub(crate) fn read_schedule(scheduler: &Value) -> Result<Schedule, Stop> {
    Schedule::read(scheduler).map_err(|error| Stop::because(format!("scheduler_config.json: {error}")))
}

/// A whole file, if it has at most so many bytes; `want`: what else it should have been, and what to do.
pub(crate) async fn read_small<H: Host>(host: &H, asset: Asset<'_>, most: u64, want: &str) -> Result<Vec<u8>, Stop> {
    let file = host.open(asset).await.map_err(Stop::because)?;
    if file.len() > most {
        return Err(Stop::because(format!("{}: got {} bytes, wanted {want}", asset.name(), grouped(file.len()))));
    }
    file.read(0..file.len()).await.map_err(Stop::because)
}

#[cfg(test)]
mod tests {
    use super::megabytes;

    #[test]
    fn megabytes_are_a_million_bytes() {
        let said = [1, 149_999, 1_227_304, 9_949_999, 9_950_000, 538_060_032, 1 << 30, 1 << 31].map(megabytes);
        assert_eq!(said, ["0.1 MB", "0.1 MB", "1.2 MB", "9.9 MB", "10 MB", "538 MB", "1,074 MB", "2,147 MB"]);
        assert_eq!(megabytes(u64::MAX), "18,446,744,073,709 MB");
    }
}
