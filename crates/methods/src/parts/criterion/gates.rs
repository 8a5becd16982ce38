use std::collections::{BTreeMap, BTreeSet};

use burn::tensor::Tensor;
use secateur_exec::{Backward, Params, Value, each_gradient};
use secateur_graph::groups::{Group, Member};
use secateur_graph::{Axis, Graph, ParamId, Role};

use crate::lab::Samples;
use crate::{Lab, MethodError};

/// For each group of the graph and each of its units the mean over samples of the square of the loss's slope at the unit's
/// gate: the diagonal of the gates' Fisher information (Kwon et al., 2022; Molchanov et al., 2019, eq. 8 with gates).
pub(crate) type GateSquares = Vec<Vec<f32>>;

/// The weights of a group that read its units: products that sum over them. All of its weights where there are none.
pub(crate) fn readers<'a>(graph: &Graph, group: &'a Group) -> Vec<&'a Member> {
    let weights = group.members.iter().filter(|member| graph.param(member.param).role == Role::Weight);
    let weights: Vec<&Member> = weights.collect();
    let reads = |member: &&Member| graph.param(member.param).dims[member.axis].axis == Axis::In;
    let readers: Vec<&Member> = weights.iter().copied().filter(reads).collect();
    if readers.is_empty() { weights } else { readers }
}

/// The slope at a unit's gate is the sum of w * g over the weights that read the unit (card of Molchanov et al., 2019:
/// their identity for linear units), so no gates have to be put in: one backward pass a sample tells all.
pub(crate) async fn gate_squares(lab: &Lab<'_>, samples: Samples) -> Result<GateSquares, MethodError> {
    let groups = lab.graph.groups_with(lab.vocabulary);
    let read: BTreeSet<(ParamId, usize)> =
        groups.iter().flat_map(|group| readers(lab.graph, group)).map(|member| (member.param, member.axis)).collect();
    let mut squares: Vec<Vec<f64>> = groups.iter().map(|group| vec![0.0; group.units]).collect();
    let visit = async |gradients: &Params| {
        let slopes = slopes(lab, gradients, &read).await?;
        for (group, squares) in groups.iter().zip(&mut squares) {
            let mut sums = vec![0.0; group.units];
            for member in readers(lab.graph, group) {
                for (slope, unit) in slopes[&(member.param, member.axis)].iter().zip(&member.unit_of) {
                    if let Some(unit) = unit {
                        sums[*unit as usize] += f64::from(*slope);
                    }
                }
            }
            squares.iter_mut().zip(sums).for_each(|(square, sum)| *square += sum * sum);
        }
        Ok::<_, MethodError>(())
    };
    let course = lab.answered(samples)?;
    each_gradient(lab.compute, lab.graph, lab.params, course, Backward::Loss, lab.meter, visit).await?;
    let mean = |sum: f64| (sum / course.1.max(1) as f64) as f32;
    Ok(squares.into_iter().map(|squares| squares.into_iter().map(mean).collect()).collect())
}

/// w * g summed over all but one axis, for each of the asked-for weights and axes; read at once.
async fn slopes(
    lab: &Lab<'_>,
    gradients: &Params,
    read: &BTreeSet<(ParamId, usize)>,
) -> Result<BTreeMap<(ParamId, usize), Vec<f32>>, MethodError> {
    if read.is_empty() {
        return Ok(BTreeMap::new());
    }
    let mut sums: Vec<Tensor<1>> = Vec::new();
    for (id, axis) in read {
        let param = lab.graph.param(*id);
        let weight = lab.params.get(lab.graph, *id)?.matrix(param.matrix());
        let product = match gradients.get(lab.graph, *id) {
            Ok(gradient) => weight * gradient.matrix(param.matrix()),
            Err(_) => weight.zeros_like(),
        };
        sums.push(along(product, *axis, param.dims[*axis].size));
    }
    let sizes: Vec<usize> = sums.iter().map(|sum| sum.dims()[0]).collect();
    let mut all = Value::R1(Tensor::cat(sums, 0)).read().await?.into_iter();
    Ok(read.iter().zip(sizes).map(|(of, size)| (*of, all.by_ref().take(size).collect())).collect())
}

/// The sum of a weight's entries [R, C] over all that is not one of its axes: [size].
pub(crate) fn along(entries: Tensor<2>, axis: usize, size: usize) -> Tensor<1> {
    match axis {
        0 => entries.sum_dim(1).flatten(0, 1),
        // A convolution's columns are input channels by places of the kernel.
        _ => {
            let columns: Tensor<1> = entries.sum_dim(0).flatten(0, 1);
            let each = columns.dims()[0] / size;
            columns.reshape([size, each]).sum_dim(1).flatten(0, 1)
        }
    }
}
