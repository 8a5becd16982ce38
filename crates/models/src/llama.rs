//! Llama (Touvron et al., 2023) and the models built like it, as Hugging Face stores them: Mistral, Qwen2 and Qwen3.
//! Norms come first and divide by the root mean square, positions are rotations, the MLP is gated, and query heads may
//! share keys and values.

mod read;
mod rope;

use secateur_graph::ops::{Activation, Add, Attention, Embedding, Linear, Mul, RmsNorm, Rotary, RotaryScaling};
use secateur_graph::{Builder, Graph, GraphError, NodeId, grouped};
use serde_json::{Map, Value, json};

use crate::model::{Plan, Task};
use crate::source::Source;
use crate::{Family, ModelError, Tensors, settings, text};

pub struct Llama;

impl Family for Llama {
    fn id(&self) -> &'static str {
        "llama"
    }

    fn model_types(&self) -> &'static [&'static str] {
        &["llama", "mistral", "qwen2", "qwen3"]
    }

    fn claims(&self, tensors: &Tensors) -> bool {
        let has = |name: &str| ["", "model."].iter().any(|prefix| tensors.has(&format!("{prefix}{name}")));
        has("embed_tokens.weight") && has("layers.0.self_attn.q_proj.weight") && has("layers.0.mlp.gate_proj.weight")
    }

    /// Frequencies, which older files hold, and the copy of the embedding that a tied head may be saved with.
    fn unused(&self, name: &str) -> bool {
        name.ends_with(".rotary_emb.inv_freq") || name == "lm_head.weight"
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

/// The relatives. They differ in biases, in the norms of queries and keys, and in who sees only a window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Llama,
    Mistral,
    Qwen2,
    Qwen3,
}

/// Everything about such a model but its weights.
struct Sizes {
    kind: Kind,
    /// `model.` or nothing: what the names start with.
    prefix: &'static str,
    vocabulary: usize,
    context: usize,
    features: usize,
    heads: usize,
    kv_heads: usize,
    head_dim: usize,
    hidden: usize,
    /// For each layer, how many tokens one sees where that is limited.
    windows: Vec<Option<usize>>,
    base: f64,
    scaling: RotaryScaling,
    bias: Biases,
    activation: Activation,
    eps: f64,
    tied: bool,
}

/// Which products have one.
struct Biases {
    qkv: bool,
    output: bool,
    mlp: bool,
}

impl Sizes {
    fn graph(&self) -> Result<Graph, GraphError> {
        let &Self { vocabulary, context, features, .. } = self;
        let name = |part: &str| format!("{}{part}", self.prefix);
        let mut g = Builder::default();
        let ids = text::given(&mut g, text::tokens(context, vocabulary))?;
        let embedding = g.add(&name("embed_tokens"), Embedding { entries: vocabulary, features }, &[ids])?;
        let mut x = embedding;
        for (layer, window) in self.windows.iter().enumerate() {
            g.block();
            x = self.layer(&mut g, &name(&format!("layers.{layer}")), *window, x)?;
        }
        g.block();
        let x = g.add(&name("norm"), self.norm(features), &[x])?;
        let logits = text::head(&mut g, "lm_head", x, (vocabulary, features), self.tied.then_some(embedding))?;
        Ok(g.finish(logits))
    }

    /// One decoder layer, [tokens, features] -> the same.
    fn layer(&self, g: &mut Builder, layer: &str, window: Option<usize>, x: NodeId) -> Result<NodeId, GraphError> {
        let name = |part: &str| format!("{layer}.{part}");
        let normed = g.add(&name("input_layernorm"), self.norm(self.features), &[x])?;
        let mixed = self.attention(g, &name("self_attn"), window, normed)?;
        let x = g.add(&name("self_attn.residual"), Add, &[x, mixed])?;
        let y = g.add(&name("post_attention_layernorm"), self.norm(self.features), &[x])?;
        let y = self.mlp(g, &name("mlp"), y)?;
        g.add(&name("mlp.residual"), Add, &[x, y])
    }

    fn attention(&self, g: &mut Builder, at: &str, window: Option<usize>, x: NodeId) -> Result<NodeId, GraphError> {
        let &Self { features, heads, kv_heads, head_dim, .. } = self;
        let name = |part: &str| format!("{at}.{part}");
        let linear = |heads| Linear::new(features, heads * head_dim, self.bias.qkv);
        let q = g.add(&name("q_proj"), linear(heads), &[x])?;
        let q = self.turned(g, &name("q_"), heads, q)?;
        let k = g.add(&name("k_proj"), linear(kv_heads), &[x])?;
        let k = self.turned(g, &name("k_"), kv_heads, k)?;
        let v = g.add(&name("v_proj"), linear(kv_heads), &[x])?;
        let attention = Attention { kv_heads, causal: true, window, ..Attention::full(heads, head_dim) };
        let mixed = g.add(at, attention, &[q, k, v])?;
        g.add(&name("o_proj"), Linear::new(heads * head_dim, features, self.bias.output), &[mixed])
    }

    /// Queries or keys, whose nodes' names start with `at`, turned by their positions; Qwen3 norms each head first.
    fn turned(&self, g: &mut Builder, at: &str, heads: usize, mut x: NodeId) -> Result<NodeId, GraphError> {
        let &Self { head_dim, base, scaling, .. } = self;
        if self.kind == Kind::Qwen3 {
            x = g.add(&format!("{at}norm"), self.norm(head_dim), &[x])?;
        }
        g.add(&format!("{at}rotary"), Rotary::new(heads, head_dim, base, scaling), &[x])
    }

    fn mlp(&self, g: &mut Builder, at: &str, x: NodeId) -> Result<NodeId, GraphError> {
        let &Self { features, hidden, .. } = self;
        let name = |part: &str| format!("{at}.{part}");
        let linear = |inputs, outputs| Linear::new(inputs, outputs, self.bias.mlp);
        let gate = g.add(&name("gate_proj"), linear(features, hidden), &[x])?;
        let gate = g.add(&name("act_fn"), self.activation, &[gate])?;
        let up = g.add(&name("up_proj"), linear(features, hidden), &[x])?;
        let gated = g.add(&name("gated"), Mul, &[gate, up])?;
        g.add(&name("down_proj"), linear(hidden, features), &[gated])
    }

    fn norm(&self, features: usize) -> RmsNorm {
        RmsNorm::new(features, self.eps)
    }

    fn title(&self) -> String {
        let Self { kind, heads, kv_heads, features, .. } = self;
        let (layers, vocabulary) = (self.windows.len(), grouped(self.vocabulary as u64));
        let shared = if heads == kv_heads { String::new() } else { format!(" ({kv_heads} for keys and values)") };
        format!(
            "{kind:?} language model with {layers} layers of {heads} heads{shared}, {features} features, texts of up to \
             {} tokens, a vocabulary of {vocabulary}",
            grouped(self.context as u64)
        )
    }

    /// As Hugging Face writes it.
    fn config(&self) -> Map<String, Value> {
        let class = match self.kind {
            Kind::Llama => "LlamaForCausalLM",
            Kind::Mistral => "MistralForCausalLM",
            Kind::Qwen2 => "Qwen2ForCausalLM",
            Kind::Qwen3 => "Qwen3ForCausalLM",
        };
        let config = [
            ("architectures", json!([class])),
            ("model_type", json!(self.kind.word())),
            ("vocab_size", json!(self.vocabulary)),
            ("max_position_embeddings", json!(self.context)),
            ("hidden_size", json!(self.features)),
            ("num_hidden_layers", json!(self.windows.len())),
            ("num_attention_heads", json!(self.heads)),
            ("num_key_value_heads", json!(self.kv_heads)),
            ("head_dim", json!(self.head_dim)),
            ("intermediate_size", json!(self.hidden)),
            ("hidden_act", json!(settings::activation_word(self.activation))),
            ("rms_norm_eps", json!(self.eps)),
            ("rope_parameters", rope::written(self.base, self.scaling)),
            ("tie_word_embeddings", json!(self.tied)),
        ];
        let config = config.into_iter().chain(self.own_settings());
        config.map(|(key, value)| (key.to_string(), value)).collect()
    }
}
