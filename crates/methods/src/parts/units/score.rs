use std::collections::BTreeSet;
use std::rc::Rc;

use burn::tensor::Tensor;
use secateur_exec::{Calibration, ExecError, Value};
use secateur_graph::Role;
use secateur_graph::groups::{Group, Member, Skip, UnitKind};

use crate::lab::Source;
use crate::parts::Criterion;
use crate::parts::criterion::{Formula, Lift, Members, along, readers};
use crate::{Lab, MethodError};

/// A score for each unit of a group, higher = keep, as the criterion lifts those of weights. Biases and norms have no say, and
/// of embeddings only the table of tokens that go themselves. Sub-layers and blocks have the mean score of the weights that
/// they have to themselves. `at`: the group's place.
pub async fn units(lab: &mut Lab<'_>, source: &Source, at: usize, group: &Group) -> Result<Vec<f32>, MethodError> {
    if !group.skips.is_empty() {
        return Ok(relative(skipped(lab, source, &group.skips).await?));
    }
    let lift = if group.kind == UnitKind::Tokens { Lift::Sum } else { source.criterion.lift.clone() };
    let reading = readers(lab.graph, group);
    let mut scores = match lift {
        Lift::Sum => relative(sums(lab, source, group, &group.members.iter().collect::<Vec<_>>(), None).await?),
        Lift::Readers => relative(sums(lab, source, group, &reading, None).await?),
        Lift::Joint(signed) => {
            let sums = sums(lab, source, group, &reading, Some(&signed)).await?;
            sums.into_iter().map(f32::abs).collect()
        }
        Lift::Slices { signed, members } => sliced(lab, source, group, signed.as_ref(), members).await?,
        Lift::Gates => lab.gate_squares(source.samples).await?[at].clone(),
        Lift::Standardised { squared } => {
            let heads = matches!(group.kind, UnitKind::Heads | UnitKind::KvGroups | UnitKind::HeadDims);
            standardised(lab, source, group, &reading, squared && heads).await?
        }
    };
    together(&mut scores, &group.vocabulary.merges);
    Ok(scores)
}

/// Without a token those that are made of it can be written no more: it is worth as much as they and itself together, so that
/// they go before it.
fn together(scores: &mut [f32], merges: &[[u32; 3]]) {
    for [one, other, both] in merges.iter().rev().map(|merge| merge.map(|token| token as usize)) {
        let Some(worth) = scores.get(both).copied() else { continue };
        for part in BTreeSet::from([one, other]) {
            if let Some(score) = scores.get_mut(part) {
                *score = (*score + worth).max(worth.next_up());
            }
        }
    }
}

/// For each unit the sum of what the entries of these members say: their scores, or what `signed` makes of the evidence.
async fn sums(
    lab: &mut Lab<'_>,
    source: &Source,
    group: &Group,
    members: &[&Member],
    signed: Option<&Formula>,
) -> Result<Vec<f32>, MethodError> {
    let mut sums = vec![0.0; group.units];
    for member in members {
        let entries = match lab.graph.param(member.param).role {
            Role::Weight => slices(lab, source, member, signed).await?,
            Role::Embedding if group.kind == UnitKind::Tokens => rows(lab, source, member).await?,
            _ => continue,
        };
        for (entry, unit) in entries.iter().zip(&member.unit_of) {
            if let Some(unit) = unit {
                sums[*unit as usize] += entry;
            }
        }
    }
    Ok(sums)
}

/// For each row or column of a weight that goes with a unit the sum of what its entries say: their scores, or what `signed`
/// makes of the evidence.
async fn slices(
    lab: &mut Lab<'_>,
    source: &Source,
    member: &Member,
    signed: Option<&Formula>,
) -> Result<Vec<f32>, MethodError> {
    let entries = match signed {
        Some(signed) => {
            let known = lab.dense(source).await?;
            signed(&known.evidence(lab.compute, lab.graph, lab.params, member.param))?
        }
        None => lab.score(source, member.param).await?,
    };
    Ok(read_along(lab, member, entries).await?)
}

/// See [`Lift::Slices`].
async fn sliced(
    lab: &mut Lab<'_>,
    source: &Source,
    group: &Group,
    signed: Option<&Formula>,
    members: Members,
) -> Result<Vec<f32>, MethodError> {
    let mut units: Option<Vec<f32>> = None;
    for member in group.members.iter().filter(|member| lab.graph.param(member.param).role == Role::Weight) {
        let mut own = vec![0.0; group.units];
        for (slice, unit) in slices(lab, source, member, signed).await?.iter().zip(&member.unit_of) {
            if let Some(unit) = unit {
                own[*unit as usize] += slice.abs();
            }
        }
        units = Some(match units {
            None => own,
            Some(units) => units.iter().zip(&own).map(|(so_far, own)| members.join(*so_far, *own)).collect(),
        });
    }
    Ok(units.unwrap_or_else(|| vec![0.0; group.units]))
}

/// Scores of the rows of a table of tokens. Looking a row up is a product with a 1 for its token and a 0 for all others, so
/// that for criteria that look at samples a row counts as much as its size times the root of how often a sample has its
/// token.
async fn rows(lab: &mut Lab<'_>, source: &Source, member: &Member) -> Result<Vec<f32>, MethodError> {
    if !source.criterion.needs.samples() {
        let scores = lab.score(source, member.param).await?;
        return Ok(read_along(lab, member, scores).await?);
    }
    let by_size = Source { criterion: Rc::new(Criterion::magnitude()), ..source.clone() };
    let known = lab.dense(&by_size).await?;
    let evidence = known.evidence(lab.compute, lab.graph, lab.params, member.param);
    let mut entries = read_along(lab, member, by_size.criterion.score(&evidence).await?).await?;
    let Calibration { inputs, samples } = lab.calibration_on(source.samples.count)?;
    let mut counts = vec![0.0_f32; entries.len()];
    for token in inputs {
        counts[*token as usize] += 1.0;
    }
    entries.iter_mut().zip(counts).for_each(|(entry, count)| *entry *= (count / samples as f32).sqrt());
    Ok(entries)
}

/// See [`Lift::Standardised`]. Columns that are all alike say nothing: 0.
async fn standardised(
    lab: &mut Lab<'_>,
    source: &Source,
    group: &Group,
    reading: &[&Member],
    squared: bool,
) -> Result<Vec<f32>, MethodError> {
    let mut means = vec![0.0; group.units];
    for member in reading {
        let scores = lab.score(source, member.param).await?;
        let mut columns = read_along(lab, member, scores).await?;
        columns.iter_mut().for_each(|score| *score = if squared { *score * *score } else { *score });
        let count = columns.len() as f64;
        let mean = columns.iter().map(|score| f64::from(*score)).sum::<f64>() / count;
        let spread = columns.iter().map(|score| (f64::from(*score) - mean).powi(2)).sum::<f64>();
        let deviation = (spread / (count - 1.0).max(1.0)).sqrt();
        let each = member.unit_of.iter().flatten().count() as f64 / group.units as f64;
        for (score, unit) in columns.iter().zip(&member.unit_of) {
            if let Some(unit) = unit.filter(|_| deviation > 0.0) {
                means[unit as usize] += ((f64::from(*score) - mean) / deviation / each / reading.len() as f64) as f32;
            }
        }
    }
    Ok(means)
}

/// Scores as shares of their mean, so that groups can be compared.
fn relative(scores: Vec<f32>) -> Vec<f32> {
    let mean = scores.iter().sum::<f32>() / scores.len() as f32;
    if mean > 0.0 { scores.iter().map(|score| score / mean).collect() } else { scores }
}

/// The sum of a parameter's entries [R, C] over all that is not the member's axis.
async fn read_along(lab: &Lab<'_>, member: &Member, entries: Tensor<2>) -> Result<Vec<f32>, ExecError> {
    let size = lab.graph.param(member.param).dims[member.axis].size;
    Value::R1(along(entries, member.axis, size)).read().await
}

/// For each branch or block the mean score of the weights that it has to itself.
async fn skipped(lab: &mut Lab<'_>, source: &Source, skips: &[Skip]) -> Result<Vec<f32>, MethodError> {
    let mut means = Vec::new();
    for skip in skips {
        let (mut sum, mut count) = (0.0, 0);
        for id in skip.params.iter().filter(|id| lab.graph.param(**id).role == Role::Weight) {
            let scores = lab.score(source, *id).await?;
            count += lab.graph.param(*id).len();
            sum += Value::R1(scores.sum()).read().await?.iter().sum::<f32>();
        }
        means.push(sum / count.max(1) as f32);
    }
    Ok(means)
}
