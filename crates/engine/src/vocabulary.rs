//! Tokens that went, and those that are left: by the whole model's numbers and by the smaller one's.

use std::collections::BTreeMap;

use secateur_exec::{Compute, ExecError, Inputs, probe, probe_among};
use secateur_formats::Tokenizer;
use secateur_graph::Graph;
use secateur_graph::groups::Vocabulary;
use secateur_graph::surgery::Surgery;
use secateur_models::Model;

use crate::checkpoint::Checkpoint;
use crate::session::Runnable;
use crate::stop::Stop;

/// What is known of a model's tokens.
pub(crate) fn vocabulary(model: &Model, tokenizer: Option<&Tokenizer>) -> Vocabulary {
    let Some(rows) = rows(&model.graph) else { return Vocabulary::default() };
    let all = 0..rows as u32;
    let mut needed: BTreeMap<u32, String> = model.needed_tokens();
    let Some(tokenizer) = tokenizer else { return Vocabulary { needed, ..Vocabulary::default() } };
    let by_file = tokenizer.needed().iter().filter(|(token, _)| all.contains(token));
    needed.extend(by_file.map(|(token, why)| (*token, why.clone())));
    let known = all.start..all.end.min(tokenizer.size() as u32);
    let texts = known.map(|token| tokenizer.text_of(token)).collect();
    Vocabulary { texts, needed, merges: tokenizer.merges().to_vec() }
}

/// How many tokens a model knows; none where it reads no texts.
fn rows(graph: &Graph) -> Option<usize> {
    Some(graph.param(graph.token_table()?).dims[0].size)
}

/// The tokens that a cut leaves.
pub(crate) struct Left {
    /// The whole model's numbers, in rising order; their places are the new numbers.
    kept: Vec<usize>,
    tokenizer: Option<Tokenizer>,
}

impl Left {
    /// None where all tokens stay.
    pub fn of<F>(checkpoint: &Checkpoint<F>, surgery: &Surgery) -> Result<Option<Self>, Stop> {
        let Some(kept) = surgery.tokens(&checkpoint.model.graph) else { return Ok(None) };
        let tokenizer = checkpoint.tokenizer.as_ref().map(|tokenizer| tokenizer.only(kept));
        Ok(Some(Self { kept: kept.to_vec(), tokenizer: tokenizer.transpose().map_err(Stop::because)? }))
    }
}

impl Runnable {
    /// Its own tokenizer, where it has fewer tokens than the whole model.
    pub fn tokenizer(&self) -> Option<&Tokenizer> {
        self.left.as_ref()?.tokenizer.as_ref()
    }

    /// The whole model's tokens by this one's numbers, up to the first that it lacks.
    pub fn own(&self, tokens: &[u32]) -> Vec<u32> {
        let Some(Left { kept, .. }) = &self.left else { return tokens.to_vec() };
        tokens.iter().map_while(|token| Some(kept.binary_search(&(*token as usize)).ok()? as u32)).collect()
    }

    /// Its own tokens by the whole model's numbers.
    pub fn whole(&self, tokens: &[u32]) -> Vec<u32> {
        let Some(Left { kept, .. }) = &self.left else { return tokens.to_vec() };
        tokens.iter().map(|token| kept[*token as usize] as u32).collect()
    }

    /// What `probe` draws for this model, as the whole one (or another with its vocabulary) takes it.
    pub fn probe_for(&self, compute: &Compute, graph: &Graph, seed: u64, samples: usize) -> Result<Inputs, ExecError> {
        match &self.left {
            Some(Left { kept, .. }) if rows(graph) != Some(kept.len()) => {
                probe_among(compute, graph, seed, samples, kept)
            }
            _ => probe(compute, graph, seed, samples),
        }
    }

    /// Of the answers of the whole model, or of another with its vocabulary, those that this one gives too.
    pub fn shared(&self, graph: &Graph, answers: Vec<f32>) -> Vec<f32> {
        let width = |graph: &Graph| graph.node(graph.output()).shape.last().copied().unwrap_or(1);
        match &self.left {
            Some(Left { kept, .. }) if width(graph) != width(&self.model.graph) => {
                answers.chunks(width(graph)).flat_map(|about| kept.iter().map(|token| about[*token])).collect()
            }
            _ => answers,
        }
    }
}
