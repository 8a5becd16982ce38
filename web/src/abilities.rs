//! What the open model can be asked for: as the engine says, and as its graph shows.

use leptos::prelude::*;
use secateur_graph::{Graph, Node, Op};
use secateur_protocol::Loaded;

use crate::speed;
use crate::state::App;

impl App {
    /// The open model's architecture is known.
    pub fn runs(&self) -> bool {
        self.open_is(true, |loaded| loaded.runs)
    }

    /// The open model can be asked what a digit is.
    pub fn sees_pictures(&self) -> bool {
        self.open_is(true, |loaded| loaded.classifies_pictures)
    }

    /// The open model goes on with a text.
    pub fn writes(&self) -> bool {
        self.open_is(false, |loaded| loaded.writes)
    }

    /// The open model draws pictures.
    pub fn draws(&self) -> bool {
        self.open_is(false, |loaded| loaded.draws)
    }

    /// The open model is made to go on with texts, whether or not its tokenizer is there.
    pub fn is_for_texts(&self) -> bool {
        self.open_is(false, |loaded| loaded.writes || continues_texts(&loaded.graph))
    }

    /// The open model is made to draw, whether or not all it needs is there.
    pub fn is_for_drawing(&self) -> bool {
        self.open_is(false, |loaded| loaded.draws || takes_noise_away(&loaded.graph))
    }

    /// The open model is made for neither: what it sees in pictures is all it can be asked.
    pub fn is_for_looking(&self) -> bool {
        !self.is_for_texts() && !self.is_for_drawing()
    }

    /// Some of the open model's layers multiply with a matrix that can be cut.
    pub fn multiplies(&self) -> bool {
        self.open_is(false, |loaded| !speed::shapes(&loaded.graph).is_empty())
    }

    /// Something of the open model can be cut.
    pub fn cuts(&self) -> bool {
        self.open_is(false, |loaded| loaded.graph.prunable().next().is_some())
    }

    /// The open model has units that can go as a whole.
    pub fn loses_units(&self) -> bool {
        self.structure.has_units()
    }

    /// The GPU in use is emulated in software.
    pub fn is_emulated(&self) -> bool {
        self.facts.ready.with(|ready| ready.as_ref().is_some_and(|ready| ready.adapter.software))
    }

    /// What a class is called: the model's word for it, else its number.
    pub fn class_name(&self, class: usize) -> String {
        let label = self.facts.loaded.with(|loaded| loaded.as_ref().and_then(|l| l.labels.get(class).cloned()));
        label.unwrap_or_else(|| class.to_string())
    }

    /// The open model draws what a text says, which another network has to read for it.
    pub fn follows_a_text(&self) -> bool {
        self.open_is(false, |loaded| takes(&loaded.graph, "encoder_hidden_states"))
    }

    /// What the open model draws is neither grey nor colour.
    pub fn needs_a_decoder(&self) -> bool {
        self.open_is(false, |loaded| {
            let sample = loaded.graph.inputs().find(|node| node.name == "sample");
            sample.is_some_and(|node| !matches!(node.shape.first(), Some(1 | 3)))
        })
    }

    /// The open model reads tokens.
    pub fn reads_tokens(&self) -> bool {
        self.open_is(false, |loaded| takes(&loaded.graph, "tokens"))
    }

    /// Tokens of the text that a writing model's cost is counted for.
    pub fn tokens_at_once(&self) -> Option<u64> {
        let size = |loaded: &Loaded| {
            let mut inputs = loaded.graph.inputs();
            inputs.find(|node| node.name == "tokens").and_then(|node| node.shape.first()).map(|size| *size as u64)
        };
        self.facts.loaded.with(|loaded| loaded.as_ref().filter(|loaded| loaded.writes).and_then(|loaded| size(loaded)))
    }

    /// How many classes the open model draws; 0 when it knows none.
    pub fn classes(&self) -> u32 {
        self.facts.loaded.with(|loaded| loaded.as_ref().map_or(0, |loaded| classes(&loaded.graph)))
    }

    fn open_is(&self, otherwise: bool, so: impl Fn(&Loaded) -> bool) -> bool {
        self.facts.loaded.with(|loaded| loaded.as_ref().map_or(otherwise, |loaded| so(loaded)))
    }
}

fn takes(graph: &Graph, input: &str) -> bool {
    graph.inputs().any(|node| node.name == input)
}

/// Tokens in, logits for each of them out, and nobody looks ahead.
fn continues_texts(graph: &Graph) -> bool {
    let looks_ahead = |node: &Node| matches!(&node.op, Op::Attention(attention) if !attention.causal);
    let judged = graph.outputs.first().filter(|output| output.name == "logits");
    let shape = judged.and_then(|output| graph.nodes.get(output.node.0 as usize)).map(|node| node.shape.len());
    takes(graph, "tokens") && shape == Some(2) && !graph.nodes.iter().any(looks_ahead)
}

fn takes_noise_away(graph: &Graph) -> bool {
    takes(graph, "sample") && takes(graph, "timestep")
}

/// Entries of the table of classes; its last one stands for no class.
fn classes(graph: &Graph) -> u32 {
    let is_label = |node: &Node| matches!(node.op, Op::Input(_)) && node.name == "class_labels";
    let reads_label = |node: &&Node| node.inputs.iter().any(|id| graph.nodes.get(id.0 as usize).is_some_and(is_label));
    let entries = graph.nodes.iter().filter(reads_label).find_map(|node| match &node.op {
        Op::Embedding(table) => u32::try_from(table.entries).ok(),
        _ => None,
    });
    entries.unwrap_or(0).saturating_sub(1)
}

#[cfg(test)]
mod tests {
    use secateur_graph::Builder;
    use secateur_graph::ops::{Attention, Embedding, Input, Linear};

    use super::*;

    /// A table, attention, and logits by token.
    fn reader(causal: bool, answer: &str) -> Graph {
        let mut g = Builder::default();
        let x = g.add("tokens", Input::new(&[5]), &[]).unwrap();
        let x = g.add("table", Embedding { entries: 9, features: 4 }, &[x]).unwrap();
        let x = g.add("attention", Attention { causal, ..Attention::full(2, 2) }, &[x, x, x]).unwrap();
        let x = g.add("head", Linear::new(4, 9, false), &[x]).unwrap();
        g.finish_with(&[(answer, x)])
    }

    #[test]
    fn texts_are_continued_by_models_that_do_not_look_ahead() {
        assert!(continues_texts(&reader(true, "logits")));
        assert!(!continues_texts(&reader(false, "logits")), "a masked token is not the next one");
        assert!(!continues_texts(&reader(true, "hidden")));
        assert_eq!(classes(&reader(true, "logits")), 0);
    }

    #[test]
    fn the_last_class_is_none() {
        let mut g = Builder::default();
        g.add("sample", Input::new(&[1, 4, 4]), &[]).unwrap();
        g.add("timestep", Input::new(&[]), &[]).unwrap();
        let label = g.add("class_labels", Input::new(&[]), &[]).unwrap();
        let x = g.add("class_embedding", Embedding { entries: 11, features: 4 }, &[label]).unwrap();
        let graph = g.finish_with(&[("sample", x)]);
        assert_eq!(classes(&graph), 10);
        assert!(takes_noise_away(&graph) && !continues_texts(&graph));
    }
}
