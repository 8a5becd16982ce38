//! Gradients of single samples as statistics: the sum over samples of what each one's gradient is, not the gradient of all
//! samples' loss, in which they cancel.

use std::collections::BTreeMap;

use burn::tensor::Tensor;
use secateur_graph::{Graph, ParamId, Role};
use secateur_kernels::score::{self, accumulate};
use secateur_protocol::Unit;

use crate::backward::gradients_of;
use crate::relevance::relevance;
use crate::train::Course;
use crate::value::each_rank;
use crate::{Compute, ExecError, Meter, Params, Value, forward};

/// What runs backward through the model.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Backward {
    /// The gradient of a sample's loss.
    Loss,
    /// The relevance of the right answer's logit, 1 in all for each sample (Bach et al., 2015), as gradients of another
    /// model that times their weights are the weights' relevance; see [`crate::relevance`].
    Relevance,
}

/// What is added up over samples.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum GradMoment {
    /// g
    Sum,
    /// |g|
    Magnitudes,
    /// g²
    Squares,
}

/// Sums over samples of the gradients of all weights, on the device.
#[derive(Clone, Debug, Default)]
pub struct Gradients {
    sums: BTreeMap<(GradMoment, ParamId), Value>,
    pub samples: u64,
    /// Mean over the samples.
    pub loss: f64,
}

impl Gradients {
    /// One weight's sum as a matrix, see [`secateur_graph::Param::matrix`]; none where the answers do not depend on it, or if
    /// that moment was not asked for.
    pub fn get(&self, graph: &Graph, id: ParamId, moment: GradMoment) -> Option<Tensor<2>> {
        Some(self.sums.get(&(moment, id))?.matrix(graph.param(id).matrix()))
    }
}

/// Runs `samples` steps of a course, one sample each, and adds up the asked-for moments of all weights' gradients.
/// Ticks before every sample. Batch norms go by their running statistics.
pub async fn gradients(
    compute: &Compute,
    graph: &Graph,
    params: &Params,
    (course, samples): (&dyn Course, u64),
    backward: Backward,
    moments: &[GradMoment],
    meter: &dyn Meter,
) -> Result<Gradients, ExecError> {
    let mut all = Gradients { samples, ..Gradients::default() };
    let visit = async |gradients: &Params| {
        for id in graph.prunable() {
            let Ok(gradient) = gradients.get(graph, id) else { continue };
            for moment in moments {
                let sum = all.sums.remove(&(*moment, id));
                all.sums.insert((*moment, id), added(sum, gradient.clone(), *moment)?);
            }
        }
        Ok::<_, ExecError>(())
    };
    all.loss = each_gradient(compute, graph, params, (course, samples), backward, meter, visit).await?;
    Ok(all)
}

/// [`gradients`] for those who add up something else: `visit` sees each sample's gradients of all weights. Returns the mean
/// loss.
pub async fn each_gradient<E: From<ExecError>>(
    compute: &Compute,
    graph: &Graph,
    params: &Params,
    (course, samples): (&dyn Course, u64),
    backward: Backward,
    meter: &dyn Meter,
    mut visit: impl AsyncFnMut(&Params) -> Result<(), E>,
) -> Result<f64, E> {
    let mut sum = 0.0;
    for sample in 0..samples {
        meter.tick(sample, samples, Unit::Samples).await.map_err(ExecError::from)?;
        let leaves = leaves(graph, params);
        let (inputs, target) = course.batch(compute, graph, sample)?;
        let loss = match backward {
            Backward::Loss => target.loss(graph, forward(graph, &leaves, inputs, &mut ())?)?,
            Backward::Relevance => relevance(graph, &leaves, inputs, target)?,
        };
        let gradients = gradients_of(&leaves, &loss);
        let loss = Value::R1(loss.inner()).read().await?[0];
        compute.check()?;
        if !loss.is_finite() {
            return Err(ExecError::NoGradient { sample, loss }.into());
        }
        sum += f64::from(loss);
        visit(&gradients).await?;
    }
    Ok(sum / samples.max(1) as f64)
}

/// The parameters with all weights as leaves.
fn leaves(graph: &Graph, params: &Params) -> Params {
    let leaf = |(value, param): (&Option<Value>, &secateur_graph::Param)| {
        let value = value.clone()?;
        let weight = param.role == Role::Weight;
        Some(each_rank!(value, value -> if weight { value.autodiff().require_grad() } else { value.autodiff() }))
    };
    Params::of(params.values.iter().zip(&graph.params).map(leaf).collect())
}

/// A sum with one more sample's gradient; both have one shape.
fn added(sum: Option<Value>, gradient: Value, moment: GradMoment) -> Result<Value, ExecError> {
    let Some(sum) = sum else {
        return Ok(each_rank!(gradient, gradient -> match moment {
            GradMoment::Sum => gradient,
            GradMoment::Magnitudes => gradient.abs(),
            GradMoment::Squares => gradient.square(),
        }));
    };
    Ok(each_rank!(sum, sum -> {
        let gradient = each_rank!(gradient, gradient => gradient.reshape(sum.dims()));
        match moment {
            GradMoment::Sum => sum + gradient,
            GradMoment::Magnitudes => accumulate(sum, gradient, score::GradSum::Magnitudes)?,
            GradMoment::Squares => accumulate(sum, gradient, score::GradSum::Squares)?,
        }
    }))
}
