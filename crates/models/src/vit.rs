//! Vision transformers (Dosovitskiy et al., 2020; Touvron et al., 2020) as Hugging Face stores them:
//! `ViTForImageClassification` and `DeiTForImageClassification`. Both answer from the class token.

use secateur_formats::config::Setting;
use secateur_graph::ops::{
    Activation, Add, AddPosition, Attention, Conv2d, Input, LayerNorm, Linear, PrependToken, SelectToken, ToTokens,
};
use secateur_graph::{Builder, Graph, GraphError, NodeId};
use serde_json::{Map, Value, json};

use crate::model::{Plan, grouped};
use crate::source::{Source, Witness, bounded};
use crate::{Family, InputSpec, ModelError, Tensors};

/// Bounds for arithmetic and memory, far above real models.
const MOST_LAYERS: usize = 1000;
const MOST_TOKENS: usize = 1 << 14;
const LARGEST_SIDE: usize = 1 << 13;

/// Hugging Face's default; Google's own code has 1e-6.
const EPS: f64 = 1e-12;

pub struct Vit;

impl Family for Vit {
    fn id(&self) -> &'static str {
        "vit"
    }

    fn model_types(&self) -> &'static [&'static str] {
        &["vit", "deit"]
    }

    fn claims(&self, tensors: &Tensors) -> bool {
        foreign(tensors).is_some() || ["vit.", "deit."].iter().any(|prefix| tensors.names().any(|name| name.starts_with(prefix)))
    }

    fn unused(&self, name: &str) -> bool {
        let inner = name.split_once('.').map_or("", |(_, inner)| inner);
        inner.starts_with("pooler.") || inner == "embeddings.mask_token" || inner == "embeddings.position_ids"
    }

    fn plan(&self, source: &Source) -> Result<Plan, ModelError> {
        if let Some(error) = source.tensors.and_then(foreign) {
            return Err(error);
        }
        let mut assumed = Vec::new();
        let sizes = Sizes::read(source, &mut assumed)?;
        let labels = source.labels("classifier.weight")?;
        Ok(Plan {
            graph: sizes.graph(labels.len())?,
            input: InputSpec::new(sizes.channels, sizes.height, sizes.width),
            config: sizes.config(&labels),
            title: sizes.title(labels.len()),
            labels,
            assumed,
        })
    }
}

/// Everything about a ViT but its weights and labels.
struct Sizes {
    /// `vit` or `deit`: what the names start with.
    prefix: &'static str,
    channels: usize,
    height: usize,
    width: usize,
    patch: usize,
    features: usize,
    layers: usize,
    heads: usize,
    hidden: usize,
    qkv_bias: bool,
    activation: Activation,
    eps: f64,
}

impl Sizes {
    fn read(source: &Source, assumed: &mut Vec<String>) -> Result<Self, ModelError> {
        let prefix = prefix(source)?;
        let projection = format!("{prefix}.embeddings.patch_embeddings.projection.weight");
        let kernel = |axis| Witness { tensor: &projection, axis, of: 4 };
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
            hidden: source.size("intermediate_size", Witness { tensor: &dense, axis: 0, of: 2 })?,
            qkv_bias: qkv_bias(source, &first)?,
            activation: activation(source, assumed)?,
            eps: eps(source, assumed)?,
        })
    }

    /// Class token, and DeiT's distillation token.
    fn special_tokens(&self) -> usize {
        special_tokens(self.prefix)
    }

    fn graph(&self, classes: usize) -> Result<Graph, GraphError> {
        let mut g = Builder::default();
        let mut x = self.embeddings(&mut g)?;
        for layer in 0..self.layers {
            g.block();
            x = self.layer(&mut g, &format!("{}.encoder.layer.{layer}", self.prefix), x)?;
        }
        g.block();
        let x = g.add(&format!("{}.layernorm", self.prefix), self.norm(), &[x])?;
        let x = g.add(&format!("{}.class_token", self.prefix), SelectToken { index: 0 }, &[x])?;
        let logits = g.add("classifier", Linear { inputs: self.features, outputs: classes, bias: true }, &[x])?;
        Ok(g.finish(logits))
    }

    /// [channels, height, width] -> [tokens, features]
    fn embeddings(&self, g: &mut Builder) -> Result<NodeId, GraphError> {
        let &Self { channels, height, width, patch, features, .. } = self;
        let name = |part: &str| format!("{}.embeddings.{part}", self.prefix);
        let projection =
            Conv2d { inputs: channels, outputs: features, kernel: patch, stride: patch, padding: 0, bias: true };
        let x = g.add("pixel_values", Input { shape: vec![channels, height, width] }, &[])?;
        let x = g.add(&name("patch_embeddings.projection"), projection, &[x])?;
        let mut x = g.add(&name("patch_embeddings"), ToTokens, &[x])?;
        for token in ["distillation_token", "cls_token"].into_iter().skip(2 - self.special_tokens()) {
            x = g.add(&name(token), PrependToken { features }, &[x])?;
        }
        let tokens = g.shape(x)[0];
        g.add(&name("position_embeddings"), AddPosition { tokens, features }, &[x])
    }

    /// One encoder layer, [tokens, features] -> the same; norms come first.
    fn layer(&self, g: &mut Builder, layer: &str, x: NodeId) -> Result<NodeId, GraphError> {
        let &Self { features, heads, hidden, qkv_bias, .. } = self;
        let name = |part: &str| format!("{layer}.{part}");
        let project = |bias| Linear { inputs: features, outputs: features, bias };
        let normed = g.add(&name("layernorm_before"), self.norm(), &[x])?;
        let q = g.add(&name("attention.attention.query"), project(qkv_bias), &[normed])?;
        let k = g.add(&name("attention.attention.key"), project(qkv_bias), &[normed])?;
        let v = g.add(&name("attention.attention.value"), project(qkv_bias), &[normed])?;
        let attention = Attention { heads, head_dim: features / heads };
        let mixed = g.add(&name("attention.attention"), attention, &[q, k, v])?;
        let mixed = g.add(&name("attention.output.dense"), project(true), &[mixed])?;
        let x = g.add(&name("attention.residual"), Add, &[x, mixed])?;
        let y = g.add(&name("layernorm_after"), self.norm(), &[x])?;
        let y = g.add(&name("intermediate.dense"), Linear { inputs: features, outputs: hidden, bias: true }, &[y])?;
        let y = g.add(&name("intermediate.activation"), self.activation.clone(), &[y])?;
        let y = g.add(&name("output.dense"), Linear { inputs: hidden, outputs: features, bias: true }, &[y])?;
        g.add(&name("output.residual"), Add, &[x, y])
    }

    fn norm(&self) -> LayerNorm {
        LayerNorm { features: self.features, eps: self.eps }
    }

    fn title(&self, classes: usize) -> String {
        let Self { layers, heads, features, height, width, patch, .. } = self;
        let name = if self.prefix == "deit" { "DeiT" } else { "ViT" };
        let classes = grouped(classes as u64);
        format!(
            "{name} image classifier with {layers} layers of {heads} heads, {features} features, {height}×{width} \
             pixels in patches of {patch}×{patch}, {classes} classes"
        )
    }

    /// As Hugging Face writes it.
    fn config(&self, labels: &[String]) -> Map<String, Value> {
        let class = if self.prefix == "deit" { "DeiTForImageClassification" } else { "ViTForImageClassification" };
        let image = if self.height == self.width { json!(self.height) } else { json!([self.height, self.width]) };
        let ids: Map<String, Value> = labels.iter().enumerate().map(|(at, label)| (at.to_string(), json!(label))).collect();
        let labels: Map<String, Value> = labels.iter().enumerate().map(|(at, label)| (label.clone(), json!(at))).collect();
        let config = [
            ("architectures", json!([class])),
            ("model_type", json!(self.prefix)),
            ("hidden_size", json!(self.features)),
            ("num_hidden_layers", json!(self.layers)),
            ("num_attention_heads", json!(self.heads)),
            ("intermediate_size", json!(self.hidden)),
            ("hidden_act", json!(self.activation_word())),
            ("layer_norm_eps", json!(self.eps)),
            ("image_size", image),
            ("patch_size", json!(self.patch)),
            ("num_channels", json!(self.channels)),
            ("qkv_bias", json!(self.qkv_bias)),
            ("id2label", json!(ids)),
            ("label2id", json!(labels)),
        ];
        config.into_iter().map(|(key, value)| (key.to_string(), value)).collect()
    }

    fn activation_word(&self) -> &'static str {
        match self.activation {
            Activation::Gelu => "gelu",
            Activation::Relu => "relu",
        }
    }
}

/// What the tensors' names start with, else what the config's `model_type` says.
fn prefix(source: &Source) -> Result<&'static str, ModelError> {
    let known = ["vit", "deit"];
    let said: Option<String> = source.setting("model_type")?;
    let shown = known.into_iter().find(|prefix| source.has(&format!("{prefix}.embeddings.cls_token")));
    let said = said.and_then(|said| known.into_iter().find(|prefix| *prefix == said));
    match (said, shown) {
        (Some(said), Some(shown)) if said != shown => Err(ModelError::Setting {
            key: "model_type",
            want: format!("\"{shown}\", since the tensors' names start with it"),
            got: format!("\"{said}\""),
        }),
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
        return Err(ModelError::Unsupported {
            what: format!("patches of {height}×{width} pixels are not supported"),
            next: "choose a model with square patches",
        });
    }
    Ok(height)
}

/// (height, width) in pixels. Without a configuration the picture is taken to be square.
fn picture(
    source: &Source,
    prefix: &str,
    patch: usize,
    assumed: &mut Vec<String>,
) -> Result<(usize, usize), ModelError> {
    let positions = format!("{prefix}.embeddings.position_embeddings");
    let special = special_tokens(prefix);
    let (height, width) = match source.setting("image_size")? {
        Some(Pair(height, width)) => (height, width),
        None => {
            let tokens = source.agreed("image_size", None, Witness { tensor: &positions, axis: 1, of: 3 })?;
            let places = tokens.saturating_sub(special);
            let side = places.isqrt();
            if side == 0 || side * side != places {
                return Err(ModelError::Unsupported {
                    what: format!("{positions} has {tokens} tokens, which is no square number of patches and {special} more"),
                    next: "put the model's config.json beside it",
                });
            }
            assumed.push("square pictures".into());
            (side.saturating_mul(patch), side.saturating_mul(patch))
        }
    };
    for side in [height, width] {
        bounded("image_size", side, LARGEST_SIDE)?;
    }
    let tokens = (height / patch) * (width / patch) + special;
    if height < patch || width < patch || tokens > MOST_TOKENS {
        return Err(ModelError::Setting {
            key: "image_size",
            want: format!("cut into 1 to {MOST_TOKENS} patches of {patch}×{patch} pixels"),
            got: format!("{height}×{width}"),
        });
    }
    Ok((height, width))
}

fn special_tokens(prefix: &str) -> usize {
    if prefix == "deit" { 2 } else { 1 }
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
        return match features.checked_rem(heads) {
            Some(0) => Ok(heads),
            _ => Err(ModelError::Setting {
                key: "num_attention_heads",
                want: format!("a divisor of hidden_size = {features}"),
                got: heads.to_string(),
            }),
        };
    }
    let size = if features == 1280 { 80 } else { 64 };
    if !features.is_multiple_of(size) {
        return Err(ModelError::Unsupported {
            what: format!("the tensors do not show how many attention heads share the {features} features"),
            next: "put the model's config.json beside it",
        });
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
    match source.setting::<String>("hidden_act")?.as_deref() {
        Some("gelu") => Ok(Activation::Gelu),
        Some("relu") => Ok(Activation::Relu),
        Some(other) => Err(ModelError::Setting {
            key: "hidden_act",
            want: "\"gelu\" (exact, with erf) or \"relu\", which are the supported ones".into(),
            got: secateur_formats::quote(other),
        }),
        None => {
            assumed.push("GELU".into());
            Ok(Activation::Gelu)
        }
    }
}

fn eps(source: &Source, assumed: &mut Vec<String>) -> Result<f64, ModelError> {
    match source.setting::<f64>("layer_norm_eps")? {
        Some(eps) if (0.0..1.0).contains(&eps) => Ok(eps),
        Some(eps) => Err(ModelError::Setting {
            key: "layer_norm_eps",
            want: "a number from 0 to 1".into(),
            got: eps.to_string(),
        }),
        None => {
            assumed.push(format!("layer norm ε = {EPS:e}"));
            Ok(EPS)
        }
    }
}

/// Relatives that people take for it, each with what to do.
fn foreign(tensors: &Tensors) -> Option<ModelError> {
    let has = |name: &str| tensors.has(name);
    let (what, next) = if has("cls_classifier.weight") || has("distillation_classifier.weight") {
        (
            "this is a DeiTForImageClassificationWithTeacher, whose two classifiers are averaged; only models with one \
             classifier are supported",
            "load it as DeiTForImageClassification, train that classifier and save it",
        )
    } else if has("embeddings.cls_token") {
        ("this is a bare ViTModel without a classifier", "save it as ViTForImageClassification")
    } else if has("patch_embed.proj.weight") {
        (
            "this is a ViT with timm's tensor names; Hugging Face's are needed",
            "choose the model's Hugging Face version, or convert it with the script in the transformers repository",
        )
    } else {
        return None;
    };
    Some(ModelError::Unsupported { what: what.into(), next })
}
