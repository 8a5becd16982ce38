//! Vision transformers (Dosovitskiy et al., 2020; Touvron et al., 2020) as Hugging Face stores them:
//! `ViTForImageClassification` and `DeiTForImageClassification`. Both answer from the class token.

mod read;

use secateur_graph::ops::{
    Activation, Add, AddPosition, Attention, Conv2d, Input, LayerNorm, Linear, PrependToken, SelectToken, ToTokens,
};
use secateur_graph::{Builder, Graph, GraphError, NodeId};
use serde_json::{Map, Value, json};

use crate::model::{Plan, grouped};
use crate::source::Source;
use crate::{Family, InputSpec, ModelError, Tensors};

pub struct Vit;

impl Family for Vit {
    fn id(&self) -> &'static str {
        "vit"
    }

    fn model_types(&self) -> &'static [&'static str] {
        &["vit", "deit"]
    }

    fn claims(&self, tensors: &Tensors) -> bool {
        let ours = |name: &str| name.starts_with("vit.") || name.starts_with("deit.");
        foreign(tensors).is_some() || tensors.names().any(ours)
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
            config: sizes.config(),
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
        for token in ["distillation_token", "cls_token"].into_iter().skip(2 - special_tokens(self.prefix)) {
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
    fn config(&self) -> Map<String, Value> {
        let class = if self.prefix == "deit" { "DeiTForImageClassification" } else { "ViTForImageClassification" };
        let activation = match self.activation {
            Activation::Gelu => "gelu",
            Activation::Relu => "relu",
        };
        let image = if self.height == self.width { json!(self.height) } else { json!([self.height, self.width]) };
        let config = [
            ("architectures", json!([class])),
            ("model_type", json!(self.prefix)),
            ("hidden_size", json!(self.features)),
            ("num_hidden_layers", json!(self.layers)),
            ("num_attention_heads", json!(self.heads)),
            ("intermediate_size", json!(self.hidden)),
            ("hidden_act", json!(activation)),
            ("layer_norm_eps", json!(self.eps)),
            ("image_size", image),
            ("patch_size", json!(self.patch)),
            ("num_channels", json!(self.channels)),
            ("qkv_bias", json!(self.qkv_bias)),
        ];
        config.into_iter().map(|(key, value)| (key.to_string(), value)).collect()
    }
}

/// Tokens before the patches: the class token and, in DeiT, the distillation token.
fn special_tokens(prefix: &str) -> usize {
    if prefix == "deit" { 2 } else { 1 }
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
        ("this is a bare vision transformer without a classifier", "save it as ViTForImageClassification")
    } else if has("patch_embed.proj.weight") {
        (
            "this is a ViT with timm's tensor names; Hugging Face's are needed",
            "choose the model's Hugging Face version, or convert it with the script in the transformers repository",
        )
    } else {
        return None;
    };
    Some(ModelError::unsupported(what, next))
}
