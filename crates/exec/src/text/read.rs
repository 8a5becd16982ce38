use burn::tensor::{Tensor, TensorData};
use secateur_graph::Graph;
use secateur_protocol::Unit;

use crate::logits::{batch, input_shape};
use crate::{Compute, ExecError, Gates, Memory, Meter, Params, Value, forward_next};

/// Logits that are held at once, at most: 16 MB. A long text under a large vocabulary would have gigabytes of them.
const LOGITS: usize = 1 << 22;
/// Tokens read at once, at most: more gain nothing, and every token looks at all others of its piece.
const PIECE: usize = 256;

/// Reads a text from left to right and remembers it, so that it can go on where it stopped.
pub struct Reader<'a> {
    compute: &'a Compute,
    params: &'a Params,
    gates: Gates,
    /// The model on as many tokens as were read at once the last time.
    graph: Graph,
    memory: Memory,
}

/// What a model makes of some tokens.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Read {
    /// Natural logarithms of the probability of each token but the first, after those before it.
    pub log_probabilities: Vec<f32>,
    /// [vocabulary], of what comes after the last token.
    pub logits: Vec<f32>,
}

impl<'a> Reader<'a> {
    /// Of a model that tells the next token. It has read nothing yet.
    pub fn new(compute: &'a Compute, graph: &Graph, params: &'a Params) -> Self {
        Self { compute, params, gates: Gates::default(), graph: graph.clone(), memory: Memory::default() }
    }

    /// Of the model whose units are multiplied with gates.
    pub fn gated(self, gates: Gates) -> Self {
        Self { gates, ..self }
    }

    /// Reads on, piece by piece. Only log-probabilities and the last token's logits leave the device.
    pub async fn read(&mut self, tokens: &[u32], meter: &dyn Meter) -> Result<Read, ExecError> {
        let vocabulary = self.vocabulary();
        if let Some(id) = tokens.iter().find(|id| **id as usize >= vocabulary) {
            let want = format!("tokens below {vocabulary}");
            return Err(ExecError::Shape { op: "read", node: "a text".into(), want, got: id.to_string() });
        }
        let piece = (LOGITS / vocabulary.max(1)).clamp(1, PIECE);
        let mut read = Read::default();
        for start in (0..tokens.len()).step_by(piece) {
            meter.tick(start as u64, tokens.len() as u64, Unit::Tokens).await?;
            let end = tokens.len().min(start + piece);
            let logits = self.logits(&tokens[start..end])?;
            let next = &tokens[start + 1..tokens.len().min(end + 1)];
            read.log_probabilities.extend(log_probabilities(logits.clone(), next).await?);
            if end == tokens.len() {
                let last = logits.narrow(0, end - start - 1, 1).reshape([vocabulary]);
                read.logits = Value::R1(last).read().await?;
            }
            self.compute.check()?;
        }
        Ok(read)
    }

    fn vocabulary(&self) -> usize {
        self.graph.node(self.graph.output()).shape.last().copied().unwrap_or(0)
    }

    /// [tokens, vocabulary] of what comes after each token.
    fn logits(&mut self, tokens: &[u32]) -> Result<Tensor<2>, ExecError> {
        if input_shape(&self.graph) != [tokens.len()] {
            self.graph = self.graph.resized(|_| Some(vec![tokens.len()]))?;
        }
        let ids: Vec<f32> = tokens.iter().map(|id| *id as f32).collect();
        let inputs = batch(self.compute, &self.graph, &ids, 1)?;
        match forward_next(&self.graph, self.params, &self.gates, inputs, &mut self.memory)? {
            Value::R3(logits) => Ok(logits.squeeze_dim(0)),
            other => {
                let node = self.graph.node(self.graph.output()).name.clone();
                let (want, got) = ("[1, tokens, vocabulary]".into(), format!("{:?}", other.shape()));
                Err(ExecError::Shape { op: "read", node, want, got })
            }
        }
    }
}

/// Natural logarithms of the probabilities that the first rows of logits [tokens, vocabulary] give to `next`, one row
/// each.
async fn log_probabilities(logits: Tensor<2>, next: &[u32]) -> Result<Vec<f32>, ExecError> {
    if next.is_empty() {
        return Ok(Vec::new());
    }
    let logits = logits.narrow(0, 0, next.len());
    let ids = TensorData::new(next.iter().map(|id| *id as f32).collect::<Vec<_>>(), [next.len(), 1]);
    let ids = Tensor::<2>::from_data(ids, &logits.device()).int();
    let highest = logits.clone().max_dim(1);
    let sum = (logits.clone() - highest.clone()).exp().sum_dim(1);
    let logarithms = logits.gather(1, ids) - highest - sum.log();
    Value::R1(logarithms.reshape([next.len()])).read().await
}
