//! Vision transformers as timm stores them (Wightman, 2019): ViT, DeiT with and without distillation, DeiT III,
//! DINOv2 and others that differ in settings only.

mod data;
mod read;

use secateur_graph::ops::{Activation, AddPosition, Linear, MeanTokens, PrependToken, SelectToken};
use secateur_graph::{Builder, Graph, GraphError, NodeId, grouped};
use serde_json::{Map, Value, json};

use crate::model::{Plan, Task};
use crate::settings::activation_word;
use crate::source::Source;
use crate::vit::{Layer, MlpForm, Patches, ratio, two_heads};
use crate::{Family, InputSpec, ModelError, Tensors};

pub struct Timm;

impl Family for Timm {
    fn id(&self) -> &'static str {
        "timm"
    }

    /// Our word: timm's own configurations have an `architecture` instead.
    fn model_types(&self) -> &'static [&'static str] {
        &["timm_vit"]
    }

    fn claims(&self, tensors: &Tensors) -> bool {
        ["patch_embed.proj.weight", "blocks.0.attn.qkv.weight"].iter().all(|name| tensors.has(name))
    }

    fn plan(&self, source: &Source) -> Result<Plan, ModelError> {
        let mut assumed = Vec::new();
        let sizes = Sizes::read(source, &mut assumed)?;
        let labels = if sizes.classifies { data::labels(source)? } else { Vec::new() };
        Ok(Plan {
            graph: sizes.graph(labels.len())?,
            task: if sizes.classifies { Task::ImageClasses } else { Task::ImageFeatures },
            config: sizes.config(labels.len()),
            title: sizes.title(labels.len()),
            pictures: Some(sizes.pictures),
            labels,
            assumed,
        })
    }
}

/// Everything about a model but its weights and labels.
struct Sizes {
    patches: Patches,
    pictures: InputSpec,
    class_token: bool,
    /// A second token with a classifier of its own (DeiT).
    distilled: bool,
    registers: Option<usize>,
    /// Positions are added to the patches only, before the other tokens come.
    patch_positions: bool,
    /// A norm before the first layer (CLIP).
    pre_norm: bool,
    layers: usize,
    layer: Layer,
    pool: Pool,
    /// The last norm comes after pooling.
    fc_norm: bool,
    classifies: bool,
}

/// How tokens become one vector.
enum Pool {
    Token,
    /// The mean, without the tokens before the patches unless `all`.
    Mean { all: bool },
}

impl Sizes {
    fn graph(&self, classes: usize) -> Result<Graph, GraphError> {
        let mut g = Builder::default();
        let x = self.embeddings(&mut g)?;
        let x = self.layer.stack(&mut g, "blocks.", self.layers, x)?;
        let features = self.layer.features;
        let hidden = if self.fc_norm { x } else { g.add("norm", self.layer.norm(), &[x])? };
        if self.distilled {
            let logits = two_heads(&mut g, ["head", "head_dist"], hidden, features, classes)?;
            return Ok(g.finish(logits));
        }
        let pooled = self.pool(&mut g, hidden)?;
        if !self.classifies {
            return Ok(g.finish_with(&[("hidden", hidden), ("embedding", pooled)]));
        }
        let logits = g.add("head", Linear::new(features, classes, true), &[pooled])?;
        Ok(g.finish(logits))
    }

    /// [channels, height, width] -> [tokens, features]
    fn embeddings(&self, g: &mut Builder) -> Result<NodeId, GraphError> {
        let x = self.patches.add(g, "patch_embed.proj")?;
        let x = match self.patch_positions {
            true => {
                let x = self.positions(g, x)?;
                self.tokens(g, x)?
            }
            false => {
                let x = self.tokens(g, x)?;
                self.positions(g, x)?
            }
        };
        if self.pre_norm { g.add("norm_pre", self.layer.norm(), &[x]) } else { Ok(x) }
    }

    /// Puts all other tokens before the patches, the class token first.
    fn tokens(&self, g: &mut Builder, mut x: NodeId) -> Result<NodeId, GraphError> {
        let one = PrependToken::one(self.layer.features);
        if let Some(tokens) = self.registers {
            x = g.add("reg_token", PrependToken { tokens, ..one.clone() }, &[x])?;
        }
        if self.distilled {
            x = g.add("dist_token", one.clone(), &[x])?;
        }
        if self.class_token {
            x = g.add("cls_token", one, &[x])?;
        }
        Ok(x)
    }

    fn positions(&self, g: &mut Builder, x: NodeId) -> Result<NodeId, GraphError> {
        let tokens = g.shape(x)[0];
        g.add("pos_embed", AddPosition::parameter(tokens, self.layer.features), &[x])
    }

    /// Tokens before the patches.
    fn special(&self) -> usize {
        usize::from(self.class_token) + usize::from(self.distilled) + self.registers.unwrap_or(0)
    }

    fn pool(&self, g: &mut Builder, hidden: NodeId) -> Result<NodeId, GraphError> {
        let pooled = match self.pool {
            Pool::Token => g.add("pool", SelectToken { index: 0 }, &[hidden])?,
            Pool::Mean { all } => g.add("pool", MeanTokens { from: if all { 0 } else { self.special() } }, &[hidden])?,
        };
        if self.fc_norm { g.add("fc_norm", self.layer.norm(), &[pooled]) } else { Ok(pooled) }
    }

    fn title(&self, classes: usize) -> String {
        let name = if self.distilled { "timm DeiT" } else { "timm ViT" };
        let mut sizes = self.patches.title(self.layers, &self.layer);
        if let Some(registers) = self.registers {
            sizes += &format!(", {registers} registers");
        }
        match classes {
            0 => format!("{name} without a classifier, with {sizes}"),
            classes => format!("{name} image classifier with {sizes}, {} classes", grouped(classes as u64)),
        }
    }

    /// As timm writes it: a known architecture, changed by arguments to this one. timm does not read `model_type`,
    /// `mlp_layer` and `distilled`, which it knows by the architecture.
    fn config(&self, classes: usize) -> Map<String, Value> {
        let InputSpec { channels, height, width, mean, std, .. } = &self.pictures;
        let (architecture, mlp_layer) = match (&self.layer.mlp.form, self.distilled) {
            (MlpForm::Packed(_), _) => ("vit_giant_patch14_dinov2", read::PACKED),
            (_, true) => ("deit_base_distilled_patch16_224", read::PLAIN),
            (MlpForm::Gated { .. }, _) => ("vit_base_patch16_224", read::GATED),
            (MlpForm::Plain(_), _) => ("vit_base_patch16_224", read::PLAIN),
        };
        let pretrained = json!({"input_size": [channels, height, width], "mean": mean, "std": std});
        let config = [
            ("model_type", json!("timm_vit")),
            ("architecture", json!(architecture)),
            ("mlp_layer", json!(mlp_layer)),
            ("distilled", json!(self.distilled)),
            ("num_classes", json!(classes)),
            ("num_features", json!(self.layer.features)),
            ("global_pool", json!(self.pool.word())),
            ("model_args", self.arguments()),
            ("pretrained_cfg", pretrained),
        ];
        config.into_iter().map(|(key, value)| (key.to_string(), value)).collect()
    }

    fn arguments(&self) -> Value {
        let Self { layer, patches, .. } = self;
        let packed = matches!(layer.mlp.form, MlpForm::Packed(_));
        let activation = match layer.mlp.activation {
            Activation::GeluTanh => "gelu_tanh",
            other => activation_word(other),
        };
        json!({
            "img_size": patches.image(),
            "patch_size": patches.side,
            "in_chans": patches.channels,
            "embed_dim": layer.features,
            "depth": self.layers,
            "num_heads": layer.heads,
            "mlp_ratio": ratio(layer.features, if packed { 2 * layer.mlp.hidden } else { layer.mlp.hidden }),
            "act_layer": activation,
            "qkv_bias": layer.qkv_bias,
            "proj_bias": layer.bias,
            "init_values": layer.scaled.then_some(1e-5),
            "class_token": self.class_token,
            "reg_tokens": self.registers.unwrap_or(0),
            "no_embed_class": self.patch_positions,
            "pre_norm": self.pre_norm,
            "fc_norm": self.fc_norm,
            "global_pool": self.pool.word(),
            "pool_include_prefix": matches!(self.pool, Pool::Mean { all: true }),
        })
    }
}

impl Pool {
    fn word(&self) -> &'static str {
        match self {
            Self::Token => "token",
            Self::Mean { .. } => "avg",
        }
    }
}
