//! A text read token by token gives what the whole text gives.

use secateur_graph::ops::{
    Activation, AddPosition, Attention, Cell, Embedding, Input, Linear, Recurrent, RmsNorm, Rotary, RotaryScaling,
};
use secateur_graph::{Builder, Graph, GraphError, NodeId};

use super::{cpu, random_params};
use crate::logits::batch;
use crate::{Gates, Memory, Params, forward, forward_next};

pub(super) const ENTRIES: usize = 11;
const TEXT: [f32; 6] = [3.0, 1.0, 4.0, 1.0, 5.0, 9.0];

/// A language model of `layers` on 4 features.
pub(super) fn model(layers: impl Fn(&mut Builder, NodeId) -> Result<NodeId, GraphError>) -> Graph {
    let mut g = Builder::default();
    let tokens = g.add("tokens", Input::new(&[TEXT.len()]), &[]).unwrap();
    let x = g.add("embed", Embedding { entries: ENTRIES, features: 4 }, &[tokens]).unwrap();
    let x = layers(&mut g, x).unwrap();
    let logits = g.tie("head", Linear::new(4, ENTRIES, false), &[x], NodeId(1)).unwrap();
    g.finish(logits)
}

fn part(graph: &Graph, params: &Params, tokens: &[f32], memory: Option<&mut Memory>) -> Vec<f32> {
    let graph = graph.resized(|_| Some(vec![tokens.len()])).unwrap();
    let tokens = batch(&cpu(), &graph, tokens, 1).unwrap();
    let answer = match memory {
        Some(memory) => forward_next(&graph, params, &Gates::default(), tokens, memory),
        None => forward(&graph, params, tokens, &mut ()),
    };
    pollster::block_on(answer.unwrap().read()).unwrap()
}

fn check(graph: &Graph) {
    let params = random_params(graph);
    let whole = part(graph, &params, &TEXT, None);
    let mut memory = Memory::default();
    let mut pieces = Vec::new();
    for piece in [0..3, 3..4, 4..6] {
        assert_eq!(memory.tokens(), piece.start);
        pieces.extend(part(graph, &params, &TEXT[piece], Some(&mut memory)));
    }
    for (at, (whole, piece)) in whole.iter().zip(&pieces).enumerate() {
        assert!((whole - piece).abs() < 1e-4 * whole.abs().max(1.0), "logit {at}: {whole} at once, {piece} in pieces");
    }
    let forgetful: Vec<f32> = TEXT.iter().flat_map(|token| part(graph, &params, &[*token], None)).collect();
    assert!(whole.iter().zip(&forgetful).any(|(a, b)| (a - b).abs() > 1e-2), "nothing had to be remembered");
}

pub(super) fn attention(g: &mut Builder, x: NodeId, window: Option<usize>) -> Result<NodeId, GraphError> {
    let rotary = |heads| Rotary::new(heads, 2, 100.0, RotaryScaling::None);
    let q = g.add("q", Linear::new(4, 4, false), &[x])?;
    let q = g.add("q_norm", RmsNorm::new(2, 1e-6), &[q])?;
    let q = g.add("q_turned", rotary(2), &[q])?;
    let k = g.add("k", Linear::new(4, 2, false), &[x])?;
    let k = g.add("k_turned", rotary(1), &[k])?;
    let v = g.add("v", Linear::new(4, 2, false), &[x])?;
    let attention = Attention { kv_heads: 1, causal: true, window, ..Attention::full(2, 2) };
    g.add("attention", attention, &[q, k, v])
}

#[test]
fn by_attention_with_shared_heads_and_turned_positions() {
    check(&model(|g, x| attention(g, x, None)));
}

#[test]
fn by_attention_that_sees_a_few_tokens() {
    check(&model(|g, x| attention(g, x, Some(2))));
}

#[test]
fn by_learned_positions() {
    check(&model(|g, x| {
        let x = g.add("position", AddPosition::embedding(TEXT.len(), 4), &[x])?;
        g.add("tanh", Activation::Tanh, &[x])
    }));
}

#[test]
fn by_recurrent_cells() {
    for cell in [Cell::Tanh, Cell::Relu, Cell::Gru, Cell::Lstm] {
        let layer = Recurrent { cell, inputs: 4, hidden: 4, bias: true, layer: 0, reverse: false };
        check(&model(|g, x| g.add("rnn", layer.clone(), &[x])));
    }
}

/// A layer cuts a long text into pieces; nobody sees the cuts, whichever way it reads.
#[test]
fn by_recurrent_cells_that_read_a_long_text() {
    let text: Vec<f32> = (0..40).map(|at| (at * at % ENTRIES) as f32).collect();
    let layer = |reverse| Recurrent { cell: Cell::Gru, inputs: 4, hidden: 4, bias: true, layer: 0, reverse };
    let [forwards, backwards] = [false, true].map(|reverse| model(|g, x| g.add("rnn", layer(reverse), &[x])));
    let params = random_params(&forwards);
    let mut memory = Memory::default();
    let pieces: Vec<f32> =
        text.iter().flat_map(|token| part(&forwards, &params, &[*token], Some(&mut memory))).collect();
    let close = |what, want: Vec<f32>, got: Vec<f32>| {
        let far = want.iter().zip(&got).position(|(want, got)| (want - got).abs() > 1e-4 * want.abs().max(1.0));
        assert_eq!((want.len(), far), (got.len(), None), "{what}");
    };
    close("one after the other", part(&forwards, &params, &text, None), pieces.clone());

    let reversed: Vec<f32> = text.iter().rev().copied().collect();
    let again: Vec<f32> = pieces.chunks(ENTRIES).rev().flatten().copied().collect();
    let mut renamed = Params::empty(&backwards);
    for (from, to) in forwards.param_ids().zip(backwards.param_ids()) {
        let values = pollster::block_on(params.read(&forwards, from)).unwrap();
        renamed.upload(&cpu(), &backwards, to, values).unwrap();
    }
    close("from the end", again, part(&backwards, &renamed, &reversed, None));
}

#[test]
fn what_goes_wrong_is_not_remembered() {
    let graph = model(|g, x| g.add("position", AddPosition::embedding(TEXT.len(), 4), &[x]));
    let params = random_params(&graph);
    let mut memory = Memory::default();
    part(&graph, &params, &TEXT, Some(&mut memory));
    let one_more = graph.resized(|_| Some(vec![1])).unwrap();
    let token = batch(&cpu(), &one_more, &[2.0], 1).unwrap();
    assert!(
        forward_next(&one_more, &params, &Gates::default(), token, &mut memory).is_err(),
        "the table has no row for it"
    );
    assert_eq!(memory.tokens(), TEXT.len());
}
