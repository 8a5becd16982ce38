//! BERT (Devlin et al., 2018) and its relatives as Hugging Face stores them: RoBERTa (Liu et al., 2019), DistilBERT (Sanh
//! et al., 2019) and small ones such as MiniLM. Each bare, with a masked language model's head, or with a classifier.
//! Norms come last.

mod read;
mod words;

use secateur_graph::ops::{
    Activation, Add, AddPosition, Attention, Bias, Embedding, Input, LayerNorm, Linear, MeanTokens, Normalize,
    SelectToken,
};
use secateur_graph::{Builder, Graph, GraphError, NodeId, grouped};
use serde_json::{Map, Value, json};

use crate::model::{Plan, Task};
use crate::source::Source;
use crate::{Family, ModelError, Tensors, settings, text};
use words::{ALL, Masked, Words};

pub struct Bert;

impl Family for Bert {
    fn id(&self) -> &'static str {
        "bert"
    }

    fn model_types(&self) -> &'static [&'static str] {
        &["bert", "roberta", "xlm-roberta", "camembert", "distilbert"]
    }

    fn claims(&self, tensors: &Tensors) -> bool {
        let has = |prefix: &str, words: &Words| {
            let query = format!("{prefix}{}.0.{}.weight", words.layer.list, words.layer.query);
            tensors.has(&format!("{prefix}embeddings.word_embeddings.weight")) && tensors.has(&query)
        };
        ALL.iter().any(|words| ["", words.prefix].iter().any(|prefix| has(prefix, words)))
    }

    /// Positions' numbers, heads of the first training, and what a tied head may be saved with besides.
    fn unused(&self, name: &str) -> bool {
        let of_decoder = |masked: &Masked| name.strip_prefix(masked.decoder).is_some_and(|rest| rest.starts_with('.'));
        let inner = ALL.iter().find_map(|words| name.strip_prefix(words.prefix)).unwrap_or(name);
        inner == "embeddings.position_ids"
            || inner.starts_with("pooler.dense.")
            || name.starts_with("cls.seq_relationship.")
            || ALL.iter().any(|words| of_decoder(&words.masked))
    }

    fn plan(&self, source: &Source) -> Result<Plan, ModelError> {
        let mut assumed = Vec::new();
        let sizes = Sizes::read(source, &mut assumed)?;
        let labels = match sizes.head {
            Head::Classes => source.labels(&format!("{}.weight", sizes.words.classifier.out))?,
            _ => Vec::new(),
        };
        if sizes.head == Head::Bare {
            assumed.push("a text's embedding is the mean over its tokens, of length 1".into());
        }
        let mut graph = sizes.graph(labels.len())?;
        if source.has(&format!("{}embeddings.LayerNorm.gamma", sizes.prefix)) {
            with_first_names(&mut graph);
        }
        Ok(Plan {
            graph,
            task: sizes.head.task(),
            pictures: None,
            config: sizes.config(),
            title: sizes.title(labels.len()),
            labels,
            assumed,
        })
    }
}

/// What a model answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Head {
    Bare,
    Masked,
    Classes,
}

impl Head {
    fn task(self) -> Task {
        match self {
            Self::Bare => Task::TextFeatures,
            Self::Masked => Task::MaskedToken,
            Self::Classes => Task::TextClasses,
        }
    }
}

/// Everything about such a model but its weights and labels.
struct Sizes {
    words: &'static Words,
    /// Its place in the lists of model types and classes.
    variant: usize,
    head: Head,
    /// What the encoder's names start with.
    prefix: &'static str,
    vocabulary: usize,
    /// Rows of the table of positions.
    positions: usize,
    /// The first token's row in it.
    first: usize,
    /// Kinds of segments.
    types: Option<usize>,
    features: usize,
    layers: usize,
    heads: usize,
    hidden: usize,
    activation: Activation,
    eps: f64,
}

impl Sizes {
    fn graph(&self, classes: usize) -> Result<Graph, GraphError> {
        let mut g = Builder::default();
        let (embedding, mut x) = self.embeddings(&mut g)?;
        for layer in 0..self.layers {
            g.block();
            x = self.layer(&mut g, &format!("{}{}.{layer}", self.prefix, self.words.layer.list), x)?;
        }
        g.block();
        match self.head {
            Head::Bare => {
                let mean = g.add("mean", MeanTokens { from: 0 }, &[x])?;
                let mean = g.add("embedding", Normalize, &[mean])?;
                Ok(g.finish_with(&[("hidden", x), ("embedding", mean)]))
            }
            Head::Masked => {
                let logits = self.masked(&mut g, x, embedding)?;
                Ok(g.finish(logits))
            }
            Head::Classes => {
                let logits = self.classifier(&mut g, x, classes)?;
                Ok(g.finish(logits))
            }
        }
    }

    /// [tokens] -> the table's node and [tokens, features]
    fn embeddings(&self, g: &mut Builder) -> Result<(NodeId, NodeId), GraphError> {
        let &Self { vocabulary, positions, first, features, .. } = self;
        let name = |part: &str| format!("{}embeddings.{part}", self.prefix);
        let tokens = text::tokens(positions.saturating_sub(first), vocabulary);
        let ids = text::given(g, tokens)?;
        let table = g.add(&name("word_embeddings"), Embedding { entries: vocabulary, features }, &[ids])?;
        let mut x = table;
        if let Some(entries) = self.types {
            let types = g.add("token_type_ids", Input { shape: vec![tokens], optional: true }, &[])?;
            let types = g.add(&name("token_type_embeddings"), Embedding { entries, features }, &[types])?;
            x = g.add(&name("with_types"), Add, &[x, types])?;
        }
        let position = AddPosition { first, ..AddPosition::embedding(positions, features) };
        let x = g.add(&name("position_embeddings"), position, &[x])?;
        Ok((table, g.add(&name("LayerNorm"), self.norm(), &[x])?))
    }

    /// One encoder layer, [tokens, features] -> the same.
    fn layer(&self, g: &mut Builder, layer: &str, x: NodeId) -> Result<NodeId, GraphError> {
        let (&Self { features, heads, hidden, .. }, words) = (self, &self.words.layer);
        let name = |part: &str| format!("{layer}.{part}");
        let square = || Linear::new(features, features, true);
        let q = g.add(&name(words.query), square(), &[x])?;
        let k = g.add(&name(words.key), square(), &[x])?;
        let v = g.add(&name(words.value), square(), &[x])?;
        let mixed = g.add(&name("attention"), Attention::full(heads, features / heads), &[q, k, v])?;
        let mixed = g.add(&name(words.mix), square(), &[mixed])?;
        let x = g.add(&name("attention.residual"), Add, &[mixed, x])?;
        let x = g.add(&name(words.mix_norm), self.norm(), &[x])?;
        let y = g.add(&name(words.up), Linear::new(features, hidden, true), &[x])?;
        let y = g.add(&name("activation"), self.activation, &[y])?;
        let y = g.add(&name(words.down), Linear::new(hidden, features, true), &[y])?;
        let x = g.add(&name("residual"), Add, &[y, x])?;
        g.add(&name(words.norm), self.norm(), &[x])
    }

    /// [tokens, features] -> [tokens, vocabulary], by the embedding's matrix and a bias of its own.
    fn masked(&self, g: &mut Builder, x: NodeId, embedding: NodeId) -> Result<NodeId, GraphError> {
        let (&Self { features, vocabulary, .. }, words) = (self, &self.words.masked);
        let x = g.add(words.dense, Linear::new(features, features, true), &[x])?;
        let x = g.add("head.activation", words.activation.unwrap_or(self.activation), &[x])?;
        let x = g.add(words.norm, self.norm(), &[x])?;
        let x = text::head(g, words.decoder, x, (vocabulary, features), Some(embedding))?;
        g.add(words.bias, Bias { features: vocabulary }, &[x])
    }

    /// [tokens, features] -> [classes], from the first token.
    fn classifier(&self, g: &mut Builder, x: NodeId, classes: usize) -> Result<NodeId, GraphError> {
        let (features, words) = (self.features, &self.words.classifier);
        let x = g.add("first_token", SelectToken { index: 0 }, &[x])?;
        let x = g.add(words.dense, Linear::new(features, features, true), &[x])?;
        let x = g.add("head.activation", words.activation, &[x])?;
        g.add(words.out, Linear::new(features, classes, true), &[x])
    }

    fn norm(&self) -> LayerNorm {
        LayerNorm::new(self.features, self.eps)
    }

    fn title(&self, classes: usize) -> String {
        let Self { layers, heads, features, .. } = self;
        let what = match self.head {
            Head::Bare => "text encoder".to_string(),
            Head::Masked => "masked language model".to_string(),
            Head::Classes => format!("text classifier of {} classes", grouped(classes as u64)),
        };
        let tokens = grouped(self.positions.saturating_sub(self.first) as u64);
        format!(
            "{} {what} with {layers} layers of {heads} heads, {features} features, texts of up to {tokens} tokens, a \
             vocabulary of {}",
            self.words.title,
            grouped(self.vocabulary as u64)
        )
    }

    /// As Hugging Face writes it.
    fn config(&self) -> Map<String, Value> {
        let keys = &self.words.settings;
        let config = [
            ("architectures", json!([format!("{}{}", self.words.classes[self.variant], self.head.class())])),
            ("model_type", json!(self.words.model_types[self.variant])),
            ("vocab_size", json!(self.vocabulary)),
            ("max_position_embeddings", json!(self.positions)),
            (keys.features, json!(self.features)),
            (keys.layers, json!(self.layers)),
            (keys.heads, json!(self.heads)),
            (keys.hidden, json!(self.hidden)),
            (keys.activation, json!(settings::activation_word(self.activation))),
        ];
        let own = [
            keys.eps.map(|key| (key, json!(self.eps))),
            keys.types.zip(self.types).map(|(key, types)| (key, json!(types))),
            keys.padding.map(|key| (key, json!(self.first - 1))),
        ];
        let config = config.into_iter().chain(own.into_iter().flatten());
        config.map(|(key, value)| (key.to_string(), value)).collect()
    }
}

/// Files made from the first, TensorFlow, checkpoints call a norm's scale gamma and its shift beta.
fn with_first_names(graph: &mut Graph) {
    for param in &mut graph.params {
        for (ours, theirs) in [("LayerNorm.weight", "LayerNorm.gamma"), ("LayerNorm.bias", "LayerNorm.beta")] {
            if let Some(module) = param.name.strip_suffix(ours) {
                param.name = format!("{module}{theirs}");
            }
        }
    }
}
