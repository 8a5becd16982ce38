//! DINOv2 (Oquab et al., 2023; with registers: Darcet et al., 2023) as Hugging Face stores it: bare, or with a
//! classifier on the class token beside the mean of the patches.

mod read;

use secateur_graph::ops::{AddPosition, Concat, Linear, MeanTokens, PrependToken, SelectToken, Slice};
use secateur_graph::{Builder, Graph, GraphError, NodeId, grouped};
use serde_json::{Map, Value, json};

use crate::model::{Plan, Task};
use crate::settings::{Pair, activation_word};
use crate::source::Source;
use crate::vit::{Layer, MlpForm, Patches, ratio};
use crate::{Family, Filter, InputSpec, ModelError, Tensors};

pub struct Dino;

impl Family for Dino {
    fn id(&self) -> &'static str {
        "dinov2"
    }

    fn model_types(&self) -> &'static [&'static str] {
        &["dinov2", "dinov2_with_registers"]
    }

    fn claims(&self, tensors: &Tensors) -> bool {
        tensors.names().any(|name| name.ends_with("encoder.layer.0.layer_scale1.lambda1"))
    }

    fn unused(&self, name: &str) -> bool {
        name.ends_with("embeddings.mask_token")
    }

    fn plan(&self, source: &Source) -> Result<Plan, ModelError> {
        let mut assumed = Vec::new();
        let sizes = Sizes::read(source, &mut assumed)?;
        let labels = if sizes.classifies { source.labels("classifier.weight")? } else { Vec::new() };
        let Patches { channels, height, width, .. } = sizes.patches;
        let pictures = InputSpec::imagenet(channels, Pair(height, width), &mut assumed);
        let pictures = InputSpec { filter: Filter::Bicubic, ..pictures };
        Ok(Plan {
            graph: sizes.graph(labels.len())?,
            task: if sizes.classifies { Task::ImageClasses } else { Task::ImageFeatures },
            pictures: Some(pictures),
            config: sizes.config(),
            title: sizes.title(labels.len()),
            labels,
            assumed,
        })
    }
}

/// Everything about a DINOv2 but its weights and labels.
struct Sizes {
    /// What the encoder's names start with: `dinov2.`, `dinov2_with_registers.` or nothing.
    prefix: &'static str,
    classifies: bool,
    patches: Patches,
    /// Tokens after the class token that are there to be written to; no positions are added to them.
    registers: Option<usize>,
    layers: usize,
    layer: Layer,
}

impl Sizes {
    fn graph(&self, classes: usize) -> Result<Graph, GraphError> {
        let mut g = Builder::default();
        let x = self.embeddings(&mut g)?;
        let x = self.layer.stack(&mut g, &self.name("encoder.layer."), self.layers, x)?;
        let hidden = g.add(&self.name("layernorm"), self.layer.norm(), &[x])?;
        let class = g.add(&self.name("class_token"), SelectToken { index: 0 }, &[hidden])?;
        if !self.classifies {
            return Ok(g.finish_with(&[("hidden", hidden), ("embedding", class)]));
        }
        let patches = MeanTokens { from: 1 + self.registers.unwrap_or(0) };
        let mean = g.add(&self.name("mean_patch"), patches, &[hidden])?;
        let both = g.add("classifier.input", Concat { axis: 0 }, &[class, mean])?;
        let logits = g.add("classifier", Linear::new(2 * self.layer.features, classes, true), &[both])?;
        Ok(g.finish(logits))
    }

    /// [channels, height, width] -> [tokens, features]
    fn embeddings(&self, g: &mut Builder) -> Result<NodeId, GraphError> {
        let features = self.layer.features;
        let name = |part: &str| self.name(&format!("embeddings.{part}"));
        let x = self.patches.add(g, &name("patch_embeddings.projection"))?;
        let x = g.add(&name("cls_token"), PrependToken::one(features), &[x])?;
        let tokens = g.shape(x)[0];
        let x = g.add(&name("position_embeddings"), AddPosition::parameter(tokens, features), &[x])?;
        let Some(registers) = self.registers else { return Ok(x) };
        let class = g.add(&name("class"), Slice { axis: 0, start: 0, len: 1 }, &[x])?;
        let patches = g.add(&name("patches"), Slice { axis: 0, start: 1, len: tokens - 1 }, &[x])?;
        let registers = PrependToken { tokens: registers, ..PrependToken::one(features) };
        let patches = g.add(&name("register_tokens"), registers, &[patches])?;
        g.add(&name("tokens"), Concat { axis: 0 }, &[class, patches])
    }

    fn name(&self, part: &str) -> String {
        format!("{}{part}", self.prefix)
    }

    fn title(&self, classes: usize) -> String {
        let mut sizes = self.patches.title(self.layers, &self.layer);
        if let Some(registers) = self.registers {
            sizes += &format!(", {registers} registers");
        }
        match classes {
            0 => format!("DINOv2 with {sizes}"),
            classes => format!("DINOv2 image classifier with {sizes}, {} classes", grouped(classes as u64)),
        }
    }

    /// As Hugging Face writes it.
    fn config(&self) -> Map<String, Value> {
        let Self { layer, patches, .. } = self;
        let (class, model_type) = match self.registers {
            None => ("Dinov2", "dinov2"),
            Some(_) => ("Dinov2WithRegisters", "dinov2_with_registers"),
        };
        let end = if self.classifies { "ForImageClassification" } else { "Model" };
        let gated = matches!(layer.mlp.form, MlpForm::Packed(_));
        let config = [
            ("architectures", json!([format!("{class}{end}")])),
            ("model_type", json!(model_type)),
            ("hidden_size", json!(layer.features)),
            ("num_hidden_layers", json!(self.layers)),
            ("num_attention_heads", json!(layer.heads)),
            ("mlp_ratio", ratio(layer.features, read::widened(layer.mlp.hidden, gated))),
            ("use_swiglu_ffn", json!(gated)),
            ("hidden_act", json!(activation_word(layer.mlp.activation))),
            ("layer_norm_eps", json!(layer.eps)),
            ("image_size", patches.image()),
            ("patch_size", json!(patches.side)),
            ("num_channels", json!(patches.channels)),
            ("qkv_bias", json!(layer.qkv_bias)),
        ];
        let registers = self.registers.map(|registers| ("num_register_tokens", json!(registers)));
        config.into_iter().chain(registers).map(|(key, value)| (key.to_string(), value)).collect()
    }
}
