//! GPT-2 (Radford et al., 2019) as Hugging Face stores it, `GPT2LMHeadModel`: norms come first, matrices are stored
//! [inputs, outputs], and the head is the embedding's matrix.

use secateur_graph::ops::{Activation, Add, AddPosition, Attention, Embedding, LayerNorm, Linear, Slice};
use secateur_graph::{Builder, Graph, GraphError, NodeId, grouped};
use serde_json::{Map, Value, json};

use crate::model::{Plan, Task};
use crate::source::{Source, Witness};
use crate::{Family, ModelError, Tensors, settings, text};

/// The published models' features to a head.
const HEAD: usize = 64;

pub struct Gpt2;

impl Family for Gpt2 {
    fn id(&self) -> &'static str {
        "gpt2"
    }

    fn model_types(&self) -> &'static [&'static str] {
        &["gpt2"]
    }

    fn claims(&self, tensors: &Tensors) -> bool {
        ["", "transformer."].iter().any(|prefix| tensors.has(&format!("{prefix}h.0.attn.c_attn.weight")))
    }

    /// Causal masks, which older files hold, and the copy of the embedding that a tied head may be saved with.
    fn unused(&self, name: &str) -> bool {
        name.ends_with(".attn.bias") || name.ends_with(".attn.masked_bias") || name == "lm_head.weight"
    }

    fn plan(&self, source: &Source) -> Result<Plan, ModelError> {
        let mut assumed = Vec::new();
        let sizes = Sizes::read(source, &mut assumed)?;
        Ok(Plan {
            graph: sizes.graph()?,
            task: Task::NextToken,
            labels: Vec::new(),
            pictures: None,
            config: sizes.config(),
            title: sizes.title(),
            assumed,
        })
    }
}

/// Everything about a GPT-2 but its weights.
struct Sizes {
    /// `transformer.` or nothing: what the names start with.
    prefix: &'static str,
    vocabulary: usize,
    context: usize,
    features: usize,
    layers: usize,
    heads: usize,
    hidden: usize,
    activation: Activation,
    eps: f64,
    tied: bool,
}

impl Sizes {
    fn read(source: &Source, assumed: &mut Vec<String>) -> Result<Self, ModelError> {
        settings::only(source, "scale_attn_weights", true)?;
        settings::only(source, "scale_attn_by_inverse_layer_idx", false)?;
        settings::only(source, "add_cross_attention", false)?;
        let prefix = text::prefix(source, "transformer.", "wte.weight");
        let (tokens, positions) = (format!("{prefix}wte.weight"), format!("{prefix}wpe.weight"));
        let features = source.size("n_embd", Witness { tensor: &tokens, axis: 1, axes: 2 })?;
        Ok(Self {
            prefix,
            vocabulary: source.size("vocab_size", Witness { tensor: &tokens, axis: 0, axes: 2 })?,
            context: source.size("n_positions", Witness { tensor: &positions, axis: 0, axes: 2 })?,
            features,
            layers: settings::layers(source, "n_layer", &format!("{prefix}h."))?,
            heads: settings::heads(source, "n_head", ("n_embd", features), Some(HEAD), assumed)?,
            hidden: hidden(source, prefix, features)?,
            activation: settings::activation(source, "activation_function", Activation::GeluTanh, assumed)?,
            eps: settings::eps(source, "layer_norm_epsilon", 1e-5, assumed)?,
            tied: source.setting("tie_word_embeddings")?.unwrap_or(true),
        })
    }

    fn graph(&self) -> Result<Graph, GraphError> {
        let &Self { vocabulary, context, features, .. } = self;
        let name = |part: &str| format!("{}{part}", self.prefix);
        let mut g = Builder::default();
        let ids = text::given(&mut g, text::tokens(context, vocabulary))?;
        let embedding = g.add(&name("wte"), Embedding { entries: vocabulary, features }, &[ids])?;
        let mut x = g.add(&name("wpe"), AddPosition::embedding(context, features), &[embedding])?;
        for layer in 0..self.layers {
            g.block();
            x = self.layer(&mut g, &name(&format!("h.{layer}")), x)?;
        }
        g.block();
        let x = g.add(&name("ln_f"), self.norm(), &[x])?;
        let logits = text::head(&mut g, "lm_head", x, (vocabulary, features), self.tied.then_some(embedding))?;
        Ok(g.finish(logits))
    }

    /// One decoder layer, [tokens, features] -> the same.
    fn layer(&self, g: &mut Builder, layer: &str, x: NodeId) -> Result<NodeId, GraphError> {
        let &Self { features, heads, hidden, .. } = self;
        let name = |part: &str| format!("{layer}.{part}");
        let linear = |inputs, outputs| Linear { transposed: true, ..Linear::new(inputs, outputs, true) };
        let normed = g.add(&name("ln_1"), self.norm(), &[x])?;
        let fused = g.add(&name("attn.c_attn"), linear(features, 3 * features), &[normed])?;
        let part = |start| Slice { axis: 1, start, len: features };
        let q = g.add(&name("attn.query"), part(0), &[fused])?;
        let k = g.add(&name("attn.key"), part(features), &[fused])?;
        let v = g.add(&name("attn.value"), part(2 * features), &[fused])?;
        let attention = Attention { causal: true, ..Attention::full(heads, features / heads) };
        let mixed = g.add(&name("attn"), attention, &[q, k, v])?;
        let mixed = g.add(&name("attn.c_proj"), linear(features, features), &[mixed])?;
        let x = g.add(&name("attn.residual"), Add, &[x, mixed])?;
        let y = g.add(&name("ln_2"), self.norm(), &[x])?;
        let y = g.add(&name("mlp.c_fc"), linear(features, hidden), &[y])?;
        let y = g.add(&name("mlp.act"), self.activation, &[y])?;
        let y = g.add(&name("mlp.c_proj"), linear(hidden, features), &[y])?;
        g.add(&name("mlp.residual"), Add, &[x, y])
    }

    fn norm(&self) -> LayerNorm {
        LayerNorm::new(self.features, self.eps)
    }

    fn title(&self) -> String {
        let Self { layers, heads, features, context, .. } = self;
        let (context, vocabulary) = (grouped(*context as u64), grouped(self.vocabulary as u64));
        format!(
            "GPT-2 language model with {layers} layers of {heads} heads, {features} features, texts of up to {context} \
             tokens, a vocabulary of {vocabulary}"
        )
    }

    /// As Hugging Face writes it.
    fn config(&self) -> Map<String, Value> {
        let config = [
            ("architectures", json!(["GPT2LMHeadModel"])),
            ("model_type", json!("gpt2")),
            ("vocab_size", json!(self.vocabulary)),
            ("n_positions", json!(self.context)),
            ("n_embd", json!(self.features)),
            ("n_layer", json!(self.layers)),
            ("n_head", json!(self.heads)),
            ("n_inner", json!(self.hidden)),
            ("activation_function", json!(settings::activation_word(self.activation))),
            ("layer_norm_epsilon", json!(self.eps)),
            ("tie_word_embeddings", json!(self.tied)),
        ];
        config.into_iter().map(|(key, value)| (key.to_string(), value)).collect()
    }
}

/// Neurons of the MLP, four to a feature unless something speaks.
fn hidden(source: &Source, prefix: &str, features: usize) -> Result<usize, ModelError> {
    let tensor = format!("{prefix}h.0.mlp.c_fc.weight");
    let usual = (!source.has(&tensor)).then_some(4 * features);
    source.agreed("n_inner", source.setting("n_inner")?.or(usual), Witness { tensor: &tensor, axis: 1, axes: 2 })
}
