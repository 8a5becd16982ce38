//! Recurrent networks on text as torch.nn names them: an embedding, one to many layers of RNN, GRU or LSTM, a linear
//! head. They tell the next token at every token (as PyTorch's word_language_model) or the class of the whole text.

mod read;

use secateur_graph::ops::{Cell, Concat, Embedding, Input, LastToken, Linear, Recurrent, SelectToken};
use secateur_graph::{Builder, Graph, GraphError, NodeId, grouped};
use serde_json::{Map, Value, json};

use crate::model::{Plan, Task};
use crate::source::Source;
use crate::{Family, ModelError, Tensors};

const NEXT_TOKEN: &str = "next-token";
const CLASSES: &str = "classes";

/// What the first recurrent layer's name ends in.
const FIRST: &str = ".weight_hh_l0";

pub struct RecurrentText;

impl Family for RecurrentText {
    fn id(&self) -> &'static str {
        "recurrent"
    }

    fn model_types(&self) -> &'static [&'static str] {
        &["recurrent"]
    }

    fn claims(&self, tensors: &Tensors) -> bool {
        tensors.names().any(|name| name.ends_with(FIRST))
    }

    fn plan(&self, source: &Source) -> Result<Plan, ModelError> {
        let mut assumed = Vec::new();
        let sizes = Sizes::read(source, &mut assumed)?;
        let head = format!("{}.weight", sizes.names.head);
        let (task, labels) = match sizes.next_token {
            true => (Task::NextToken, Vec::new()),
            false => (Task::TextClasses, source.labels(&head)?),
        };
        let outputs = if sizes.next_token { sizes.entries } else { labels.len() };
        Ok(Plan {
            graph: sizes.graph(outputs)?,
            task,
            pictures: None,
            config: sizes.config(),
            title: sizes.title(outputs),
            labels,
            assumed,
        })
    }
}

/// Everything about a recurrent network but its weights and labels.
struct Sizes {
    names: Names,
    cell: Cell,
    entries: usize,
    /// Of the embedding.
    features: usize,
    hidden: usize,
    layers: usize,
    bidirectional: bool,
    bias: bool,
    /// Most tokens of a text.
    tokens: usize,
    /// Whether the head stands at every token, else at the end of the text.
    next_token: bool,
}

/// Names of the three modules.
struct Names {
    embedding: String,
    recurrent: String,
    head: String,
}

/// What a layer gives: [tokens, hidden] from the first token to the last and, if bidirectional, the other way.
struct States {
    forward: NodeId,
    backward: Option<NodeId>,
}

impl Sizes {
    fn graph(&self, outputs: usize) -> Result<Graph, GraphError> {
        let mut g = Builder::default();
        let ids = g.add("tokens", Input::new(&[self.tokens]), &[])?;
        let table = Embedding { entries: self.entries, features: self.features };
        let x = g.add(&self.names.embedding, table, &[ids])?;
        let mut states = self.layer(&mut g, 0, x)?;
        for layer in 1..self.layers {
            let x = self.joined(&mut g, layer - 1, &states)?;
            states = self.layer(&mut g, layer, x)?;
        }
        g.block();
        let x = if self.next_token { states.forward } else { self.last(&mut g, &states)? };
        let features = g.shape(x).last().copied().unwrap_or(0);
        let logits = g.add(&self.names.head, Linear::new(features, outputs, true), &[x])?;
        Ok(g.finish(logits))
    }

    fn layer(&self, g: &mut Builder, layer: usize, x: NodeId) -> Result<States, GraphError> {
        g.block();
        let inputs = g.shape(x)[1];
        let mut add = |reverse: bool, name: String| {
            let &Self { cell, hidden, bias, .. } = self;
            let op = Recurrent { cell, inputs, hidden, bias, layer, reverse };
            g.add_of(&name, &self.names.recurrent, op, &[x])
        };
        let name = self.name(layer);
        let forward = add(false, name.clone())?;
        let backward = self.bidirectional.then(|| add(true, format!("{name}_reverse"))).transpose()?;
        Ok(States { forward, backward })
    }

    /// What the next layer reads, [tokens, hidden or twice that].
    fn joined(&self, g: &mut Builder, layer: usize, states: &States) -> Result<NodeId, GraphError> {
        match states.backward {
            None => Ok(states.forward),
            Some(backward) => {
                g.add(&format!("{}.both", self.name(layer)), Concat { axis: 1 }, &[states.forward, backward])
            }
        }
    }

    /// What has been read when all has been read: the last state, and backwards the first.
    fn last(&self, g: &mut Builder, states: &States) -> Result<NodeId, GraphError> {
        let last = g.add("last", LastToken, &[states.forward])?;
        let Some(backward) = states.backward else { return Ok(last) };
        let first = g.add("first", SelectToken { index: 0 }, &[backward])?;
        g.add("ends", Concat { axis: 0 }, &[last, first])
    }

    fn name(&self, layer: usize) -> String {
        format!("{}.l{layer}", self.names.recurrent)
    }

    fn title(&self, outputs: usize) -> String {
        let Self { layers, hidden, features, .. } = self;
        let (entries, outputs) = (grouped(self.entries as u64), grouped(outputs as u64));
        let cell = match self.cell {
            Cell::Tanh => "RNN",
            Cell::Relu => "ReLU RNN",
            Cell::Gru => "GRU",
            Cell::Lstm => "LSTM",
        };
        let both = if self.bidirectional { " both ways" } else { "" };
        let sizes = format!("{layers} layers of {hidden}{both}, {features} features, {entries} tokens");
        match self.next_token {
            true => format!("{cell} language model with {sizes}"),
            false => format!("{cell} text classifier with {sizes}, {outputs} classes"),
        }
    }

    fn config(&self) -> Map<String, Value> {
        let (cell, nonlinearity) = match self.cell {
            Cell::Tanh => ("rnn", "tanh"),
            Cell::Relu => ("rnn", "relu"),
            Cell::Gru => ("gru", "tanh"),
            Cell::Lstm => ("lstm", "tanh"),
        };
        let config = [
            ("model_type", json!("recurrent")),
            ("task", json!(if self.next_token { NEXT_TOKEN } else { CLASSES })),
            ("cell", json!(cell)),
            ("nonlinearity", json!(nonlinearity)),
            ("vocab_size", json!(self.entries)),
            ("embedding_size", json!(self.features)),
            ("hidden_size", json!(self.hidden)),
            ("num_hidden_layers", json!(self.layers)),
            ("bidirectional", json!(self.bidirectional)),
            ("bias", json!(self.bias)),
            ("max_length", json!(self.tokens)),
            ("embedding_name", json!(self.names.embedding)),
            ("recurrent_name", json!(self.names.recurrent)),
            ("head_name", json!(self.names.head)),
        ];
        config.into_iter().map(|(key, value)| (key.to_string(), value)).collect()
    }
}
