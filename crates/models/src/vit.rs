//! Vision transformers (Dosovitskiy et al., 2020; Touvron et al., 2020) as Hugging Face stores them: bare, or with a
//! classifier on the class token, or, in DeiT, with a second one on the distillation token.

mod layer;
mod patches;
mod ratio;
mod read;

pub use layer::{Layer, Mlp, MlpForm, Names, Qkv};
pub use patches::{KEYS, Keys, Patches};
pub use ratio::{hidden, ratio};
use secateur_graph::ops::{Activation, Add, AddPosition, Affine, Linear, PrependToken, SelectToken};
use secateur_graph::{Builder, Graph, GraphError, NodeId, grouped};
use serde_json::{Map, Value, json};

use crate::model::{Plan, Task};
use crate::settings::activation_word;
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
        tensors.has("encoder.layer.0.layernorm_before.weight") || tensors.names().any(ours)
    }

    fn unused(&self, name: &str) -> bool {
        let inner = name.strip_prefix("vit.").or_else(|| name.strip_prefix("deit.")).unwrap_or(name);
        inner.starts_with("pooler.") || inner == "embeddings.mask_token" || inner == "embeddings.position_ids"
    }

    fn plan(&self, source: &Source) -> Result<Plan, ModelError> {
        let mut assumed = Vec::new();
        let sizes = Sizes::read(source, &mut assumed)?;
        let labels = sizes.head.classifier().map_or(Ok(Vec::new()), |weight| source.labels(weight))?;
        let Patches { channels, height, width, .. } = sizes.patches;
        Ok(Plan {
            graph: sizes.graph(labels.len())?,
            task: if labels.is_empty() { Task::ImageFeatures } else { Task::ImageClasses },
            pictures: Some(InputSpec::new(channels, height, width)),
            config: sizes.config(),
            title: sizes.title(labels.len()),
            labels,
            assumed,
        })
    }
}

/// Everything about a ViT but its weights and labels.
struct Sizes {
    /// DeiT has a second token before the patches.
    distilled: bool,
    /// What the encoder's names start with: `vit.`, `deit.` or nothing.
    prefix: &'static str,
    patches: Patches,
    layers: usize,
    layer: Layer,
    head: Head,
}

/// What the model answers from.
enum Head {
    Classifier,
    /// Classifiers on the class token and on the distillation token, averaged.
    Two,
    /// None: features, with a linear layer on the class token where there is a pooler.
    Bare { pooler: Option<Pooler> },
}

struct Pooler {
    outputs: usize,
    activation: Activation,
}

const TWO: [&str; 2] = ["cls_classifier", "distillation_classifier"];

impl Head {
    /// The tensor with a row for each class.
    fn classifier(&self) -> Option<&'static str> {
        match self {
            Self::Classifier => Some("classifier.weight"),
            Self::Two => Some("cls_classifier.weight"),
            Self::Bare { .. } => None,
        }
    }

    /// The end of upstream's class names.
    fn class(&self) -> &'static str {
        match self {
            Self::Classifier => "ForImageClassification",
            Self::Two => "ForImageClassificationWithTeacher",
            Self::Bare { .. } => "Model",
        }
    }
}

const NAMES: Names = Names {
    norms: ["layernorm_before", "layernorm_after"],
    qkv: Qkv::Split(["attention.attention.query", "attention.attention.key", "attention.attention.value"]),
    out: "attention.output.dense",
    scales: ["", ""],
    halves: ["attention", "mlp"],
};

impl Sizes {
    fn graph(&self, classes: usize) -> Result<Graph, GraphError> {
        let mut g = Builder::default();
        let x = self.embeddings(&mut g)?;
        let x = self.layer.stack(&mut g, &self.name("encoder.layer."), self.layers, x)?;
        let hidden = g.add(&self.name("layernorm"), self.layer.norm(), &[x])?;
        let features = self.layer.features;
        let logits = match &self.head {
            Head::Bare { pooler } => return self.bare(g, hidden, pooler.as_ref()),
            Head::Classifier => {
                let x = g.add(&self.name("class_token"), SelectToken { index: 0 }, &[hidden])?;
                g.add("classifier", Linear::new(features, classes, true), &[x])?
            }
            Head::Two => two_heads(&mut g, TWO, hidden, features, classes)?,
        };
        Ok(g.finish(logits))
    }

    fn bare(&self, mut g: Builder, hidden: NodeId, pooler: Option<&Pooler>) -> Result<Graph, GraphError> {
        let Some(&Pooler { outputs, activation }) = pooler else {
            return Ok(g.finish_with(&[("hidden", hidden)]));
        };
        let x = g.add(&self.name("pooler.token"), SelectToken { index: 0 }, &[hidden])?;
        let x = g.add(&self.name("pooler.dense"), Linear::new(self.layer.features, outputs, true), &[x])?;
        let pooled = g.add(&self.name("pooler.activation"), activation, &[x])?;
        Ok(g.finish_with(&[("hidden", hidden), ("embedding", pooled)]))
    }

    /// [channels, height, width] -> [tokens, features]
    fn embeddings(&self, g: &mut Builder) -> Result<NodeId, GraphError> {
        let features = self.layer.features;
        let name = |part: &str| self.name(&format!("embeddings.{part}"));
        let mut x = self.patches.add(g, &name("patch_embeddings.projection"))?;
        for token in ["distillation_token", "cls_token"].into_iter().skip(2 - self.special()) {
            x = g.add(&name(token), PrependToken::one(features), &[x])?;
        }
        let tokens = g.shape(x)[0];
        g.add(&name("position_embeddings"), AddPosition::parameter(tokens, features), &[x])
    }

    fn name(&self, part: &str) -> String {
        format!("{}{part}", self.prefix)
    }

    /// Tokens before the patches: the class token and, in DeiT, the distillation token.
    fn special(&self) -> usize {
        special_tokens(self.distilled)
    }

    fn title(&self, classes: usize) -> String {
        let name = if self.distilled { "DeiT" } else { "ViT" };
        let sizes = self.patches.title(self.layers, &self.layer);
        match classes {
            0 => format!("{name} without a classifier, with {sizes}"),
            classes => format!("{name} image classifier with {sizes}, {} classes", grouped(classes as u64)),
        }
    }

    /// As Hugging Face writes it, but for `add_pooling_layer`, which there is an argument only.
    fn config(&self) -> Map<String, Value> {
        let Self { layer, patches, .. } = self;
        let (class, model_type) = if self.distilled { ("DeiT", "deit") } else { ("ViT", "vit") };
        let mut config = vec![
            ("architectures", json!([format!("{class}{}", self.head.class())])),
            ("model_type", json!(model_type)),
            ("hidden_size", json!(layer.features)),
            ("num_hidden_layers", json!(self.layers)),
            ("num_attention_heads", json!(layer.heads)),
            ("intermediate_size", json!(layer.mlp.hidden)),
            ("hidden_act", json!(activation_word(layer.mlp.activation))),
            ("layer_norm_eps", json!(layer.eps)),
            ("image_size", patches.image()),
            ("patch_size", json!(patches.side)),
            ("num_channels", json!(patches.channels)),
            ("qkv_bias", json!(layer.qkv_bias)),
        ];
        if let Head::Bare { pooler } = &self.head {
            config.push(("add_pooling_layer", json!(pooler.is_some())));
            if let Some(Pooler { outputs, activation }) = pooler {
                config.push(("pooler_output_size", json!(outputs)));
                config.push(("pooler_act", json!(activation_word(*activation))));
            }
        }
        config.into_iter().map(|(key, value)| (key.to_string(), value)).collect()
    }
}

/// Logits of two classifiers, on the first and on the second token, averaged: DeiT's teacher and labels.
pub fn two_heads(
    g: &mut Builder,
    heads: [&str; 2],
    hidden: NodeId,
    features: usize,
    classes: usize,
) -> Result<NodeId, GraphError> {
    let mut logits = |index: usize| {
        let token = g.add(&format!("{}.token", heads[index]), SelectToken { index }, &[hidden])?;
        g.add(heads[index], Linear::new(features, classes, true), &[token])
    };
    let both = [logits(0)?, logits(1)?];
    let sum = g.add("classifiers.sum", Add, &both)?;
    g.add("classifiers.mean", Affine { scale: 0.5, shift: 0.0 }, &[sum])
}

/// See [`Sizes::special`].
fn special_tokens(distilled: bool) -> usize {
    if distilled { 2 } else { 1 }
}
