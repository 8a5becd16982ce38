//! Layer-wise relevance propagation as back-propagation through a model that answers the same.
//!
//! A value's relevance is itself times its gradient. Each rule is a layer that gives what it always gives, y, but lets
//! gradients through as z * (y / z) would with the quotient held fixed: a gradient G of y then brings the inputs the
//! share of y * G that they have in z (Montavon et al., 2019, §10.2.2). Relevance is kept from layer to layer, biases take
//! none. A weight's relevance, w times its gradient, is what it passes on; a unit's is the sum over the weights that read
//! it.
//!
//! Products and convolutions: z sums the positive terms only (the z⁺ or alpha-beta rule with alpha 1, Bach et al., 2015).
//! Norms, activations and shifts: z is the input. Attention mixes values by fixed shares, what is multiplied shares
//! equally (Achtibat et al., 2024). Everything else, sums and pools among it, is linear and needs no rule.

use burn::tensor::Tensor;
use secateur_graph::{Graph, Op, Role};

use crate::evaluate::{Moment, evaluate};
use crate::forward::Walk;
use crate::train::Target;
use crate::value::each_rank;
use crate::{ExecError, Inputs, Params, Value};

/// Below this no term counts: no quotient may be infinite.
const SMALL: f64 = 1e-9;

/// Parameters that a product's positive terms come from: the positive weights times positive inputs, the negative ones
/// times negative inputs; no biases.
#[derive(Clone)]
pub(crate) struct Signs {
    positive: Params,
    negative: Params,
}

impl Signs {
    fn new(graph: &Graph, params: &Params) -> Self {
        let part = |of_weight: fn(Value) -> Value| {
            let part = |(value, param): (&Option<Value>, &secateur_graph::Param)| match (value.clone(), param.role) {
                (Some(value), Role::Weight) => Some(of_weight(value)),
                (Some(value), Role::Bias) => Some(each_rank!(value, value -> value.zeros_like())),
                (value, _) => value,
            };
            Params::of(params.values.iter().zip(&graph.params).map(part).collect())
        };
        Self { positive: part(positive), negative: part(negative) }
    }
}

fn positive(value: Value) -> Value {
    each_rank!(value, value -> value.clamp_min(0.0))
}

fn negative(value: Value) -> Value {
    each_rank!(value, value -> value.clamp_max(0.0))
}

/// 1 for each sample: the right class's logit over itself, or the mean of that over all tokens. Its gradients times the
/// weights are the weights' relevance.
pub(crate) fn relevance(
    graph: &Graph,
    leaves: &Params,
    inputs: Inputs,
    target: Target,
) -> Result<Tensor<1>, ExecError> {
    let mut walk = Walk::new(graph, inputs, &[graph.output()]).explained(Signs::new(graph, leaves));
    walk.run(graph, leaves, 0..graph.nodes.len(), &mut ())?;
    let answers = walk.take_output(graph, graph.output())?;
    let right: Tensor<2> = match (target, answers) {
        (Target::Classes(targets), Value::R2(answers)) if answers.dims() == targets.dims() => {
            (answers * targets.autodiff()).sum_dim(1)
        }
        (Target::Tokens(next), Value::R3(answers)) => {
            let [samples, tokens, entries] = answers.dims();
            answers.reshape([samples * tokens, entries]).gather(1, next.autodiff().unsqueeze_dim(1))
        }
        (_, answers) => {
            let node = graph.node(graph.output());
            let want = "classes or tokens to be relevant for".into();
            let got = format!("answers {:?}", answers.shape());
            return Err(ExecError::Shape { op: node.op.name(), node: node.name.clone(), want, got });
        }
    };
    let fixed = away_from_zero(right.clone().detach());
    Ok((right / fixed).mean())
}

/// What a node gives, and how relevance goes through it.
pub(crate) fn explained(moment: Moment<'_>, signs: &Signs, inputs: &[Value]) -> Result<Value, ExecError> {
    let usual = |inputs: &[Value]| evaluate(moment, inputs, None, None);
    match &moment.graph.node(moment.id).op {
        Op::Linear(_) | Op::Conv2d(_) => {
            let part = |params, of: fn(Value) -> Value| {
                let inputs: Vec<Value> = inputs.iter().cloned().map(of).collect();
                evaluate(Moment { params, ..moment }, &inputs, None, None)
            };
            let (above, below) = (part(&signs.positive, positive)?, part(&signs.negative, negative)?);
            let terms = each_rank!(above, above -> {
                let shape = above.dims();
                above + each_rank!(below, below => below.reshape(shape))
            });
            Ok(carried(terms, usual(inputs)?))
        }
        Op::Activation(_)
        | Op::Affine(_)
        | Op::LayerNorm(_)
        | Op::RmsNorm(_)
        | Op::GroupNorm(_)
        | Op::BatchNorm(_)
        | Op::Bias(_)
        | Op::AddPosition(_)
        | Op::Normalize(_) => Ok(carried(inputs[0].clone(), usual(inputs)?)),
        Op::Attention(_) => match inputs {
            [queries, keys, values] => usual(&[fixed(queries), fixed(keys), values.clone()]),
            _ => usual(inputs),
        },
        Op::Mul(_) => {
            let product = usual(inputs)?;
            Ok(each_rank!(product, product -> half_fixed(product)))
        }
        _ => usual(inputs),
    }
}

fn fixed(value: &Value) -> Value {
    each_rank!(value.clone(), value -> value.detach())
}

/// The same numbers, of which half the gradient comes through: each of two factors takes half the relevance.
fn half_fixed<const D: usize>(x: Tensor<D>) -> Tensor<D> {
    x.clone() * 0.5 + x.detach() * 0.5
}

/// y, whose gradient goes to z as that of z * (y / z) with the quotient held fixed. Both have as many entries.
fn carried(z: Value, y: Value) -> Value {
    each_rank!(y, y -> {
        let y = y.detach();
        let z: Tensor<_> = each_rank!(z, z => z.reshape(y.dims()));
        let share = z.clone() * (y.clone() / away_from_zero(z.detach()));
        y + share.clone() - share.detach()
    })
}

/// The same numbers, none of them smaller than [`SMALL`].
fn away_from_zero<const D: usize>(x: Tensor<D>) -> Tensor<D> {
    let near = x.clone().abs().lower_elem(SMALL);
    x.mask_fill(near, SMALL)
}
