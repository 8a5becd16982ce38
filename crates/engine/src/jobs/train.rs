use std::borrow::Cow;
use std::collections::BTreeMap;

use secateur_data::digits::{Digits, Split};
use secateur_data::metrics::accuracy;
use secateur_exec::train::{Augment, EpochEnd, Samples, TrainSpec, train};
use secateur_exec::{Compute, ExecError, Params, Silent, logits_of};
use secateur_formats::safetensors::{self, Dtype, Tensor};
use secateur_graph::{Graph, Masks, ParamId};
use secateur_models::{InputSpec, Model};
use secateur_protocol::{Epoch, Event, TrainLog};

use crate::checkpoint::{built_in, read_json};
use crate::desk::Job;
use crate::forward::{inputs, pictures};
use crate::jobs::export::{json, with_blobs};
use crate::session::Session;
use crate::stop::Stop;
use crate::{Asset, Host};

/// A digit stays the digit it is.
const AUGMENT: Augment = Augment { shift: 2.0, turn: 10.0, scale: 0.1 };

/// Trains a built-in model from its config.json and a seed.
pub(crate) async fn run<H: Host>(
    session: &mut Session<H::File>,
    job: &Job<'_, H>,
    id: &str,
    seed: u64,
    epochs: u32,
) -> Result<(), Stop> {
    let started_ms = job.host().now_ms();
    let config = read_json(job.host(), Asset::BuiltIn(&built_in(id, "config.json"))).await?;
    let model = secateur_models::initial(&config).map_err(Stop::because)?;
    let digits = session.digits(job.host()).await?;
    let compute = session.compute()?;
    let splits = Splits { compute, model: &model, spec: pictures(&model)?, digits: &digits };

    let (pictures, labels) = splits.samples(Split::Train);
    let mut log = Vec::new();
    let (params, _) = train(
        compute,
        &model.graph,
        &Params::init(compute, &model.graph, seed)?,
        &Masks::default(),
        Samples { inputs: &pictures, labels },
        &TrainSpec { epochs, seed, augment: Some(AUGMENT), ..TrainSpec::default() },
        job,
        async |end: EpochEnd, params: &Params| {
            log.push(Epoch { loss: end.loss, accuracy: splits.accuracy(params, Split::Calibration).await? });
            Ok(())
        },
    )
    .await?;

    let log = TrainLog {
        model: id.to_string(),
        seed,
        params_total: model.graph.params_total(),
        epochs: log,
        test_accuracy: splits.accuracy(&params, Split::Test).await?,
        seconds: (job.host().now_ms() - started_ms) / 1000.0,
        device: compute.adapter().name.clone(),
    };
    let files = [
        ("model.safetensors", checkpoint(&model.graph, &params).await?),
        ("config.json", json(&model.config)?),
        ("train.json", json(&log)?),
    ];
    let (files, blobs) = with_blobs(files.map(|(name, bytes)| (name.to_string(), bytes)));
    job.send_with(Event::Trained { files, log }, blobs);
    Ok(())
}

struct Splits<'a> {
    compute: &'a Compute,
    model: &'a Model,
    spec: &'a InputSpec,
    digits: &'a Digits,
}

impl Splits<'_> {
    /// A split's pictures as the model wants them, and their classes.
    fn samples(&self, split: Split) -> (Vec<f32>, &[u8]) {
        let range = self.digits.split(split);
        let pictures = inputs(self.spec, range.clone().map(|at| self.digits.grey(at)));
        (pictures, &self.digits.labels[range])
    }

    async fn accuracy(&self, params: &Params, split: Split) -> Result<f64, ExecError> {
        let (pictures, labels) = self.samples(split);
        let n = labels.len();
        let answers = logits_of(self.compute, &self.model.graph, params, &pictures, n, &Silent).await?;
        Ok(accuracy(&answers, answers.len() / n.max(1), labels))
    }
}

/// The parameters as a safetensors file, named as Hugging Face names them.
async fn checkpoint(graph: &Graph, params: &Params) -> Result<Vec<u8>, Stop> {
    let mut tensors = Vec::new();
    for id in graph.param_ids() {
        tensors.push(tensor(graph, id, params.read(graph, id).await?));
    }
    let metadata = BTreeMap::from([("format".to_string(), "pt".to_string())]);
    safetensors::write(tensors, &metadata).map_err(Stop::because)
}

fn tensor(graph: &Graph, id: ParamId, values: Vec<f32>) -> Tensor<'static> {
    let param = graph.param(id);
    let bytes = param.to_stored(values).iter().flat_map(|value| value.to_le_bytes()).collect();
    Tensor { name: param.name.clone(), dtype: Dtype::F32, shape: param.stored_shape(), bytes: Cow::Owned(bytes) }
}
