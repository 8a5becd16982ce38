use secateur_graph::Graph;

use crate::Params;

/// A training as far as it has come: all that it takes to go on.
#[derive(Clone, Debug)]
pub struct State {
    pub params: Params,
    /// AdamW's running means of the gradients and of their squares; no values for what has not been learnt yet.
    pub moments: [Params; 2],
    /// The running mean of the parameters; no values where none is kept, or before the first step.
    pub average: Params,
    /// Of every step so far.
    pub losses: Vec<f32>,
}

impl State {
    /// Before the first step.
    pub fn new(graph: &Graph, params: Params) -> Self {
        let none = || Params::empty(graph);
        Self { params, moments: [none(), none()], average: none(), losses: Vec::new() }
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
