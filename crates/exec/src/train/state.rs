use std::collections::BTreeMap;

use secateur_graph::Graph;

use crate::{Params, Value};

/// A training as far as it has come: all that it takes to go on.
#[derive(Clone, Debug)]
pub struct State {
    pub params: Params,
    /// What is learnt beside the parameters, by name: gates, adapters, multipliers of constraints.
    pub extra: BTreeMap<String, Leaf>,
    /// AdamW's running means of the gradients and of their squares, or SGD's velocity in the first; no values for what has
    /// not been learnt yet.
    pub moments: [Params; 2],
    /// The running mean of the parameters; no values where none is kept, or before the first step.
    pub average: Params,
    /// Of every step so far.
    pub losses: Vec<f32>,
}

/// Something that is learnt beside the model's parameters.
#[derive(Clone, Debug)]
pub struct Leaf {
    pub value: Value,
    /// Its learning rate, in those of the training.
    pub rate: f64,
    /// It is kept within these after every step.
    pub bounds: Option<(f32, f32)>,
    /// It climbs the gradient: the multiplier of a constraint.
    pub ascends: bool,
    /// As [`State::moments`].
    pub(super) moments: [Option<Value>; 2],
}

impl Leaf {
    /// `rate`: in learning rates of the training.
    pub fn new(value: Value, rate: f64) -> Self {
        Self { value, rate, bounds: None, ascends: false, moments: [None, None] }
    }

    pub fn within(self, low: f32, high: f32) -> Self {
        Self { bounds: Some((low, high)), ..self }
    }

    pub fn ascending(self) -> Self {
        Self { ascends: true, ..self }
    }
}

impl State {
    /// Before the first step.
    pub fn new(graph: &Graph, params: Params) -> Self {
        let none = || Params::empty(graph);
        Self { params, extra: BTreeMap::new(), moments: [none(), none()], average: none(), losses: Vec::new() }
    }

    /// With something to learn beside the parameters.
    pub fn with(mut self, name: impl Into<String>, leaf: Leaf) -> Self {
        self.extra.insert(name.into(), leaf);
        self
    }

    /// Steps done.
    pub fn step(&self) -> u64 {
        self.losses.len() as u64
    }

    /// The model to take away: the running mean of the parameters where there is one.
    pub fn model(&self) -> &Params {
        if self.average.is_empty() { &self.params } else { &self.average }
    }

    /// Everything with an entry for each parameter, under a word for it.
    pub fn parts(&self) -> [(&'static str, &Params); 4] {
        let [first, second] = &self.moments;
        [("params", &self.params), ("moment1", first), ("moment2", second), ("average", &self.average)]
    }

    /// The part of this word.
    pub fn part_mut(&mut self, word: &str) -> Option<&mut Params> {
        let [first, second] = &mut self.moments;
        match word {
            "params" => Some(&mut self.params),
            "moment1" => Some(first),
            "moment2" => Some(second),
            "average" => Some(&mut self.average),
            _ => None,
        }
    }
}
