//! Such a model's sizes from its configuration and its tensors.

use secateur_formats::quote;
use secateur_graph::ops::Activation;
use serde_json::{Value, json};

use super::{Biases, Kind, Sizes, rope};
use crate::source::{Source, Witness, bounded};
use crate::{ModelError, settings, text};

/// Bounds for arithmetic and memory, far above real models.
const MOST_HEADS: usize = 1 << 12;
pub const MOST_TOKENS: usize = 1 << 24;

/// Settings that Hugging Face's classes have where the config is silent.
const CONTEXT: usize = 2048;
const WINDOW: usize = 4096;
const FIRST_WINDOW: usize = 28;
const QWEN3_HEAD: usize = 128;

impl Sizes {
    /// What is neither in the configuration nor in the tensors is assumed, and said so.
    pub fn read(source: &Source, assumed: &mut Vec<String>) -> Result<Self, ModelError> {
        let kind = Kind::read(source)?;
        let prefix = text::prefix(source, "model.", "embed_tokens.weight");
        let table = format!("{prefix}embed_tokens.weight");
        let first = |part: &str| format!("{prefix}layers.0.{part}");
        let features = source.size("hidden_size", Witness { tensor: &table, axis: 1, axes: 2 })?;
        let layers = settings::layers(source, "num_hidden_layers", &format!("{prefix}layers."))?;
        let heads = source.setting("num_attention_heads")?;
        let heads = heads.ok_or_else(|| ModelError::setting("num_attention_heads", "there", "nothing"))?;
        let heads = bounded("num_attention_heads", heads, MOST_HEADS)?;
        let head_dim = kind.head_dim(source, heads, features, &first("self_attn.q_norm.weight"))?;
        let context = bounded("max_position_embeddings", context(source, assumed)?, MOST_TOKENS)?;
        let (base, scaling) = rope::read(source, context, assumed)?;
        let gate = first("mlp.gate_proj.weight");
        Ok(Self {
            kind,
            prefix,
            vocabulary: source.size("vocab_size", Witness { tensor: &table, axis: 0, axes: 2 })?,
            context,
            features,
            heads,
            kv_heads: kv_heads(source, heads, head_dim, &first("self_attn.k_proj.weight"))?,
            head_dim,
            hidden: source.size("intermediate_size", Witness { tensor: &gate, axis: 0, axes: 2 })?,
            windows: kind.windows(source, layers, assumed)?,
            base,
            scaling,
            bias: kind.biases(source, &first)?,
            activation: settings::activation(source, "hidden_act", Activation::Silu, assumed)?,
            eps: settings::eps(source, "rms_norm_eps", 1e-6, assumed)?,
            tied: tied(source)?,
        })
    }

    /// The settings that only this kind has, as Hugging Face writes them.
    pub fn own_settings(&self) -> Vec<(&'static str, Value)> {
        let window = self.windows.iter().flatten().next();
        let word = |window: &Option<usize>| if window.is_some() { "sliding_attention" } else { "full_attention" };
        let bias = ("attention_bias", json!(self.bias.qkv));
        let windows = [
            ("use_sliding_window", json!(window.is_some())),
            ("sliding_window", json!(window)),
            ("layer_types", self.windows.iter().map(word).collect()),
        ];
        match self.kind {
            Kind::Llama => vec![bias, ("mlp_bias", json!(self.bias.mlp))],
            Kind::Mistral => vec![("sliding_window", json!(window))],
            Kind::Qwen2 => windows.into(),
            Kind::Qwen3 => [bias].into_iter().chain(windows).collect(),
        }
    }
}

impl Kind {
    const ALL: [Self; 4] = [Self::Llama, Self::Mistral, Self::Qwen2, Self::Qwen3];

    /// Tensors do not show the heads or the angles, and the relatives look alike.
    fn read(source: &Source) -> Result<Self, ModelError> {
        if source.config.is_none() {
            let what = "the tensors of a model like Llama do not show its \"model_type\", \"num_attention_heads\" and \
                        \"rope_theta\"";
            return Err(ModelError::unsupported(what, settings::ASK));
        }
        let word: Option<String> = source.setting("model_type")?;
        let kind = Self::ALL.into_iter().find(|kind| Some(kind.word()) == word.as_deref());
        kind.ok_or_else(|| {
            let got = word.map_or("nothing".into(), |word| quote(&word));
            ModelError::setting("model_type", "llama, mistral, qwen2 or qwen3", got)
        })
    }

    /// Its `model_type`.
    pub fn word(self) -> &'static str {
        match self {
            Self::Llama => "llama",
            Self::Mistral => "mistral",
            Self::Qwen2 => "qwen2",
            Self::Qwen3 => "qwen3",
        }
    }

    /// Features of one head.
    fn head_dim(self, source: &Source, heads: usize, features: usize, norm: &str) -> Result<usize, ModelError> {
        let usual = match self {
            Self::Qwen3 => (!source.has(norm)).then_some(QWEN3_HEAD),
            _ => Some(features / heads),
        };
        let said = source.setting("head_dim")?.or(usual);
        let size = source.agreed("head_dim", said, Witness { tensor: norm, axis: 0, axes: 1 })?;
        bounded("head_dim", size, MOST_HEADS)
    }

    fn biases(self, source: &Source, first: &impl Fn(&str) -> String) -> Result<Biases, ModelError> {
        let asked = |key, part| settings::present(source, key, &first(part), false);
        Ok(match self {
            Self::Mistral => Biases { qkv: false, output: false, mlp: false },
            Self::Qwen2 => Biases { qkv: true, output: false, mlp: false },
            Self::Llama | Self::Qwen3 => {
                let attention = asked("attention_bias", "self_attn.q_proj.bias")?;
                let mlp = self == Self::Llama && asked("mlp_bias", "mlp.gate_proj.bias")?;
                Biases { qkv: attention, output: attention, mlp }
            }
        })
    }

    /// For each layer, how many tokens one sees where that is limited.
    fn windows(
        self,
        source: &Source,
        layers: usize,
        assumed: &mut Vec<String>,
    ) -> Result<Vec<Option<usize>>, ModelError> {
        match self {
            Self::Llama => Ok(vec![None; layers]),
            Self::Mistral => Ok(vec![window(source, assumed)?; layers]),
            Self::Qwen2 | Self::Qwen3 if source.setting("use_sliding_window")? == Some(true) => {
                let window = window(source, assumed)?;
                let limited = limited(source, layers)?;
                Ok(limited.into_iter().map(|limited| window.filter(|_| limited)).collect())
            }
            Self::Qwen2 | Self::Qwen3 if limited(source, layers)?.contains(&true) => {
                let want = "full_attention for each layer, since use_sliding_window is not true";
                Err(ModelError::setting("layer_types", want, "sliding_attention"))
            }
            Self::Qwen2 | Self::Qwen3 => Ok(vec![None; layers]),
        }
    }
}

/// How many tokens one sees. Null means all; a config that lacks it means Hugging Face's default.
fn window(source: &Source, assumed: &mut Vec<String>) -> Result<Option<usize>, ModelError> {
    let key = "sliding_window";
    let absent = source.config.is_some_and(|config| config.get(key).is_none());
    if absent {
        assumed.push(format!("a sliding window of {WINDOW} tokens"));
        return Ok(Some(WINDOW));
    }
    source.setting(key)?.map(|tokens| bounded(key, tokens, MOST_TOKENS)).transpose()
}

/// Which layers see a window only: those listed, else the later ones.
fn limited(source: &Source, layers: usize) -> Result<Vec<bool>, ModelError> {
    let key = "layer_types";
    let Some(types) = source.setting::<Vec<String>>(key)? else {
        let first = source.setting("max_window_layers")?.unwrap_or(FIRST_WINDOW);
        let asked = source.setting("use_sliding_window")? == Some(true);
        return Ok((0..layers).map(|layer| asked && layer >= first).collect());
    };
    if types.len() != layers {
        return Err(ModelError::setting(key, format!("one for each of the {layers} layers"), types.len()));
    }
    let limited = |word: &String| match word.as_str() {
        "full_attention" => Ok(false),
        "sliding_attention" => Ok(true),
        other => {
            let want = "full_attention and sliding_attention, which are supported";
            Err(ModelError::setting(key, want, quote(other)))
        }
    };
    types.iter().map(limited).collect()
}

/// How many heads there are for keys and values.
fn kv_heads(source: &Source, heads: usize, head_dim: usize, keys: &str) -> Result<usize, ModelError> {
    let key = "num_key_value_heads";
    let shown = source.tensors.and_then(|tensors| tensors.shape(keys)?.first().map(|rows| rows / head_dim));
    let kv_heads = source.setting(key)?.or(shown).unwrap_or(heads);
    let fits = heads.checked_rem(kv_heads) == Some(0);
    fits.then_some(kv_heads).ok_or_else(|| {
        ModelError::setting(key, format!("a divisor of num_attention_heads = {heads}"), kv_heads)
    })
}

fn context(source: &Source, assumed: &mut Vec<String>) -> Result<usize, ModelError> {
    let said = source.setting("max_position_embeddings")?;
    if said.is_none() {
        assumed.push(format!("texts of up to {CONTEXT} tokens"));
    }
    Ok(said.unwrap_or(CONTEXT))
}

/// Whether the head is the embedding's matrix.
fn tied(source: &Source) -> Result<bool, ModelError> {
    let shown = source.tensors.is_some_and(|tensors| !tensors.has("lm_head.weight"));
    Ok(source.setting("tie_word_embeddings")?.unwrap_or(shown))
}
