//! Networks of depthwise separable convolutions for phones: MobileNetV1 (Howard et al., 2017) with the names of the
//! well-known PyTorch script, and MobileNetV2 (Sandler et al., 2018) with torchvision's.

mod v1;
mod v2;

use secateur_graph::grouped;
use serde_json::{Map, Value};

use crate::cnn::{counts_batches, norm_eps, picture, strides};
use crate::model::{Plan, Task};
use crate::settings::Pair;
use crate::source::{Source, Witness};
use crate::{Family, InputSpec, ModelError, Tensors};

const V1: &str = "mobilenet_v1";
const V2: &str = "mobilenet_v2";

pub struct MobileNet;

impl Family for MobileNet {
    fn id(&self) -> &'static str {
        "mobilenet"
    }

    fn model_types(&self) -> &'static [&'static str] {
        &[V1, V2]
    }

    fn claims(&self, tensors: &Tensors) -> bool {
        version(tensors).is_some() || foreign(tensors).is_some()
    }

    fn unused(&self, name: &str) -> bool {
        counts_batches(name)
    }

    fn plan(&self, source: &Source) -> Result<Plan, ModelError> {
        if let Some(error) = source.tensors.and_then(foreign) {
            return Err(error);
        }
        let said: Option<String> = source.setting("model_type")?;
        match said.as_deref().or(source.tensors.and_then(version)) {
            Some(V1) => v1::plan(source),
            _ => v2::plan(source),
        }
    }
}

/// What both versions have, and no weights.
struct Frame {
    channels: usize,
    picture: Pair,
    /// Of the first convolution and of each block.
    strides: Vec<usize>,
    eps: f64,
}

impl Frame {
    /// `stem` is the first convolution's weight, `published` the strides of the published network.
    fn read(
        source: &Source,
        stem: &str,
        blocks: usize,
        published: &[usize],
        assumed: &mut Vec<String>,
    ) -> Result<Self, ModelError> {
        let published = (published.len() == blocks + 1).then(|| published.to_vec());
        Ok(Self {
            channels: source.size("num_channels", Witness { tensor: stem, axis: 1, axes: 4 })?,
            picture: picture(source, 224, assumed)?,
            strides: strides(source, "strides", blocks + 1, published, assumed)?,
            eps: norm_eps(source, assumed)?,
        })
    }

    fn shape(&self) -> [usize; 3] {
        [self.channels, self.picture.0, self.picture.1]
    }

    fn pictures(&self, assumed: &mut Vec<String>) -> InputSpec {
        InputSpec::imagenet(self.channels, self.picture, assumed)
    }

    fn title(&self, name: &str, blocks: usize, classes: usize) -> String {
        let (Pair(height, width), classes) = (self.picture, grouped(classes as u64));
        format!("{name} image classifier with {blocks} blocks, {height}×{width} pixels, {classes} classes")
    }

    fn config<const N: usize>(&self, sizes: [(&str, Value); N]) -> Map<String, Value> {
        let common = [
            ("image_size", self.picture.json()),
            ("num_channels", self.channels.into()),
            ("strides", self.strides.clone().into()),
            ("batch_norm_eps", self.eps.into()),
        ];
        common.into_iter().chain(sizes).map(|(key, value)| (key.to_string(), value)).collect()
    }
}

/// The version whose names the tensors have.
fn version(tensors: &Tensors) -> Option<&'static str> {
    let all = |names: [&str; 3]| names.iter().all(|name| tensors.has(name));
    if all(["model.0.0.weight", "model.1.3.weight", "fc.weight"]) {
        return Some(V1);
    }
    all(["features.0.0.weight", "features.1.conv.0.0.weight", "classifier.1.weight"]).then_some(V2)
}

/// The same networks under other names.
fn foreign(tensors: &Tensors) -> Option<ModelError> {
    let theirs = |name: &str| name.starts_with("mobilenet_v1.") || name.starts_with("mobilenet_v2.");
    tensors.names().any(theirs).then(|| {
        let what = "this is a MobileNet with Hugging Face's tensor names, whose padding differs; torchvision's are needed";
        ModelError::unsupported(what, "choose the model's torchvision version")
    })
}
