use std::collections::BTreeMap;

use burn::tensor::Tensor;
use secateur_graph::Graph;
use secateur_graph::groups::{Group, UnitKind};

use crate::rng::Rng;
use crate::train::{DenoiseStep, Seen, Target, View, at_once, by_step};
use crate::{Compute, ExecError, Gates, Inputs, Params, Value, entries};

/// Gradients of all channels' gates through a whole drawing, for whoever holds the clock or counts the memory.
pub struct DrawingBench<'a> {
    compute: &'a Compute,
    graph: &'a Graph,
    params: &'a Params,
    groups: Vec<Group>,
}

/// How gradients go back through the steps of a drawing.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Way {
    /// Each step is run a second time when its gradients are worked out.
    ByStep,
    /// All steps are kept: plain back-propagation.
    AtOnce,
}

/// All gates open three quarters.
const OPEN: f32 = 0.75;

struct Gated<'a> {
    graph: &'a Graph,
    groups: &'a [Group],
}

impl View for Gated<'_> {
    fn seen(&self, _: u64, params: &Params, extra: &BTreeMap<String, Value>) -> Result<Seen, ExecError> {
        let mut gates = Gates::default();
        for group in self.groups {
            if let Some(Value::R1(gate)) = extra.get(&group.name()) {
                gates.open(self.graph, group, gate.clone());
            }
        }
        Ok(Seen { params: params.clone(), gates, penalty: None })
    }
}

impl<'a> DrawingBench<'a> {
    /// Of a model with inputs `sample`, `timestep` and perhaps `class_labels`.
    pub fn new(compute: &'a Compute, graph: &'a Graph, params: &'a Params) -> Self {
        let groups = graph.groups().into_iter().filter(|group| group.kind == UnitKind::Channels).collect();
        Self { compute, graph, params, groups }
    }

    /// The loss of one drawing held beside an empty picture, and its gradients.
    pub async fn run(&self, steps: &[DenoiseStep], way: Way) -> Result<(f32, Vec<f32>), ExecError> {
        let Self { compute, graph, groups, .. } = self;
        let params = self.params.tracked_only(&Default::default());
        let leaf = |units: usize| Tensor::<1>::full([units], OPEN, compute.device()).autodiff().require_grad();
        let leaves: Vec<Tensor<1>> = groups.iter().map(|group| leaf(group.units)).collect();
        let names = groups.iter().map(Group::name);
        let extra = names.zip(leaves.iter().cloned().map(Value::R1)).collect();
        let (inputs, target) = self.shown()?;
        let gradients = match way {
            Way::ByStep => by_step,
            Way::AtOnce => at_once,
        };
        let view = Gated { graph, groups };
        let (loss, whole) = gradients(graph, steps, &view, (0, &params, &extra), &inputs, target)?;
        let found = whole.backward();
        let mut slopes = Vec::new();
        for leaf in &leaves {
            if let Some(slope) = leaf.grad(&found) {
                slopes.extend(Value::R1(slope).read().await?);
            }
        }
        compute.check()?;
        Ok((Value::R1(loss).read().await?[0], slopes))
    }

    /// One picture of noise, of no class, and nothing.
    fn shown(&self) -> Result<(Inputs, Target), ExecError> {
        let Self { compute, graph, .. } = self;
        let (mut inputs, mut rng) = (Inputs::default(), Rng::keyed(0, "bench-drawing", 0, ""));
        let missing = || ExecError::Missing { name: "sample".into() };
        let shape = &graph.inputs().find(|node| node.name == "sample").ok_or_else(missing)?.shape;
        let count = shape.iter().product();
        inputs.upload(compute, graph, "sample", 1, (0..count).map(|_| rng.normal()).collect())?;
        if let Some(labels) = graph.inputs().find(|node| node.name == "class_labels") {
            let none = entries(graph, labels).unwrap_or(1) - 1;
            inputs.upload(compute, graph, "class_labels", 1, vec![none as f32])?;
        }
        let shape: Vec<usize> = [1].into_iter().chain(shape.iter().copied()).collect();
        Ok((inputs, Target::Values(Value::upload(compute, &shape, vec![0.0; count])?)))
    }
}
