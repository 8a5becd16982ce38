//! A ViT's sizes from its configuration and its tensors.

use secateur_formats::quote;
use secateur_graph::ops::Activation;

use super::{Head, KEYS, Layer, Mlp, MlpForm, NAMES, Patches, Pooler, Sizes, TWO, special_tokens};
use crate::ModelError;
use crate::settings::{activation, eps, heads, layers, present};
use crate::source::{Source, Witness};

/// Hugging Face's default; Google's own code has 1e-6.
const EPS: f64 = 1e-12;

impl Sizes {
    /// What is neither in the configuration nor in the tensors is assumed, and said so.
    pub fn read(source: &Source, assumed: &mut Vec<String>) -> Result<Self, ModelError> {
        let said = Said::read(source)?;
        let Said { distilled, prefix, .. } = said;
        let positions = format!("{prefix}embeddings.position_embeddings");
        let positions = (Witness { tensor: &positions, axis: 1, axes: 3 }, special_tokens(distilled));
        let conv = format!("{prefix}embeddings.patch_embeddings.projection");
        let patches = Patches::read(source, &KEYS, &conv, source.setting("image_size")?, positions, assumed)?;
        let before = format!("{prefix}encoder.layer.");
        let layers = layers(source, "num_hidden_layers", &before)?;
        let layer = layer(source, &before, patches.features, assumed)?;
        Ok(Self { distilled, prefix, patches, layers, layer, head: said.head(source)? })
    }
}

/// Which of the relatives it is.
struct Said {
    distilled: bool,
    prefix: &'static str,
    /// The config's `architectures`.
    classes: Vec<String>,
}

impl Said {
    /// The tensors' names tell, else the config.
    fn read(source: &Source) -> Result<Self, ModelError> {
        let classes: Vec<String> = source.setting("architectures")?.unwrap_or_default();
        let model_type: Option<String> = source.setting("model_type")?;
        let said = model_type.and_then(|said| ["vit", "deit"].into_iter().find(|known| *known == said));
        let shown = ["vit.", "deit.", ""].into_iter().find(|start| source.has(&format!("{start}embeddings.cls_token")));
        let shown_type = shown.map(|prefix| match prefix {
            "" if source.has("embeddings.distillation_token") => "deit",
            "" => "vit",
            named => named.trim_end_matches('.'),
        });
        if let (Some(said), Some(shown)) = (said, shown_type)
            && said != shown
        {
            let want = format!("{}, since the tensors' names are those of one", quote(shown));
            return Err(ModelError::setting("model_type", want, quote(said)));
        }
        let distilled = shown_type.or(said) == Some("deit");
        let usual = match classes.first().map(String::as_str) {
            Some("ViTModel" | "DeiTModel") => "",
            _ if distilled => "deit.",
            _ => "vit.",
        };
        Ok(Self { distilled, prefix: shown.unwrap_or(usual), classes })
    }

    /// A file without its classifier is named as such, so only names without a prefix make a bare model.
    fn head(&self, source: &Source) -> Result<Head, ModelError> {
        let two = TWO.iter().any(|head| source.has(&format!("{head}.weight")));
        let said = source.tensors.is_none() && self.classes.iter().any(|class| class.ends_with("WithTeacher"));
        if self.distilled && (two || said) {
            return Ok(Head::Two);
        }
        if !self.prefix.is_empty() || source.has("classifier.weight") {
            return Ok(Head::Classifier);
        }
        let weight = "pooler.dense.weight";
        let pooler = match present(source, "add_pooling_layer", weight, true)? {
            true => Some(pooler(source, weight)?),
            false => None,
        };
        Ok(Head::Bare { pooler })
    }
}

fn pooler(source: &Source, weight: &str) -> Result<Pooler, ModelError> {
    let outputs = source.size("pooler_output_size", Witness { tensor: weight, axis: 0, axes: 2 })?;
    let activation = activation(source, "pooler_act", Activation::Tanh, &mut Vec::new())?;
    Ok(Pooler { outputs, activation })
}

/// `before`: what its layers' names start with, up to their number. Published models have 64 features to a head, ViT-H
/// has 80.
fn layer(source: &Source, before: &str, features: usize, assumed: &mut Vec<String>) -> Result<Layer, ModelError> {
    let dense = format!("{before}0.intermediate.dense.weight");
    let query = format!("{before}0.attention.attention.query.bias");
    let size = if features == 1280 { 80 } else { 64 };
    let heads = heads(source, "num_attention_heads", ("hidden_size", features), Some(size), assumed)?;
    let hidden = source.size("intermediate_size", Witness { tensor: &dense, axis: 0, axes: 2 })?;
    let activation = activation(source, "hidden_act", Activation::Gelu, assumed)?;
    Ok(Layer {
        names: &NAMES,
        features,
        heads,
        causal: false,
        qkv_bias: present(source, "qkv_bias", &query, true)?,
        bias: true,
        scaled: false,
        mlp: Mlp { form: MlpForm::Plain("intermediate.dense"), out: "output.dense", hidden, activation },
        eps: eps(source, "layer_norm_eps", EPS, assumed)?,
    })
}
