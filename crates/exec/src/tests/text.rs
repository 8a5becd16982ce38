//! Texts are read in pieces, gone on with and scored as by running the whole model on the whole text.

use pollster::block_on;
use secateur_graph::Graph;
use secateur_graph::ops::AddPosition;
use secateur_protocol::{Choice, Unit};

use super::memory::{ENTRIES, attention, model};
use super::{cpu, random_params};
use crate::logits::batch;
use crate::rng::Rng;
use crate::text::*;
use crate::{Cancelled, Compute, ExecError, Gates, Meter, Params, Silent, Tick, forward, forward_gated};

/// A language model, its parameters, and texts for it.
struct World {
    graph: Graph,
    params: Params,
}

impl World {
    fn new() -> Self {
        let graph = model(|g, x| attention(g, x, None));
        let params = random_params(&graph);
        Self { graph, params }
    }

    fn text(&self, len: usize) -> Vec<u32> {
        let mut rng = Rng::keyed(1, "test-text", 0, "");
        (0..len).map(|_| rng.below(ENTRIES) as u32).collect()
    }

    /// Logits after the last token, without any memory.
    fn after(&self, text: &[u32]) -> Vec<f32> {
        let graph = self.graph.resized(|_| Some(vec![text.len()])).unwrap();
        let ids: Vec<f32> = text.iter().map(|id| *id as f32).collect();
        let inputs = batch(&cpu(), &graph, &ids, 1).unwrap();
        let logits = block_on(forward(&graph, &self.params, inputs, &mut ()).unwrap().read()).unwrap();
        logits[logits.len() - ENTRIES..].to_vec()
    }

    /// Natural logarithm of the probability of the last token.
    fn log_probability(&self, text: &[u32]) -> f64 {
        let (last, before) = text.split_last().unwrap();
        let logits: Vec<f64> = self.after(before).into_iter().map(f64::from).collect();
        logits[*last as usize] - logits.iter().map(|logit| logit.exp()).sum::<f64>().ln()
    }

    fn reader<'a>(&'a self, compute: &'a Compute) -> Reader<'a> {
        Reader::new(compute, &self.graph, &self.params)
    }

    fn read(&self, text: &[u32]) -> Result<Read, ExecError> {
        block_on(self.reader(&cpu()).read(text, &Silent))
    }

    /// A gate between 0 and 1 for every unit.
    fn gates(&self) -> Gates {
        let (mut gates, mut rng) = (Gates::default(), Rng::keyed(2, "test-gates", 0, ""));
        for group in &self.graph.groups() {
            let factors: Vec<f32> = (0..group.units).map(|_| rng.uniform()).collect();
            gates.add(&cpu(), &self.graph, group, &factors);
        }
        gates
    }

    fn perplexity(&self, text: &[u32], window: usize, stride: usize) -> Perplexity {
        let windows = Windows { window, stride };
        block_on(perplexity(&cpu(), &self.graph, &self.params, text, windows, &Silent)).unwrap()
    }

    fn generate(&self, beginning: Beginning<'_>) -> Continuation {
        block_on(generate(self.reader(&cpu()), beginning, &Silent)).unwrap()
    }
}

const PROMPT: [u32; 3] = [3, 1, 4];

fn beginning(choice: Choice, seed: u64) -> Beginning<'static> {
    Beginning { prompt: &PROMPT, max_tokens: 12, context: None, ends: &[], choice, seed }
}

fn drawn(temperature: f32, top_k: u32, top_p: f32) -> Choice {
    Choice::Drawn { temperature, top_k, top_p }
}

#[track_caller]
fn close(want: f64, got: f64) {
    assert!((want - got).abs() < 1e-4 * want.abs().max(1.0), "wanted {want}, got {got}");
}

#[test]
fn a_long_text_is_read_in_pieces() {
    let world = World::new();
    let text = world.text(600);
    let read = world.read(&text).unwrap();
    assert_eq!((read.log_probabilities.len(), read.logits.len()), (599, ENTRIES));
    for at in [1, 2, 255, 256, 257, 512, 599] {
        close(world.log_probability(&text[..=at]), f64::from(read.log_probabilities[at - 1]));
    }
    world.after(&text).iter().zip(&read.logits).for_each(|(want, got)| close(f64::from(*want), f64::from(*got)));
}

#[test]
fn a_text_goes_on_as_the_whole_model_would() {
    let world = World::new();
    for choice in [Choice::Greedy, drawn(1.3, 0, 1.0), drawn(0.7, 5, 0.9)] {
        let went = world.generate(beginning(choice, 7));
        let mut text = PROMPT.to_vec();
        for token in &went.tokens {
            assert_eq!(*token, choose(&world.after(&text), choice, 7, text.len()).unwrap(), "{choice:?}");
            text.push(*token);
        }
        assert_eq!((text.len(), went.end), (15, End::Asked));
        for (at, got) in went.log_probabilities.iter().enumerate() {
            close(world.log_probability(&text[..at + 2]), f64::from(*got));
        }
        assert_eq!(went.log_probabilities.len(), 14);
    }
}

#[test]
fn the_same_seed_gives_the_same_text() {
    let world = World::new();
    let text = |choice, seed| world.generate(beginning(choice, seed)).tokens;
    let free = drawn(1.5, 0, 1.0);
    assert_eq!(text(free, 1), text(free, 1));
    assert_ne!(text(free, 1), text(free, 2));
    assert_eq!(text(Choice::Greedy, 1), text(Choice::Greedy, 2));
    assert_eq!(text(drawn(1.5, 1, 1.0), 1), text(Choice::Greedy, 1), "the one most probable token");
    assert_eq!(text(drawn(1.5, 0, 1e-6), 1), text(Choice::Greedy, 1), "the fewest that reach next to nothing");
}

#[test]
fn a_text_ends_where_the_model_ends_it_or_can_read_no_more() {
    let world = World::new();
    let free = world.generate(beginning(Choice::Greedy, 0)).tokens;
    let ends = [free[3]];
    let first = free.iter().position(|token| *token == free[3]).unwrap();
    let ended = world.generate(Beginning { ends: &ends, ..beginning(Choice::Greedy, 0) });
    assert_eq!((&ended.tokens[..], ended.end), (&free[..=first], End::Ended));
    let full = world.generate(Beginning { context: Some(8), ..beginning(Choice::Greedy, 0) });
    assert_eq!((&full.tokens[..], full.end), (&free[..5], End::Full));
}

#[test]
fn perplexity_is_that_of_each_window_alone() {
    let world = World::new();
    let text = world.text(50);
    for (window, stride) in [(50, 50), (64, 64), (16, 16), (16, 5), (7, 1)] {
        let (mut sum, mut tokens) = (0.0, 0);
        for at in 1..text.len() {
            // The first window that holds this token begins so far before it.
            let start = if at < window { 0 } else { ((at - window) / stride + 1) * stride };
            if start < at {
                sum -= world.log_probability(&text[start..=at]);
                tokens += 1;
            }
        }
        let got = world.perplexity(&text, window, stride);
        assert_eq!(got.tokens, tokens, "{window} {stride}");
        close((sum / tokens as f64).exp(), got.value);
    }
    assert!(world.perplexity(&text, 50, 50).value != world.perplexity(&text, 7, 7).value);
}

#[test]
fn a_text_longer_than_the_models_is_read_by_windows_only() {
    let graph = model(|g, x| g.add("position", AddPosition::embedding(6, 4), &[x]));
    let world = World { params: random_params(&graph), graph };
    let text = world.text(20);
    assert!(world.perplexity(&text, 6, 3).value.is_finite());
    let error = world.read(&text).unwrap_err().to_string();
    assert!(error.contains("at most 6 tokens"), "{error}");
}

#[test]
fn tokens_that_are_not_there_are_refused() {
    let world = World::new();
    let error = world.read(&[1, 2, 11]).unwrap_err().to_string();
    assert!(error.contains("wanted tokens below 11, got 11"), "{error}");
}

struct Until(std::cell::Cell<u64>);

impl Meter for Until {
    fn tick(&self, done: u64, total: u64, unit: Unit) -> Tick<'_> {
        assert!(done < total && unit == Unit::Tokens);
        let left = self.0.get().checked_sub(1);
        self.0.set(left.unwrap_or(0));
        Box::pin(async move { left.map(|_| ()).ok_or(Cancelled) })
    }
}

#[test]
fn it_stops_at_any_token() {
    let world = World::new();
    for ticks in 0..12 {
        let until = Until(ticks.into());
        let ended = block_on(generate(world.reader(&cpu()), beginning(Choice::Greedy, 0), &until));
        assert_eq!(ended, Err(ExecError::Cancelled(Cancelled)));
    }
    let until = Until(12.into());
    assert!(block_on(generate(world.reader(&cpu()), beginning(Choice::Greedy, 0), &until)).is_ok());
}

#[test]
fn the_first_of_equals_is_taken() {
    assert_eq!(choose(&[0.0, 2.0, -1.0, 2.0], Choice::Greedy, 0, 0), Ok(1));
    assert!((0..100).all(|seed| choose(&[0.0, 2.0, -1.0, 2.0], drawn(1.0, 1, 1.0), seed, 0) == Ok(1)));
}

/// Which tokens come, and how often, in 20,000 draws.
fn shares(logits: &[f32], choice: Choice) -> Vec<f64> {
    let mut counts = vec![0.0; logits.len()];
    for position in 0..20_000 {
        counts[choose(logits, choice, 3, position).unwrap() as usize] += 1.0 / 20_000.0;
    }
    counts
}

#[test]
fn draws_follow_the_probabilities_that_are_left() {
    let logits = [0.5f32, 0.1, 0.15, 0.25].map(f32::ln);
    let near = |choice, want: [f64; 4]| {
        let got = shares(&logits, choice);
        assert!(got.iter().zip(want).all(|(got, want)| (got - want).abs() < 0.012), "{choice:?}: {got:?}");
        assert!(got.iter().zip(want).all(|(got, want)| want > 0.0 || *got == 0.0), "{choice:?}: {got:?}");
    };
    near(drawn(1.0, 0, 1.0), [0.5, 0.1, 0.15, 0.25]);
    near(drawn(0.5, 0, 1.0), [0.7246, 0.029, 0.0652, 0.1812]);
    near(drawn(1.0, 2, 1.0), [0.6667, 0.0, 0.0, 0.3333]);
    near(drawn(1.0, 0, 0.7), [0.6667, 0.0, 0.0, 0.3333]);
    near(drawn(1.0, 0, 0.8), [0.5556, 0.0, 0.1667, 0.2778]);
    // Of the two that top-k leaves, the first alone reaches 0.6: it has two thirds by then.
    near(drawn(1.0, 2, 0.6), [1.0, 0.0, 0.0, 0.0]);
    // The temperature comes first: without it, 0.75 would take two.
    near(drawn(0.5, 0, 0.72), [1.0, 0.0, 0.0, 0.0]);
}

#[test]
fn settings_and_logits_that_make_no_sense_are_refused() {
    let said = |choice| choose(&[1.0, 2.0], choice, 0, 0).unwrap_err().to_string();
    assert!(said(drawn(0.0, 0, 1.0)).starts_with("temperature = 0: wanted a number above 0"));
    assert!(said(drawn(f32::NAN, 0, 1.0)).starts_with("temperature = NaN"));
    assert!(said(drawn(1.0, 0, 0.0)).starts_with("top_p = 0") && said(drawn(1.0, 0, 1.5)).starts_with("top_p = 1.5"));
    for logits in [&[1.0, f32::NAN][..], &[f32::INFINITY, 1.0], &[]] {
        let error = choose(logits, Choice::Greedy, 0, 5).unwrap_err();
        assert_eq!(error, ExecError::NoLogits { position: 5 });
    }
}

#[test]
fn gates_hold_while_a_text_is_read_on() {
    let world = World::new();
    let (text, gates, compute) = (world.text(9), world.gates(), cpu());
    let graph = world.graph.resized(|_| Some(vec![text.len()])).unwrap();
    let ids: Vec<f32> = text.iter().map(|id| *id as f32).collect();
    let whole = forward_gated(&graph, &world.params, &gates, batch(&compute, &graph, &ids, 1).unwrap()).unwrap();
    let whole = block_on(whole.read()).unwrap();
    let mut reader = world.reader(&compute).gated(gates);
    block_on(reader.read(&text[..5], &Silent)).unwrap();
    let got = block_on(reader.read(&text[5..], &Silent)).unwrap().logits;
    let open = world.after(&text);
    let off = |of: &[f32]| got.iter().zip(of).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
    assert!(off(&whole[whole.len() - ENTRIES..]) < 1e-5, "{got:?}");
    assert!(off(&open) > 1e-3, "gates change something");
}
