use std::collections::BTreeSet;

use burn::tensor::Tensor;
use secateur_exec::{Calibration, ExecError, Value};
use secateur_graph::groups::{Group, Member, Skip, UnitKind};
use secateur_graph::{Graph, Role};

use crate::lab::Source;
use crate::parts::Criterion;
use crate::{Lab, MethodError};

/// A score for each unit of a group, higher = keep: the sum of the scores of the weights that go with it, of each
/// parameter by itself, then the mean over the parameters (Fang et al., 2023, §3.3, with the criterion's score instead of
/// w²), relative to the group's mean (their normalisation), so that groups can be compared. Biases and norms have no say, and
/// of embeddings only the table of tokens that go themselves.
pub async fn units(lab: &mut Lab<'_>, source: Source, group: &Group) -> Result<Vec<f32>, MethodError> {
    let mut sums = vec![0.0; group.units];
    for member in &group.members {
        let entries = match (lab.graph.param(member.param).role, group.kind) {
            (Role::Weight, _) => along(lab.graph, member, lab.score(source, member.param).await?).await?,
            (Role::Embedding, UnitKind::Tokens) => rows(lab, source, member).await?,
            _ => continue,
        };
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
    if mean > 0.0 {
        sums.iter_mut().for_each(|sum| *sum /= mean);
    }
    together(&mut sums, &group.vocabulary.merges);
    Ok(sums)
}

/// Without a token those that are made of it can be written no more: it is worth as much as they and itself together, so that
/// they go before it.
fn together(sums: &mut [f32], merges: &[[u32; 3]]) {
    for [one, other, both] in merges.iter().rev().map(|merge| merge.map(|token| token as usize)) {
        let Some(worth) = sums.get(both).copied() else { continue };
        for part in BTreeSet::from([one, other]) {
            if let Some(sum) = sums.get_mut(part) {
                *sum = (*sum + worth).max(worth.next_up());
            }
        }
    }
}

/// Scores of the rows of a table of tokens. Looking a row up is a product with a 1 for its token and a 0 for all others, so
/// that by activations a row counts as much as the root of how often a sample has its token.
async fn rows(lab: &mut Lab<'_>, source: Source, member: &Member) -> Result<Vec<f32>, MethodError> {
    if !source.criterion.needs_activations() {
        return Ok(along(lab.graph, member, lab.score(source, member.param).await?).await?);
    }
    let by_size = Source { criterion: Criterion::Magnitude, ..source };
    let scores = lab.dense(by_size).await?.on_device(lab.compute, lab.graph, lab.params, member.param).await?;
    let mut entries = along(lab.graph, member, scores).await?;
    let Calibration { inputs, samples } = lab.calibration_on(source.samples.count)?;
    let mut counts = vec![0.0_f32; entries.len()];
    for token in inputs {
        counts[*token as usize] += 1.0;
    }
    entries.iter_mut().zip(counts).for_each(|(entry, count)| *entry *= (count / samples as f32).sqrt());
    Ok(entries)
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
