use burn::tensor::{Int, Tensor, TensorData};
use secateur_graph::Graph;

use super::{Course, Target, unfit};
use crate::logits::{batch, input_shape};
use crate::rng::Rng;
use crate::{Compute, ExecError, Inputs};

/// One long text, for a model that tells the next token: answers [tokens, vocabulary]. A step reads pieces of it, each
/// as long as the model's input, from places chosen by chance.
#[derive(Clone, Debug)]
pub struct Texts<'a> {
    pub tokens: &'a [u32],
    /// Pieces a step.
    pub batch: usize,
    /// Decides the places.
    pub seed: u64,
}

impl Course for Texts<'_> {
    fn batch(&self, compute: &Compute, graph: &Graph, step: u64) -> Result<(Inputs, Target), ExecError> {
        let length: usize = input_shape(graph).iter().product();
        let starts = self.tokens.len().saturating_sub(length);
        if starts == 0 || self.batch == 0 {
            let got = format!("{} tokens, {} pieces", self.tokens.len(), self.batch);
            return Err(unfit(format!("more than {length} tokens, and at least one piece a step"), got));
        }
        let mut rng = Rng::keyed(self.seed, "train-text", step, "");
        let (mut shown, mut next) = (Vec::new(), Vec::new());
        for _ in 0..self.batch {
            let start = rng.below(starts);
            let piece = &self.tokens[start..=start + length];
            shown.extend(piece[..length].iter().map(|token| *token as f32));
            next.extend(piece[1..].iter().map(|token| *token as i32));
        }
        check(graph, &next)?;
        let inputs = batch(compute, graph, &shown, self.batch)?;
        let next = TensorData::new(next, [self.batch * length]);
        Ok((inputs, Target::Tokens(Tensor::<1, Int>::from_data(next, compute.device()))))
    }
}

/// A token that is not there would end the program deep inside the tensor library.
fn check(graph: &Graph, next: &[i32]) -> Result<(), ExecError> {
    let vocabulary = graph.node(graph.output()).shape.last().copied().unwrap_or(0);
    match next.iter().find(|token| !usize::try_from(**token).is_ok_and(|token| token < vocabulary)) {
        Some(token) => Err(unfit(format!("tokens below {vocabulary}"), token.to_string())),
        None => Ok(()),
    }
}
