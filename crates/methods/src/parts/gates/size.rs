use std::collections::BTreeMap;

use burn::tensor::{Tensor, TensorData};
use secateur_exec::Value;
use secateur_graph::{Graph, ParamId, Role};

use super::Bank;
use crate::parts::fields::Values;
use crate::{Lab, MethodError};

/// What a size counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Measure {
    /// Weights of layers; embeddings, biases and norms are left out.
    Params,
    /// Multiply-accumulates of one sample.
    Macs,
    /// Units that have a gate.
    Units,
}

/// The size of a model whose gates are open with some probability: a product over the axes of a weight, summed over all
/// weights, as a share of the dense model's.
pub struct Size {
    /// What shrinks along these axes, and how much it is of the dense model.
    terms: Vec<(Vec<Axis>, f64)>,
}

/// How an axis depends on a row of gates: how many of its entries go with each unit, and how many with none. Both are 0 where
/// every unit has as many and none is left over.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Axis {
    row: usize,
    each: Vec<u32>,
    free: u32,
}

impl Measure {
    pub fn read(values: &Values<'_>) -> Result<Self, MethodError> {
        Ok(match values.text("budget")?.as_str() {
            "macs" => Self::Macs,
            "units" => Self::Units,
            _ => Self::Params,
        })
    }
}

impl Size {
    pub fn new(graph: &Graph, bank: &Bank, measure: Measure) -> Self {
        let parts: Vec<(Vec<Axis>, f64)> = match measure {
            Measure::Params => graph.prunable().map(|id| (axes(bank, id), graph.param(id).len() as f64)).collect(),
            Measure::Macs => {
                graph.node_ids().map(|id| (node_axes(graph, bank, id), graph.macs_of(graph.node(id)) as f64)).collect()
            }
            Measure::Units => {
                let rows = bank.rows.iter().enumerate();
                rows.map(|(row, of)| (vec![Axis { row, each: Vec::new(), free: 0 }], of.group.units as f64)).collect()
            }
        };
        let total: f64 = parts.iter().map(|(_, cost)| cost).sum();
        let mut terms = BTreeMap::new();
        for (axes, cost) in parts {
            *terms.entry(axes).or_insert(0.0) += cost / total.max(1.0);
        }
        Self { terms: terms.into_iter().collect() }
    }

    /// The share that stays [1] when each row's gates are open with these probabilities [units].
    pub fn left(&self, kept: &[Tensor<1>]) -> Tensor<1> {
        let product = |axes: &[Axis]| axes.iter().map(|axis| axis.share(&kept[axis.row])).reduce(|a, b| a * b);
        let fixed: f64 = self.terms.iter().filter(|(axes, _)| axes.is_empty()).map(|(_, cost)| cost).sum();
        let shrinking = self.terms.iter().filter_map(|(axes, cost)| Some(product(axes)? * *cost));
        let device = kept[0].device();
        shrinking.fold(Tensor::full([1], fixed, &device), |sum, term| sum + term)
    }

    /// The share that stays when each gate is decided: 1 or 0.
    pub async fn left_of(&self, lab: &Lab<'_>, kept: &[Vec<f32>]) -> Result<f64, MethodError> {
        let upload = |row: &Vec<f32>| {
            let data = TensorData::new(row.clone(), [row.len()]);
            Tensor::from_data(data, lab.compute.device())
        };
        let kept: Vec<Tensor<1>> = kept.iter().map(upload).collect();
        Ok(f64::from(Value::R1(self.left(&kept)).read().await?[0]))
    }

    /// The largest share that can go at all.
    pub async fn most(&self, lab: &Lab<'_>, bank: &Bank) -> Result<f64, MethodError> {
        let fewest = |row: &super::Row| {
            let most = row.group.legal_counts().last().unwrap_or(0);
            let share = 1.0 - most as f32 / row.group.units as f32;
            vec![share; row.group.units]
        };
        let fewest: Vec<Vec<f32>> = bank.rows.iter().map(fewest).collect();
        Ok(1.0 - self.left_of(lab, &fewest).await?)
    }
}

/// How the axes of a parameter depend on the gates.
fn axes(bank: &Bank, id: ParamId) -> Vec<Axis> {
    let members = bank.rows.iter().enumerate().flat_map(|(row, of)| {
        let members = of.group.members.iter().filter(|member| member.param == id);
        members.map(move |member| Axis::of(row, of.group.units, &member.unit_of))
    });
    members.collect()
}

/// How a node's work depends on the gates: as its weight does, or else as its value does.
fn node_axes(graph: &Graph, bank: &Bank, id: secateur_graph::NodeId) -> Vec<Axis> {
    let weight = graph.node(id).params.iter().find(|id| graph.param(**id).role == Role::Weight);
    if let Some(weight) = weight {
        return axes(bank, *weight);
    }
    let values = bank.rows.iter().enumerate().filter_map(|(row, of)| {
        let (_, unit_of) = of.group.values.iter().find(|(value, _)| *value == id)?;
        Some(Axis::of(row, of.group.units, unit_of))
    });
    values.collect()
}

impl Axis {
    fn of(row: usize, units: usize, unit_of: &[Option<u32>]) -> Self {
        let mut each = vec![0; units];
        unit_of.iter().flatten().for_each(|unit| each[*unit as usize] += 1);
        let free = unit_of.iter().filter(|unit| unit.is_none()).count() as u32;
        if free == 0 && each.iter().all(|count| *count == each[0]) {
            each.clear();
        }
        Self { row, each, free }
    }

    /// The share of its entries that stays [1].
    fn share(&self, kept: &Tensor<1>) -> Tensor<1> {
        if self.each.is_empty() {
            return kept.clone().mean();
        }
        let len = (self.each.iter().sum::<u32>() + self.free) as f32;
        let each: Vec<f32> = self.each.iter().map(|count| *count as f32 / len).collect();
        let each = Tensor::from_data(TensorData::new(each, [self.each.len()]), &kept.device());
        (kept.clone() * each).sum() + self.free as f32 / len
    }
}
