//! A CLIP's sizes from its configuration and its tensors.

use secateur_graph::ops::Activation;

use super::{Text, Towers, Vision};
use crate::ModelError;
use crate::settings::{ASK, activation, eps, heads, layers, under};
use crate::source::{Source, Witness};
use crate::vit::{KEYS, Layer, Mlp, MlpForm, Names, Patches, Qkv};

const EPS: f64 = 1e-5;

const NAMES: Names = Names {
    norms: ["layer_norm1", "layer_norm2"],
    qkv: Qkv::Split(["self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj"]),
    out: "self_attn.out_proj",
    scales: ["", ""],
    halves: ["self_attn", "mlp"],
};

impl Towers {
    /// Which of CLIP's two activations it is and how many heads there are is in its configuration only.
    pub fn read(source: &Source, assumed: &mut Vec<String>) -> Result<Self, ModelError> {
        if source.config.is_none() {
            let what = "the tensors do not show which activation (\"hidden_act\") and how many heads \
                        (\"num_attention_heads\") this CLIP has";
            return Err(ModelError::unsupported(what, ASK));
        }
        if source.has("classifier.weight") {
            let what = "this is a CLIPForImageClassification, which is not supported";
            return Err(ModelError::unsupported(what, "choose the CLIPModel, or a ViT with a classifier"));
        }
        let there = |end: &str| {
            source.tensors.is_some_and(|tensors| tensors.names().any(|name| name.ends_with(end)))
        };
        let (vision, text) = match source.setting::<String>("model_type")?.as_deref() {
            Some("clip") => (true, true),
            Some("clip_vision_model") => (true, false),
            Some("clip_text_model") => (false, true),
            _ => (there("embeddings.class_embedding"), there("embeddings.token_embedding.weight")),
        };
        let both = vision && text;
        Ok(Self {
            vision: vision.then(|| Tower::read(source, both, "vision")?.vision(assumed)).transpose()?,
            text: (text || !vision).then(|| Tower::read(source, both, "text")?.text(assumed)).transpose()?,
        })
    }
}

/// Where a tower's sizes stand.
struct Tower<'a> {
    source: Source<'a>,
    prefix: &'static str,
    projection: Option<usize>,
}

impl<'a> Tower<'a> {
    fn read(whole: &Source<'a>, both: bool, which: &str) -> Result<Self, ModelError> {
        let vision = which == "vision";
        let prefix = if vision { "vision_model." } else { "text_model." };
        let weight = if vision { "visual_projection.weight" } else { "text_projection.weight" };
        let classes: Vec<String> = whole.setting("architectures")?.unwrap_or_default();
        let said = classes.first().is_some_and(|class| class.ends_with("WithProjection"));
        let projected = both || said || whole.has(weight);
        let witness = Witness { tensor: weight, axis: 0, axes: 2 };
        let prefixed = match whole.tensors {
            Some(tensors) => tensors.names().any(|name| name.starts_with(prefix)),
            None => projected,
        };
        Ok(Self {
            source: if both { inner(whole, vision)? } else { Source { config: whole.config, tensors: whole.tensors } },
            prefix: if prefixed { prefix } else { "" },
            projection: projected.then(|| whole.size("projection_dim", witness)).transpose()?,
        })
    }

    fn name(&self, part: &str) -> String {
        format!("{}{part}", self.prefix)
    }

    fn vision(self, assumed: &mut Vec<String>) -> Result<Vision, ModelError> {
        let source = &self.source;
        let table = self.name("embeddings.position_embedding.weight");
        let positions = (Witness { tensor: &table, axis: 0, axes: 2 }, 1);
        let conv = self.name("embeddings.patch_embedding");
        let image = source.setting("image_size")?;
        let patches = Patches::read(source, &KEYS, &conv, image, positions, assumed)?.square(&KEYS)?;
        let layer = self.layer(patches.features, false, assumed)?;
        Ok(Vision {
            prefix: self.prefix,
            patches: Patches { bias: false, ..patches },
            layers: self.layers()?,
            layer,
            projection: self.projection,
        })
    }

    fn text(self, assumed: &mut Vec<String>) -> Result<Text, ModelError> {
        let source = &self.source;
        let tokens = self.name("embeddings.token_embedding.weight");
        let positions = self.name("embeddings.position_embedding.weight");
        let table = |tensor, axis| Witness { tensor, axis, axes: 2 };
        let vocabulary = source.size("vocab_size", table(&tokens, 0))?;
        let features = source.size("hidden_size", table(&tokens, 1))?;
        Ok(Text {
            prefix: self.prefix,
            vocabulary,
            context: source.size("max_position_embeddings", table(&positions, 0))?,
            end: end(source, vocabulary, assumed)?,
            layers: self.layers()?,
            layer: self.layer(features, true, assumed)?,
            projection: self.projection,
        })
    }

    fn layers(&self) -> Result<usize, ModelError> {
        layers(&self.source, "num_hidden_layers", &self.name("encoder.layers."))
    }

    fn layer(&self, features: usize, causal: bool, assumed: &mut Vec<String>) -> Result<Layer, ModelError> {
        let source = &self.source;
        let inner = self.name("encoder.layers.0.mlp.fc1.weight");
        let hidden = source.size("intermediate_size", Witness { tensor: &inner, axis: 0, axes: 2 })?;
        let activation = activation(source, "hidden_act", Activation::QuickGelu, assumed)?;
        Ok(Layer {
            names: &NAMES,
            features,
            heads: heads(source, "num_attention_heads", ("hidden_size", features), None, assumed)?,
            causal,
            qkv_bias: true,
            bias: true,
            scaled: false,
            mlp: Mlp { form: MlpForm::Plain("mlp.fc1"), out: "mlp.fc2", hidden, activation },
            eps: eps(source, "layer_norm_eps", EPS, assumed)?,
        })
    }
}

/// A tower's own configuration. Where an old one is there twice, upstream takes the second.
fn inner<'a>(whole: &Source<'a>, vision: bool) -> Result<Source<'a>, ModelError> {
    let (key, old) = if vision { ("vision_config", "vision_config_dict") } else { ("text_config", "text_config_dict") };
    let twice = under(whole, old)?;
    if twice.config.is_some() { Ok(twice) } else { under(whole, key) }
}

/// The token that ends a text. Upstream takes a text's summary at its first place, or, where this is 2, at the first
/// place of the highest token, which is the same if no token is higher.
fn end(source: &Source, vocabulary: usize, assumed: &mut Vec<String>) -> Result<usize, ModelError> {
    let highest = vocabulary.saturating_sub(1);
    match source.setting("eos_token_id")? {
        None => {
            assumed.push(format!("texts end with token {highest}"));
            Ok(highest)
        }
        Some(end) if end == 2 || end == highest => Ok(end),
        Some(end) => {
            let want = format!("2, or {highest}, the highest of the {vocabulary} tokens; other ends are not supported");
            Err(ModelError::setting("eos_token_id", want, end))
        }
    }
}
