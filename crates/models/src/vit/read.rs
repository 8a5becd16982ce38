//! A ViT's sizes from its configuration and its tensors.

use secateur_formats::config::Setting;
use secateur_formats::quote;
use secateur_graph::ops::Activation;
use serde_json::Value;

use super::{Sizes, special_tokens};
use crate::ModelError;
use crate::source::{Source, Witness, bounded};

/// Bounds for arithmetic and memory, far above real models.
const MOST_LAYERS: usize = 1000;
const MOST_TOKENS: usize = 1 << 14;
const LARGEST_SIDE: usize = 1 << 13;

/// Hugging Face's default; Google's own code has 1e-6.
const EPS: f64 = 1e-12;

impl Sizes {
    /// What is neither in the configuration nor in the tensors is assumed, and said so.
    pub fn read(source: &Source, assumed: &mut Vec<String>) -> Result<Self, ModelError> {
        let prefix = prefix(source)?;
        let projection = format!("{prefix}.embeddings.patch_embeddings.projection.weight");
        let kernel = |axis| Witness { tensor: &projection, axis, axes: 4 };
        let features = source.size("hidden_size", kernel(0))?;
        let channels = source.size("num_channels", kernel(1))?;
        let patch = patch(source, &kernel)?;
        let (height, width) = picture(source, prefix, patch, assumed)?;
        let layers = layers(source, prefix)?;
        let first = format!("{prefix}.encoder.layer.0");
        let dense = format!("{first}.intermediate.dense.weight");
        Ok(Self {
            prefix,
            channels,
            height,
            width,
            patch,
            features,
            layers,
            heads: heads(source, features, assumed)?,
            hidden: source.size("intermediate_size", Witness { tensor: &dense, axis: 0, axes: 2 })?,
            qkv_bias: qkv_bias(source, &first)?,
            activation: activation(source, assumed)?,
            eps: eps(source, assumed)?,
        })
    }
}

/// What the tensors' names start with, else what the config's `model_type` says.
fn prefix(source: &Source) -> Result<&'static str, ModelError> {
    let known = ["vit", "deit"];
    let said: Option<String> = source.setting("model_type")?;
    let shown = known.into_iter().find(|prefix| source.has(&format!("{prefix}.embeddings.cls_token")));
    let said = said.and_then(|said| known.into_iter().find(|prefix| *prefix == said));
    match (said, shown) {
        (Some(said), Some(shown)) if said != shown => {
            let want = format!("{}, since the tensors' names start with it", quote(shown));
            Err(ModelError::setting("model_type", want, quote(said)))
        }
        _ => Ok(shown.or(said).unwrap_or("vit")),
    }
}

/// A setting that Hugging Face writes as one number or as a pair [height, width].
struct Pair(usize, usize);

impl Setting for Pair {
    const WANT: &'static str = "a whole number or a list of two";

    fn from_json(value: &Value) -> Option<Self> {
        match usize::from_json(value) {
            Some(side) => Some(Self(side, side)),
            None => match Vec::from_json(value)?.as_slice() {
                [height, width] => Some(Self(*height, *width)),
                _ => None,
            },
        }
    }
}

/// Side of a patch in pixels.
fn patch<'a>(source: &Source, kernel: &impl Fn(usize) -> Witness<'a>) -> Result<usize, ModelError> {
    let said: Option<Pair> = source.setting("patch_size")?;
    let height = source.agreed("patch_size", said.as_ref().map(|pair| pair.0), kernel(2))?;
    let width = source.agreed("patch_size", said.as_ref().map(|pair| pair.1), kernel(3))?;
    if height != width {
        let what = format!("patches of {height}×{width} pixels are not supported");
        return Err(ModelError::unsupported(what, "choose a model with square patches"));
    }
    Ok(height)
}

/// (height, width) in pixels.
fn picture(
    source: &Source,
    prefix: &str,
    patch: usize,
    assumed: &mut Vec<String>,
) -> Result<(usize, usize), ModelError> {
    let (height, width) = match source.setting("image_size")? {
        Some(Pair(height, width)) => (height, width),
        None => {
            assumed.push("square pictures".into());
            let side = grid(source, prefix)?.saturating_mul(patch);
            (side, side)
        }
    };
    bounded("image_size", height, LARGEST_SIDE)?;
    bounded("image_size", width, LARGEST_SIDE)?;
    let patches = (height / patch) * (width / patch);
    if !(1..=MOST_TOKENS).contains(&patches) {
        let want = format!("cut into 1 to {MOST_TOKENS} patches of {patch}×{patch} pixels");
        return Err(ModelError::setting("image_size", want, format!("{height}×{width}")));
    }
    Ok((height, width))
}

/// Patches along each side, if the positions are those of a square picture.
fn grid(source: &Source, prefix: &str) -> Result<usize, ModelError> {
    let positions = format!("{prefix}.embeddings.position_embeddings");
    let tokens = source.agreed("image_size", None, Witness { tensor: &positions, axis: 1, axes: 3 })?;
    let special = special_tokens(prefix);
    let patches = tokens.saturating_sub(special);
    let side = patches.isqrt();
    if side * side == patches {
        return Ok(side);
    }
    let what = format!("{positions} has {tokens} tokens, which is no square number of patches and {special} more");
    Err(ModelError::unsupported(what, "put the model's config.json beside it"))
}

/// Layers missing from the file are named one by one later, so here the configuration has the word.
fn layers(source: &Source, prefix: &str) -> Result<usize, ModelError> {
    let shown = source.tensors.map(|tensors| tensors.numbered(&format!("{prefix}.encoder.layer.")));
    let layers = source.setting("num_hidden_layers")?.or(shown).unwrap_or(0);
    bounded("num_hidden_layers", layers, MOST_LAYERS)
}

/// Weights do not show the number of heads: without a configuration, the published models' 64 features to a head
/// (80 in ViT-H).
fn heads(source: &Source, features: usize, assumed: &mut Vec<String>) -> Result<usize, ModelError> {
    if let Some(heads) = source.setting("num_attention_heads")? {
        let want = || format!("a divisor of hidden_size = {features}");
        let fits = features.checked_rem(heads) == Some(0);
        return fits.then_some(heads).ok_or_else(|| ModelError::setting("num_attention_heads", want(), heads));
    }
    let size = if features == 1280 { 80 } else { 64 };
    if !features.is_multiple_of(size) {
        let what = format!("the tensors do not show how many attention heads share the {features} features");
        return Err(ModelError::unsupported(what, "put the model's config.json beside it"));
    }
    assumed.push(format!("{} heads of {size} features", features / size));
    Ok(features / size)
}

fn qkv_bias(source: &Source, first: &str) -> Result<bool, ModelError> {
    let shown = match source.tensors {
        Some(_) => source.has(&format!("{first}.attention.attention.query.bias")),
        None => true,
    };
    Ok(source.setting("qkv_bias")?.unwrap_or(shown))
}

fn activation(source: &Source, assumed: &mut Vec<String>) -> Result<Activation, ModelError> {
    let word: Option<String> = source.setting("hidden_act")?;
    if word.is_none() {
        assumed.push("GELU".into());
    }
    match word.as_deref().unwrap_or("gelu") {
        "gelu" => Ok(Activation::Gelu),
        "relu" => Ok(Activation::Relu),
        other => {
            let want = "\"gelu\" (exact, with erf) or \"relu\", which are the supported ones";
            Err(ModelError::setting("hidden_act", want, quote(other)))
        }
    }
}

fn eps(source: &Source, assumed: &mut Vec<String>) -> Result<f64, ModelError> {
    let said: Option<f64> = source.setting("layer_norm_eps")?;
    if said.is_none() {
        assumed.push(format!("layer norm ε = {EPS:e}"));
    }
    let eps = said.unwrap_or(EPS);
    let fits = (0.0..1.0).contains(&eps);
    fits.then_some(eps).ok_or_else(|| ModelError::setting("layer_norm_eps", "a number from 0 to 1", eps))
}
