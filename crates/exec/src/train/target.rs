use burn::tensor::activation::log_softmax;
use burn::tensor::{Int, Tensor};
use secateur_graph::Graph;

use super::step::flat;
use crate::value::each_rank;
use crate::{ExecError, Value};

/// What a model should have answered to a batch.
#[derive(Clone, Debug)]
pub enum Target {
    /// Probabilities [samples, classes]; measured by cross-entropy.
    Classes(Tensor<2>),
    /// The token at each place [samples * tokens], for answers [samples, tokens, vocabulary]; measured by cross-entropy.
    Tokens(Tensor<1, Int>),
    /// Numbers of the answers' shape; measured by the mean of squared differences.
    Values(Value),
}

impl Target {
    /// How far the answers are from it: [1].
    pub(crate) fn loss(self, graph: &Graph, answers: Value) -> Result<Tensor<1>, ExecError> {
        let got = answers.shape();
        match (self, answers) {
            (Self::Classes(targets), Value::R2(answers)) if answers.dims() == targets.dims() => {
                let samples = targets.dims()[0] as f64;
                Ok((targets * log_softmax(answers, 1)).sum() * (-1.0 / samples))
            }
            (Self::Tokens(next), Value::R3(answers)) if got[0] * got[1] == next.dims()[0] => {
                let said = log_softmax(answers.reshape([got[0] * got[1], got[2]]), 1);
                Ok(said.gather(1, next.unsqueeze_dim(1)).mean().neg())
            }
            (Self::Values(targets), answers) if got == targets.shape() => {
                let answers = each_rank!(answers, answers => flat(answers));
                let targets = each_rank!(targets, targets => flat(targets));
                Ok((answers - targets).square().mean())
            }
            (target, _) => Err(misfit(graph, &target, &got)),
        }
    }
}

fn misfit(graph: &Graph, target: &Target, got: &[usize]) -> ExecError {
    let node = graph.node(graph.output());
    let want = match target {
        Target::Classes(targets) => format!("[samples, classes] = {:?}", targets.dims()),
        Target::Tokens(next) => format!("[samples, tokens, vocabulary] of {:?} tokens", next.dims()),
        Target::Values(targets) => format!("{:?}", targets.shape()),
    };
    ExecError::Shape { op: node.op.name(), node: node.name.clone(), want, got: format!("{got:?}") }
}
