use std::collections::BTreeMap;

use burn::tensor::{Tensor, TensorData};
use secateur_exec::Params;
use secateur_graph::groups::UnitKind;
use secateur_graph::surgery::{Removal, Statistics};
use secateur_graph::{Masks, ParamId};

use super::{Bank, Size};
use crate::parts::Scores;
use crate::parts::units::{self, lowest};
use crate::{Lab, MethodError, Outcome};

/// Which gates stay open.
pub struct Decision {
    pub removal: Removal,
    /// 1 for each unit that stays, 0 for each that goes.
    pub kept: Vec<Vec<f32>>,
}

impl Decision {
    /// Of every prunable parameter, and of what else goes with the units.
    pub fn masks(&self, lab: &Lab<'_>) -> Result<Masks, MethodError> {
        units::masks(lab, &self.removal)
    }
}

/// Of each row the units with the lowest scores go, as many as `counts` says or the nearest number that is legal.
pub fn decide(bank: &Bank, scores: &[Vec<f32>], counts: &[f64]) -> Decision {
    let mut decision = Decision { removal: Removal::new(), kept: Vec::new() };
    for ((row, scores), count) in bank.rows.iter().zip(scores).zip(counts) {
        let mut order: Vec<u32> = (0..row.group.units as u32).filter(|unit| !row.group.is_needed(*unit)).collect();
        order.sort_by(|a, b| scores[*a as usize].total_cmp(&scores[*b as usize]));
        let gone = lowest(&row.group, &order, *count, 1);
        let mut kept = vec![1.0; row.group.units];
        gone.iter().for_each(|unit| kept[*unit as usize] = 0.0);
        decision.kept.push(kept);
        if !gone.is_empty() {
            decision.removal.insert(row.at, gone);
        }
    }
    decision
}

/// How many of each row are among the lowest `share` of all units of its kind; equal scores go by the earlier row.
pub fn lowest_overall(bank: &Bank, scores: &[Vec<f32>], share: f64) -> Vec<f64> {
    let mut kinds: BTreeMap<UnitKind, Vec<(f32, usize)>> = BTreeMap::new();
    for (at, (row, scores)) in bank.rows.iter().zip(scores).enumerate() {
        kinds.entry(row.group.kind).or_default().extend(scores.iter().map(|score| (*score, at)));
    }
    let mut counts = vec![0.0; bank.rows.len()];
    for mut units in kinds.into_values() {
        units.sort_by(|a, b| a.0.total_cmp(&b.0));
        let gone = (share * units.len() as f64).round() as usize;
        units[..gone].iter().for_each(|(_, row)| counts[*row] += 1.0);
    }
    counts
}

/// How much goes in the end, in a sentence.
pub async fn told(lab: &Lab<'_>, size: &Size, decision: &Decision) -> Result<String, MethodError> {
    let left = size.left_of(lab, &decision.kept).await?;
    let units: usize = decision.kept.iter().map(Vec::len).sum();
    let gone: usize = decision.removal.values().map(Vec::len).sum();
    Ok(format!("{gone} of {units} gates are shut, {:.1} % of what the budget counts.", 100.0 * (1.0 - left).max(0.0)))
}

/// A sentence where gates of some groups could not become a part of the weights.
pub fn left_out(groups: Vec<String>) -> Option<String> {
    let first = groups.first()?;
    let others = match groups.len() {
        1 => String::new(),
        all => format!(" and of {} other groups", all - 1),
    };
    Some(format!("Open gates of {first}{others} could not be multiplied into the weights and count as fully open."))
}

/// What a method that decided about gates gives. `scores`: of each row's units, higher = keep. `params`: what the model has
/// learnt, gates folded in.
pub fn outcome(
    lab: &Lab<'_>,
    bank: &Bank,
    decision: &Decision,
    scores: &[Vec<f32>],
    params: Option<Params>,
    notes: Vec<String>,
) -> Result<Outcome, MethodError> {
    let (masks, removal) = (decision.masks(lab)?, decision.removal.clone());
    let params = params.map(|params| params.masked(lab.compute, lab.graph, &masks)).transpose()?;
    let scores = Scores::held(lab.graph.prunable().map(|id| (id, spread(lab, bank, scores, id))));
    Ok(Outcome { masks, removal, statistics: Statistics::Kept, params, scores, notes })
}

/// A weight's entries [R, C], each with the lowest score of the units that it goes with; those without are above all.
fn spread(lab: &Lab<'_>, bank: &Bank, scores: &[Vec<f32>], id: ParamId) -> Tensor<2> {
    let param = lab.graph.param(id);
    let highest = scores.iter().flatten().copied().fold(0.0, f32::max) + 1.0;
    let mut entries = vec![highest; param.len()];
    let shape = param.shape();
    for (row, scores) in bank.rows.iter().zip(scores) {
        for member in row.group.members.iter().filter(|member| member.param == id) {
            let stride: usize = shape[member.axis + 1..].iter().product();
            for (at, entry) in entries.iter_mut().enumerate() {
                if let Some(unit) = member.unit_of[at / stride % shape[member.axis]] {
                    *entry = entry.min(scores[unit as usize]);
                }
            }
        }
    }
    let (rows, cols) = param.matrix();
    Tensor::from_data(TensorData::new(entries, [rows, cols]), lab.compute.device())
}
