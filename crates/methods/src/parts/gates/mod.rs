//! Gates that are learnt: one for each unit of some groups, between 0 (as good as removed) and 1. A [`Kind`] says how they are
//! drawn, a [`Budget`] what keeps them from all staying open, [`decide`] which units go in the end, and [`fold`] makes the open
//! gates a part of the weights.

mod bottleneck;
mod budget;
mod concrete;
mod decide;
mod fence;
mod fold;
mod learn;
#[cfg(test)]
mod parity;
mod size;

use burn::tensor::Tensor;
use secateur_exec::rng::Rng;
use secateur_exec::train::{Leaf, State};
use secateur_exec::{Compute, ExecError, Gates, Value};
use secateur_graph::Graph;
use secateur_graph::groups::{GateSite, Group, UnitKind};
use secateur_protocol::Field;

use crate::{Lab, MethodError};

pub use bottleneck::{Bottleneck, signal};
pub use budget::{Budget, fields};
pub use concrete::HardConcrete;
pub use decide::{Decision, decide, left_out, lowest_overall, outcome, told};
pub use fence::{BELOW_ALL, half_way, kth_lowest};
pub use fold::fold;
pub use learn::{Gated, Steering, learn};
pub use size::{Measure, Size};

/// The groups whose units have gates.
pub struct Bank {
    pub rows: Vec<Row>,
}

/// The gates of one group.
pub struct Row {
    /// The group's place in the graph's list.
    pub at: usize,
    pub group: Group,
    /// Where they are multiplied in.
    pub sites: Vec<GateSite>,
}

/// How gates are drawn, and what is learnt of them.
pub trait Kind {
    /// What is learnt of a row, a number for each unit: its name, and where it begins.
    fn start(&self, units: usize, rng: &mut Rng) -> Vec<(&'static str, Vec<f32>)>;

    /// How fast it is learnt, and its bounds.
    fn leaf(&self, value: Value) -> Leaf;

    /// Opens a row's gates for one pass. `parts`: what is learnt, in the order of [`Kind::start`]; `draws` [units]: where
    /// chance comes from.
    fn open(
        &self,
        gates: &mut Gates,
        graph: &Graph,
        row: &Row,
        parts: &[Tensor<1>],
        draws: &mut Rng,
    ) -> Result<(), ExecError>;

    /// The probability that each gate stays open [units], differentiable.
    fn kept(&self, parts: &[Tensor<1>]) -> Tensor<1>;

    /// What a gate is when nothing is left to chance.
    fn settled(&self, parts: &[f32]) -> f32;
}

/// Which units have gates; for [`Bank::of`].
pub fn field(default: &'static str) -> Field {
    Field::choice(
        "gates",
        default,
        &[
            "heads,neurons,width",
            "heads,neurons,channels",
            "heads,neurons",
            "neurons,channels",
            "heads",
            "neurons",
            "channels",
        ],
        "Units that have a gate each. Those that a model does not have are left out.",
    )
}

impl Bank {
    /// Gates of all units of these kinds, e.g. `heads,neurons`.
    ///
    /// # Errors
    /// If the model has none.
    pub fn of(lab: &Lab<'_>, kinds: &str) -> Result<Self, MethodError> {
        let groups = lab.graph.groups_with(lab.vocabulary);
        let wanted = |kind: UnitKind| kinds.split(',').any(|word| word == kind.word());
        let there = UnitKind::ALL.into_iter().filter(|kind| groups.iter().any(|group| group.kind == *kind));
        let there = there.map(UnitKind::word).collect::<Vec<_>>().join(", ");
        let groups = groups.into_iter().enumerate().filter(|(_, group)| wanted(group.kind));
        let row = |(at, group): (usize, Group)| Row { at, sites: group.gate_sites(lab.graph), group };
        let rows: Vec<Row> = groups.map(row).collect();
        if rows.is_empty() { Err(MethodError::NoUnits { wanted: kinds.into(), there }) } else { Ok(Self { rows }) }
    }

    /// A state with what is learnt of the gates before the first step.
    pub fn start(&self, compute: &Compute, kind: &dyn Kind, seed: u64, state: State) -> Result<State, ExecError> {
        let mut state = state;
        for row in &self.rows {
            let mut rng = Rng::keyed(seed, "gate-start", 0, &row.group.name());
            for (part, values) in kind.start(row.group.units, &mut rng) {
                let value = Value::upload(compute, &[values.len()], values)?;
                state = state.with(row.leaf(part), kind.leaf(value));
            }
        }
        Ok(state)
    }

    /// What was learnt of each row, brought back: for each unit the numbers in the order of [`Kind::start`].
    pub async fn read(&self, kind: &dyn Kind, state: &State) -> Result<Vec<Vec<Vec<f32>>>, ExecError> {
        let mut rows = Vec::new();
        for row in &self.rows {
            let mut units = vec![Vec::new(); row.group.units];
            for name in row.leaves(kind) {
                let leaf = state.extra.get(&name).ok_or(ExecError::Missing { name })?;
                let values = leaf.value.read().await?;
                units.iter_mut().zip(values).for_each(|(unit, value)| unit.push(value));
            }
            rows.push(units);
        }
        Ok(rows)
    }

    /// How far each gate is open when nothing is left to chance.
    pub async fn settled(&self, kind: &dyn Kind, state: &State) -> Result<Vec<Vec<f32>>, ExecError> {
        let rows = self.read(kind, state).await?;
        Ok(rows.iter().map(|row| row.iter().map(|parts| kind.settled(parts)).collect()).collect())
    }
}

/// Of each unit the only number that is learnt.
pub fn one_part(rows: Vec<Vec<Vec<f32>>>) -> Vec<Vec<f32>> {
    rows.into_iter().map(|row| row.into_iter().flatten().collect()).collect()
}

impl Row {
    fn leaf(&self, part: &str) -> String {
        format!("gates.{}.{part}", self.at)
    }

    /// The names of what is learnt of this row.
    fn leaves(&self, kind: &dyn Kind) -> impl Iterator<Item = String> + '_ {
        let parts = kind.start(0, &mut Rng::keyed(0, "gate-start", 0, ""));
        parts.into_iter().map(|(part, _)| self.leaf(part))
    }
}
