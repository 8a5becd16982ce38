//! What models of texts share.

use secateur_graph::ops::{Input, Linear};
use secateur_graph::{Builder, GraphError, NodeId, Op};
use serde_json::Value;

use crate::model::LARGEST_VALUE;
use crate::{Model, Source};

/// Tokens of the texts that a graph is first built for, if the model's context is not shorter: a page of text, so that
/// counts and sizes stay those of something one would run.
const NOMINAL_TOKENS: usize = 1024;

/// How many tokens the graph's texts have for a start; a large vocabulary's logits must stay within their bound.
pub fn tokens(context: usize, vocabulary: usize) -> usize {
    context.min(NOMINAL_TOKENS).min(LARGEST_VALUE / vocabulary.max(1)).max(1)
}

/// The text, [tokens].
pub fn given(g: &mut Builder, tokens: usize) -> Result<NodeId, GraphError> {
    g.add("tokens", Input::new(&[tokens]), &[])
}

/// What stands before the names, as `{prefix}{tensor}` shows: nothing, as in bare models, or `usual`. Where the file has
/// neither, `usual` goes on to say what is missing.
pub fn prefix<'a>(source: &Source, usual: &'a str, tensor: &str) -> &'a str {
    if source.has(tensor) { "" } else { usual }
}

/// A model's last product, [tokens, features] -> [tokens, vocabulary]: with the matrix of its embedding, or with one of
/// its own.
pub fn head(
    g: &mut Builder,
    name: &str,
    x: NodeId,
    (vocabulary, features): (usize, usize),
    tied: Option<NodeId>,
) -> Result<NodeId, GraphError> {
    let head = Linear::new(features, vocabulary, false);
    match tied {
        Some(embedding) => g.tie(name, head, &[x], embedding),
        None => g.add(name, head, &[x]),
    }
}

/// What a model of texts says about their tokens.
impl Model {
    /// Tokens of the longest text it reads; none where it reads texts of any length.
    pub fn context(&self) -> Option<usize> {
        let rows = |op: &Op| match op {
            Op::AddPosition(table) => Some(table.entries.saturating_sub(table.first)),
            _ => None,
        };
        let said = self.config.get("max_position_embeddings").and_then(Value::as_u64);
        let tables = self.graph.nodes.iter().filter_map(|node| rows(&node.op));
        tables.min().or(said.and_then(|tokens| tokens.try_into().ok()))
    }

    /// The token that texts begin with, where its configuration names one.
    pub fn begins(&self) -> Option<u32> {
        self.config.get("bos_token_id").and_then(token)
    }

    /// The tokens that end a text: none, one or several.
    pub fn ends(&self) -> Vec<u32> {
        match self.config.get("eos_token_id") {
            Some(Value::Array(several)) => several.iter().filter_map(token).collect(),
            one => one.and_then(token).into_iter().collect(),
        }
    }
}

fn token(id: &Value) -> Option<u32> {
    id.as_u64()?.try_into().ok()
}
