use std::collections::BTreeMap;

use burn::tensor::{Tensor, TensorData};
use secateur_graph::groups::{Group, feature_axis};
use secateur_graph::{Graph, NodeId, ParamId};

use crate::value::each_rank;
use crate::{Compute, Params, Value};

/// Multipliers of units: 0 is as good as removed, 1 leaves the model as it is.
#[derive(Clone, Debug, Default)]
pub struct Gates {
    /// What a node's input is multiplied with, feature by feature.
    inputs: BTreeMap<(NodeId, usize), Tensor<1>>,
    /// What an axis of a parameter is multiplied with.
    params: BTreeMap<ParamId, (usize, Tensor<1>)>,
    /// For the sum of a branch, where the branch began and its gate.
    skips: BTreeMap<NodeId, (NodeId, f32)>,
}

impl Gates {
    /// Adds the gates of a group's units.
    ///
    /// # Panics
    /// If there is not one for each unit.
    pub fn add(&mut self, compute: &Compute, graph: &Graph, group: &Group, gates: &[f32]) {
        assert_eq!(gates.len(), group.units, "a gate for each unit");
        let factors = |unit_of: &[Option<u32>]| {
            let factor = |unit: &Option<u32>| unit.map_or(1.0, |unit| gates[unit as usize]);
            let factors: Vec<f32> = unit_of.iter().map(factor).collect();
            Tensor::<1>::from_data(TensorData::new(factors, [unit_of.len()]), compute.device())
        };
        for member in group.gated_members(graph) {
            self.params.insert(member.param, (member.axis, factors(&member.unit_of)));
        }
        for site in group.gate_sites(graph) {
            let factors = factors(&site.unit_of);
            let meets = self.inputs.remove(&(site.reader, site.input));
            self.inputs.insert((site.reader, site.input), meets.map_or(factors.clone(), |others| others * factors));
        }
        for (skip, gate) in group.skips.iter().zip(gates) {
            self.skips.insert(skip.to, (skip.from, *gate));
        }
    }

    /// The parameters as the model sees them.
    pub(crate) fn params(&self, params: &Params) -> Params {
        let mut gated = params.clone();
        for (id, (axis, factors)) in &self.params {
            if let Some(value) = &mut gated.values[id.0 as usize] {
                *value = each_rank!(value.clone(), tensor -> along(tensor, *axis, factors.clone()));
            }
        }
        gated
    }

    /// Where a value that is still needed after a node began.
    pub(crate) fn began(&self, node: NodeId) -> Option<NodeId> {
        self.skips.get(&node).map(|(from, _)| *from)
    }

    /// What a node sees at one of its inputs.
    pub(crate) fn input(&self, graph: &Graph, node: NodeId, at: usize, value: Value) -> Value {
        let Some(gates) = self.inputs.get(&(node, at)) else { return value };
        let shape = &graph.node(graph.node(node).inputs[at]).shape;
        // The batch axis comes before those of the graph.
        let Some(axis) = feature_axis(shape) else { return value };
        each_rank!(value, x -> along(x, axis + 1, gates.clone()))
    }

    /// A sum, by its branch's gate between what it was before the branch and what it is.
    pub(crate) fn sum(&self, node: NodeId, before: Option<Value>, after: Value) -> Value {
        let Some((_, gate)) = self.skips.get(&node) else { return after };
        /// before + gate (after - before), for values of one rank.
        macro_rules! between {
            ($($rank:ident),*) => {
                match (before, after) {
                    $((Some(Value::$rank(before)), Value::$rank(after)) => {
                        Value::$rank(before.clone() + (after - before) * *gate)
                    })*
                    (_, after) => after,
                }
            };
        }
        between!(R1, R2, R3, R4)
    }
}

fn along<const D: usize>(x: Tensor<D>, axis: usize, gates: Tensor<1>) -> Tensor<D> {
    let mut shape = [1; D];
    shape[axis] = x.dims()[axis];
    x * gates.reshape(shape)
}
