//! A DINOv2's sizes from its configuration and its tensors.

use secateur_formats::quote;
use secateur_graph::ops::Activation;

use super::Sizes;
use crate::ModelError;
use crate::settings::{activation, eps, heads, layers, present};
use crate::source::{Source, Witness};
use crate::vit::{KEYS, Layer, Mlp, MlpForm, Names, Patches, Qkv, hidden};

const EPS: f64 = 1e-6;

const NAMES: Names = Names {
    norms: ["norm1", "norm2"],
    qkv: Qkv::Split(["attention.attention.query", "attention.attention.key", "attention.attention.value"]),
    out: "attention.output.dense",
    scales: ["layer_scale1.lambda1", "layer_scale2.lambda1"],
    halves: ["attention", "mlp"],
};

impl Sizes {
    /// What is neither in the configuration nor in the tensors is assumed, and said so.
    pub fn read(source: &Source, assumed: &mut Vec<String>) -> Result<Self, ModelError> {
        let (prefix, classifies) = prefix(source)?;
        let name = |part: &str| format!("{prefix}{part}");
        let positions = name("embeddings.position_embeddings");
        let positions = (Witness { tensor: &positions, axis: 1, axes: 3 }, 1);
        let conv = name("embeddings.patch_embeddings.projection");
        let image = source.setting("image_size")?;
        let before = name("encoder.layer.");
        let patches = Patches::read(source, &KEYS, &conv, image, positions, assumed)?.square(&KEYS)?;
        Ok(Self {
            prefix,
            classifies,
            registers: registers(source, &name("embeddings.register_tokens"))?,
            layers: layers(source, "num_hidden_layers", &before)?,
            layer: layer(source, &before, patches.features, assumed)?,
            patches,
        })
    }
}

/// What the encoder's names start with, and whether there is a classifier: a file without it is named as such, so only
/// names without a prefix make a bare model.
fn prefix(source: &Source) -> Result<(&'static str, bool), ModelError> {
    let prefixes = ["dinov2.", "dinov2_with_registers.", ""];
    let shown = prefixes.into_iter().find(|prefix| source.has(&format!("{prefix}embeddings.cls_token")));
    if let Some(shown) = shown {
        return Ok((shown, !shown.is_empty() || source.has("classifier.weight")));
    }
    let classes: Option<Vec<String>> = source.setting("architectures")?;
    let bare = |classes: Vec<String>| classes.first().is_some_and(|class| class.ends_with("Model"));
    if classes.is_some_and(bare) {
        return Ok(("", false));
    }
    let model_type: Option<String> = source.setting("model_type")?;
    let registers = model_type.as_deref() == Some("dinov2_with_registers");
    Ok((if registers { "dinov2_with_registers." } else { "dinov2." }, true))
}

/// There are some as the config's `model_type` says; without it, as the tensors show.
fn registers(source: &Source, tensor: &str) -> Result<Option<usize>, ModelError> {
    let shown = source.has(tensor);
    let there = match source.setting::<String>("model_type")?.as_deref() {
        Some("dinov2_with_registers") => true,
        Some(other) if shown => {
            let want = format!("\"dinov2_with_registers\", since there is a tensor {tensor}");
            return Err(ModelError::setting("model_type", want, quote(other)));
        }
        _ => shown,
    };
    let witness = Witness { tensor, axis: 1, axes: 3 };
    there.then(|| source.size("num_register_tokens", witness)).transpose()
}

/// `before`: what its layers' names start with, up to their number. Published models have 64 features to a head.
fn layer(source: &Source, before: &str, features: usize, assumed: &mut Vec<String>) -> Result<Layer, ModelError> {
    let query = format!("{before}0.attention.attention.query.bias");
    Ok(Layer {
        names: &NAMES,
        features,
        heads: heads(source, "num_attention_heads", ("hidden_size", features), Some(64), assumed)?,
        causal: false,
        qkv_bias: present(source, "qkv_bias", &query, true)?,
        bias: true,
        scaled: true,
        mlp: mlp(source, &format!("{before}0.mlp"), features, assumed)?,
        eps: eps(source, "layer_norm_eps", EPS, assumed)?,
    })
}

/// A plain MLP, or SwiGLU (Shazeer, 2020), both of whose inner layers are in one.
fn mlp(source: &Source, mlp: &str, features: usize, assumed: &mut Vec<String>) -> Result<Mlp, ModelError> {
    let width = |out: &str, narrowed: fn(usize) -> usize| {
        let tensor = format!("{mlp}.{out}.weight");
        hidden(source, features, narrowed, Witness { tensor: &tensor, axis: 1, axes: 2 })
    };
    if !present(source, "use_swiglu_ffn", &format!("{mlp}.weights_in.weight"), false)? {
        let (form, activation) =
            (MlpForm::Plain("mlp.fc1"), activation(source, "hidden_act", Activation::Gelu, assumed)?);
        return Ok(Mlp { form, out: "mlp.fc2", hidden: width("fc2", |wide| wide)?, activation });
    }
    let hidden = width("weights_out", gated)?;
    if gated(widened(hidden, true)) != hidden {
        let what = format!("SwiGLU layers of {hidden} neurons, no multiple of 8, are not supported");
        return Err(ModelError::unsupported(what, "choose a model as Hugging Face writes it"));
    }
    let (form, activation) = (MlpForm::Packed("mlp.weights_in"), Activation::Silu);
    Ok(Mlp { form, out: "mlp.weights_out", hidden, activation })
}

/// SwiGLU's width: two thirds of a plain MLP's, rounded up to a multiple of 8.
fn gated(wide: usize) -> usize {
    (2 * wide / 3).next_multiple_of(8)
}

/// features * mlp_ratio of an MLP of this width.
pub fn widened(hidden: usize, gated: bool) -> usize {
    if gated { hidden * 3 / 2 } else { hidden }
}
