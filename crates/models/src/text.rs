//! What models of texts share.

use secateur_graph::ops::{Input, Linear};
use secateur_graph::{Builder, GraphError, NodeId};

use crate::Source;
use crate::model::LARGEST_VALUE;

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
