use burn::tensor::Tensor;
use secateur_exec::{ExecError, Value};
use secateur_graph::groups::{Group, Member, Skip};
use secateur_graph::{Graph, Role};

use crate::lab::Source;
use crate::{Lab, MethodError};

/// A score for each unit of a group, higher = keep: the sum of the scores of the weights that go with it, of each
/// parameter by itself, then the mean over the parameters (Fang et al., 2023, §3.3, with the criterion's score instead of
/// w²), relative to the group's mean (their normalisation), so that groups can be compared. Biases and norms have no say.
pub async fn units(lab: &mut Lab<'_>, source: Source, group: &Group) -> Result<Vec<f32>, MethodError> {
    let mut sums = vec![0.0; group.units];
    for member in group.members.iter().filter(|member| lab.graph.param(member.param).role == Role::Weight) {
        let scores = lab.score(source, member.param).await?;
        let entries = along(lab.graph, member, scores).await?;
        for (entry, unit) in entries.iter().zip(&member.unit_of) {
            if let Some(unit) = unit {
                sums[*unit as usize] += entry;
            }
        }
    }
    for (sum, skip) in sums.iter_mut().zip(&group.skips) {
        *sum = mean(lab, source, skip).await?;
    }
    let mean = sums.iter().sum::<f32>() / sums.len() as f32;
    Ok(if mean > 0.0 { sums.iter().map(|sum| sum / mean).collect() } else { sums })
}

/// The sum of a parameter's scores [R, C] over all that is not the member's axis.
async fn along(graph: &Graph, member: &Member, scores: Tensor<2>) -> Result<Vec<f32>, ExecError> {
    let size = graph.param(member.param).dims[member.axis].size;
    let sums: Tensor<1> = match member.axis {
        0 => scores.sum_dim(1).flatten(0, 1),
        // A convolution's columns are input channels by places of the kernel.
        _ => {
            let columns: Tensor<1> = scores.sum_dim(0).flatten(0, 1);
            let each = columns.dims()[0] / size;
            columns.reshape([size, each]).sum_dim(1).flatten(0, 1)
        }
    };
    Value::R1(sums).read().await
}

/// The mean score of the weights that a branch or block has to itself.
async fn mean(lab: &mut Lab<'_>, source: Source, skip: &Skip) -> Result<f32, MethodError> {
    let (mut sum, mut count) = (0.0, 0);
    for id in skip.params.iter().filter(|id| lab.graph.param(**id).role == Role::Weight) {
        let scores = lab.score(source, *id).await?;
        count += lab.graph.param(*id).len();
        sum += Value::R1(scores.sum()).read().await?.iter().sum::<f32>();
    }
    Ok(sum / count.max(1) as f32)
}
