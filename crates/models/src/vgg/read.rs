//! A VGG's sizes from its configuration and its tensors.

use secateur_formats::config::Setting;
use secateur_formats::quote;
use secateur_graph::Builder;
use serde_json::Value;

use super::{Layer, Sizes, conv_numbers};
use crate::cnn::{LARGEST_SIDE, norm_eps, numbers, said_picture};
use crate::settings::{Pair, sizes};
use crate::source::{Source, Witness, bounded};
use crate::{ModelError, Tensors};

/// Bounds for arithmetic and memory, far above real models.
const MOST_LAYERS: usize = 256;
const MOST_LINEARS: usize = 16;

impl Sizes {
    /// What is neither in the configuration nor in the tensors is assumed, and said so.
    pub fn read(source: &Source, assumed: &mut Vec<String>) -> Result<Self, ModelError> {
        let norm = source.setting("batch_norm")?.unwrap_or(source.has("features.1.running_mean"));
        let layers = layers(source, norm, assumed)?;
        let classifiers = classifiers(source)?;
        let weights: Vec<_> = classifiers.iter().map(|name| format!("{name}.weight")).collect();
        let last = weights.len() - 1;
        let picture = picture(source, &layers, &weights[0], assumed)?;
        let sizes = Self {
            channels: source.size("num_channels", Witness { tensor: "features.0.weight", axis: 1, axes: 4 })?,
            picture,
            layers,
            norm: norm.then(|| norm_eps(source, assumed)).transpose()?,
            bias: source.setting("conv_bias")?.unwrap_or(source.tensors.is_none() || source.has("features.0.bias")),
            classifiers,
            hidden: sizes(source, "classifier_features", &weights[..last], (0, 2))?,
        };
        sizes.without_pooling(source, &weights[0])
    }

    /// torchvision averages what is left of any picture to 7×7 places. Only pictures that leave exactly these are
    /// supported: then it does nothing.
    fn without_pooling(self, source: &Source, classifier: &str) -> Result<Self, ModelError> {
        let Some(inputs) = source.tensors.and_then(|tensors| tensors.shape(classifier)?.get(1)) else {
            return Ok(self);
        };
        let mut g = Builder::default();
        let left = self.features(&mut g)?;
        let (left, Pair(height, width)) = (g.shape(left)[0], self.picture);
        if left == *inputs {
            return Ok(self);
        }
        let want = format!("pictures that leave the {inputs} features {classifier} takes, without averaging");
        Err(ModelError::setting("image_size", want, format!("{height}×{width}, which leave {left}")))
    }
}

/// A setting like torchvision's: `[64, "M", 128, "M"]`.
struct Layers(Vec<Layer>);

impl Setting for Layers {
    const WANT: &'static str = "a list of channels, with \"M\" for a max pool";

    fn from_json(value: &Value) -> Option<Self> {
        let layer = |value: &Value| match value.as_str() {
            Some("M") => Some(Layer::Pool),
            _ => usize::from_json(value).map(Layer::Conv),
        };
        value.as_array()?.iter().map(layer).collect::<Option<_>>().map(Self)
    }
}

fn layers(source: &Source, norm: bool, assumed: &mut Vec<String>) -> Result<Vec<Layer>, ModelError> {
    let mut layers = match (source.setting::<Layers>("layers")?, source.tensors) {
        (Some(Layers(said)), _) => said,
        (None, Some(tensors)) => {
            assumed.push("a max pool at the end".into());
            shown(tensors, norm)?
        }
        (None, None) => return Err(ModelError::setting("layers", "there", "nothing")),
    };
    let convs = layers.iter().filter(|layer| **layer != Layer::Pool).count();
    if convs == 0 || layers.len() > MOST_LAYERS || layers[0] == Layer::Pool {
        let want = format!("up to {MOST_LAYERS} layers, the first a convolution");
        return Err(ModelError::setting("layers", want, format!("{} with {convs} convolutions", layers.len())));
    }
    let mut number = 0;
    for layer in &mut layers {
        let Layer::Conv(said) = layer else {
            number += 1;
            continue;
        };
        let tensor = format!("features.{number}.weight");
        *said = source.agreed("layers", Some(*said), Witness { tensor: &tensor, axis: 0, axes: 4 })?;
        number += conv_numbers(norm);
    }
    Ok(layers)
}

/// Pools have no tensors, but leave gaps in the numbers of the convolutions. The one at the end leaves none: every
/// published VGG has it.
fn shown(tensors: &Tensors, norm: bool) -> Result<Vec<Layer>, ModelError> {
    let mut layers = Vec::new();
    let mut next = 0;
    for number in numbers(tensors, "features.", 4) {
        match number.checked_sub(next) {
            Some(0) => {}
            Some(1) if number > 1 => layers.push(Layer::Pool),
            _ => {
                let what = format!(
                    "features.{number}.weight stands where a VGG has no convolution: one is expected at {next}, or after \
                     a max pool at {}",
                    next.saturating_add(1)
                );
                return Err(ModelError::unsupported(what, "choose a VGG with torchvision's order of layers"));
            }
        }
        let outputs = tensors.shape(&format!("features.{number}.weight")).map_or(0, |shape| shape[0]);
        layers.push(Layer::Conv(outputs));
        next = number + conv_numbers(norm);
    }
    layers.push(Layer::Pool);
    Ok(layers)
}

/// Names of the linear layers: `classifier`, or the numbers of several in it.
fn classifiers(source: &Source) -> Result<Vec<String>, ModelError> {
    let shown = || source.tensors.map_or(Vec::new(), |tensors| numbers(tensors, "classifier.", 2));
    let numbers: Vec<usize> = source.setting("classifier_numbers")?.unwrap_or_else(shown);
    if numbers.len() > MOST_LINEARS || !numbers.is_sorted_by(|a, b| a < b) {
        let want = format!("up to {MOST_LINEARS} different numbers, ascending");
        return Err(ModelError::setting("classifier_numbers", want, quote(&format!("{numbers:?}"))));
    }
    match numbers.is_empty() {
        true => Ok(vec!["classifier".into()]),
        false => Ok(numbers.iter().map(|number| format!("classifier.{number}")).collect()),
    }
}

/// Height and width in pixels: a square one follows from what the classifier takes.
fn picture(source: &Source, layers: &[Layer], weight: &str, assumed: &mut Vec<String>) -> Result<Pair, ModelError> {
    if let Some(picture) = said_picture(source)? {
        return Ok(picture);
    }
    let channels = layers.iter().rev().find_map(|layer| match layer {
        Layer::Conv(outputs) => Some(*outputs),
        Layer::Pool => None,
    });
    let pools = layers.iter().filter(|layer| **layer == Layer::Pool).count() as u32;
    let inputs = source.agreed("image_size", None, Witness { tensor: weight, axis: 1, axes: 2 })?;
    let places = channels.filter(|channels| inputs.checked_rem(*channels) == Some(0)).map(|channels| inputs / channels);
    let Some(left) = places.map(usize::isqrt).filter(|left| Some(left * left) == places) else {
        let what = format!("the {inputs} inputs of {weight} are no square number of places, so no picture size follows");
        return Err(ModelError::unsupported(what, "put a config.json with \"image_size\" beside it"));
    };
    let side = 2_usize.saturating_pow(pools).saturating_mul(left);
    assumed.push(format!("{side}×{side} pixels"));
    bounded("image_size", side, LARGEST_SIDE).map(|side| Pair(side, side))
}
