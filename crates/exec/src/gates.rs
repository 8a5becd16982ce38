use std::collections::BTreeMap;

use burn::tensor::{Int, Tensor, TensorData};
use secateur_graph::groups::{GateSite, Group, feature_axis};
use secateur_graph::{Graph, NodeId, ParamId};

use crate::rng::Rng;
use crate::value::each_rank;
use crate::{Compute, Params, Value};

/// Multipliers of units: 0 is as good as removed, 1 leaves the model as it is. They may be learnt: gradients reach them.
#[derive(Clone, Debug, Default)]
pub struct Gates {
    /// What a node's input is multiplied with, feature by feature.
    inputs: BTreeMap<(NodeId, usize), Tensor<1>>,
    /// How far these multipliers spread, feature by feature, and the seed of what is drawn.
    noise: BTreeMap<(NodeId, usize), (Tensor<1>, u64)>,
    /// What an axis of a parameter is multiplied with.
    params: BTreeMap<ParamId, (usize, Tensor<1>)>,
    /// For the sum of a branch, where the branch began and its gate.
    skips: BTreeMap<NodeId, (NodeId, Tensor<1>)>,
}

impl Gates {
    /// Adds the gates of a group's units, decided ones. Panics as [`Gates::open`] does.
    pub fn add(&mut self, compute: &Compute, graph: &Graph, group: &Group, gates: &[f32]) {
        let gates = Tensor::from_data(TensorData::new(gates.to_vec(), [gates.len()]), compute.device());
        self.open(graph, group, gates);
    }

    /// Adds the gates [units] of a group's units, which may be learnt.
    ///
    /// # Panics
    /// If there is not one for each unit.
    pub fn open(&mut self, graph: &Graph, group: &Group, gates: Tensor<1>) {
        self.open_at(graph, group, &group.gate_sites(graph), gates);
    }

    /// [`Gates::open`] with the places known where they are read, for those who open them again in every step.
    ///
    /// # Panics
    /// If there is not one for each unit.
    pub fn open_at(&mut self, graph: &Graph, group: &Group, sites: &[GateSite], gates: Tensor<1>) {
        assert_eq!(gates.dims(), [group.units], "a gate for each unit");
        let open = Tensor::ones([1], &gates.device());
        let factors = Tensor::cat(vec![gates.clone(), open], 0);
        for member in group.gated_members(graph) {
            self.params.insert(member.param, (member.axis, spread(&factors, &member.unit_of)));
        }
        for site in sites {
            let factors = spread(&factors, &site.unit_of);
            let meets = self.inputs.remove(&(site.reader, site.input));
            self.inputs.insert((site.reader, site.input), meets.map_or(factors.clone(), |others| others * factors));
        }
        for (unit, skip) in group.skips.iter().enumerate() {
            self.skips.insert(skip.to, (skip.from, gates.clone().narrow(0, unit, 1)));
        }
    }

    /// Lets the gates of a group's units waver by `deviation` [units] around where they stand: a normal draw for each sample
    /// and token, the same from the same seed.
    pub fn waver_at(&mut self, sites: &[GateSite], deviation: &Tensor<1>, seed: u64) {
        let still = Tensor::zeros([1], &deviation.device());
        let factors = Tensor::cat(vec![deviation.clone(), still], 0);
        for (at, site) in sites.iter().enumerate() {
            let drawn = seed.wrapping_add(at as u64);
            self.noise.insert((site.reader, site.input), (spread(&factors, &site.unit_of), drawn));
        }
    }

    /// Every tensor in it, always in the same order.
    pub(crate) fn tensors(&self) -> Vec<&Tensor<1>> {
        let (params, skips) = (self.params.values().map(|(_, gate)| gate), self.skips.values().map(|(_, gate)| gate));
        let noise = self.noise.values().map(|(deviation, _)| deviation);
        self.inputs.values().chain(noise).chain(params).chain(skips).collect()
    }

    /// The same gates with each tensor as `f` makes it.
    pub(crate) fn map(&self, f: impl Fn(Tensor<1>) -> Tensor<1>) -> Self {
        let mut gates = self.clone();
        gates.inputs.values_mut().for_each(|gate| *gate = f(gate.clone()));
        gates.noise.values_mut().for_each(|(deviation, _)| *deviation = f(deviation.clone()));
        gates.params.values_mut().for_each(|(_, gate)| *gate = f(gate.clone()));
        gates.skips.values_mut().for_each(|(_, gate)| *gate = f(gate.clone()));
        gates
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
        match self.noise.get(&(node, at)) {
            None => each_rank!(value, x -> along(x, axis + 1, gates.clone())),
            Some((deviation, seed)) => each_rank!(value, x -> {
                let drawn = along(normal(&x, *seed, node), axis + 1, deviation.clone());
                along(x.clone(), axis + 1, gates.clone()) + x * drawn
            }),
        }
    }

    /// A sum, by its branch's gate between what it was before the branch and what it is.
    pub(crate) fn sum(&self, node: NodeId, before: Option<Value>, after: Value) -> Value {
        let Some((_, gate)) = self.skips.get(&node) else { return after };
        /// before + gate (after - before), for values of one rank.
        macro_rules! between {
            ($($rank:ident),*) => {
                match (before, after) {
                    $((Some(Value::$rank(before)), Value::$rank(after)) => {
                        Value::$rank(before.clone() + (after - before) * gate.clone().unsqueeze())
                    })*
                    (_, after) => after,
                }
            };
        }
        between!(R1, R2, R3, R4)
    }
}

/// For each feature its unit's factor; `factors` ends with the one for features without.
fn spread(factors: &Tensor<1>, unit_of: &[Option<u32>]) -> Tensor<1> {
    let none = factors.dims()[0] as u32 - 1;
    let places: Vec<i32> = unit_of.iter().map(|unit| unit.unwrap_or(none) as i32).collect();
    let places = TensorData::new(places, [unit_of.len()]);
    factors.clone().select(0, Tensor::<1, Int>::from_data(places, &factors.device()))
}

/// Standard normal draws of x's shape.
fn normal<const D: usize>(x: &Tensor<D>, seed: u64, node: NodeId) -> Tensor<D> {
    let mut rng = Rng::keyed(seed, "gate-noise", u64::from(node.0), "");
    let drawn: Vec<f32> = (0..x.dims().iter().product::<usize>()).map(|_| rng.normal()).collect();
    Tensor::from_data(TensorData::new(drawn, x.dims()), &x.device())
}

fn along<const D: usize>(x: Tensor<D>, axis: usize, gates: Tensor<1>) -> Tensor<D> {
    let mut shape = [1; D];
    shape[axis] = x.dims()[axis];
    x * gates.reshape(shape)
}
