use std::cell::Cell;
use std::collections::BTreeMap;

use burn::tensor::Tensor;
use secateur_exec::rng::Rng;
use secateur_exec::train::{Learner, Next, Plain, Seen, State, TrainSpec, View};
use secateur_exec::{ExecError, Params, Value};
use secateur_graph::{Graph, Masks};

use super::{Bank, Budget, Kind};
use crate::parts::learn::{Learnt, Lesson, look};
use crate::{GateRow, Lab, Look, MethodError};

/// What open gates cost beside the budget [1]: from what is learnt of each row and the probabilities of staying open.
pub type Price<'a> = dyn Fn(&[Vec<Tensor<1>>], &[Tensor<1>]) -> Tensor<1> + 'a;

/// The model behind gates that are drawn anew for every pass.
pub struct Gated<'a> {
    pub graph: &'a Graph,
    pub bank: &'a Bank,
    pub kind: &'a dyn Kind,
    pub budget: Option<&'a Budget>,
    pub price: Option<&'a Price<'a>>,
    /// What the parameters are seen through.
    pub under: &'a dyn View,
    pub seed: u64,
    pub now: Cell<Steering>,
}

/// Where a training is.
#[derive(Clone, Copy, Debug)]
pub struct Steering {
    /// The step from which on gates learn.
    pub begin: u64,
    /// The share of the steps from there on that is done.
    pub done: f64,
    /// What the watcher multiplies penalties with.
    pub penalty: f64,
}

impl Default for Steering {
    fn default() -> Self {
        Self { begin: 0, done: 0.0, penalty: 1.0 }
    }
}

impl View for Gated<'_> {
    fn seen(&self, draw: u64, params: &Params, extra: &BTreeMap<String, Value>) -> Result<Seen, ExecError> {
        let Seen { params, mut gates, .. } = self.under.seen(draw, params, extra)?;
        let learnt = self.learnt(extra)?;
        for (row, parts) in self.bank.rows.iter().zip(&learnt) {
            let mut draws = Rng::keyed(self.seed, "gate", draw, &row.group.name());
            self.kind.open(&mut gates, self.graph, row, parts, &mut draws)?;
        }
        let kept: Vec<Tensor<1>> = learnt.iter().map(|parts| self.kind.kept(parts)).collect();
        let Steering { done, penalty, .. } = self.now.get();
        let price = self.price.map(|price| price(&learnt, &kept) * penalty);
        let budget = self.budget.map(|budget| budget.price(budget.size.left(&kept), budget.target_at(done), extra));
        let penalty = [price, budget.transpose()?].into_iter().flatten().reduce(|a, b| a + b);
        Ok(Seen { params, gates, penalty })
    }
}

impl<'a> Gated<'a> {
    /// Nothing is paid for open gates, and the parameters are seen as they are.
    pub fn new(graph: &'a Graph, bank: &'a Bank, kind: &'a dyn Kind, seed: u64) -> Self {
        Self { graph, bank, kind, budget: None, price: None, under: &Plain, seed, now: Cell::default() }
    }

    /// What is learnt of each row, as it is now.
    fn learnt(&self, extra: &BTreeMap<String, Value>) -> Result<Vec<Vec<Tensor<1>>>, ExecError> {
        let part = |name: String| match extra.get(&name) {
            Some(Value::R1(part)) => Ok(part.clone()),
            _ => Err(ExecError::Missing { name }),
        };
        self.bank.rows.iter().map(|row| row.leaves(self.kind).map(part).collect()).collect()
    }

    /// The expected share that stays, and how far each gate is open.
    async fn look(&self, learner: &Learner<'_>, spec: &TrainSpec) -> Result<Look, ExecError> {
        let open = self.bank.settled(self.kind, &learner.state).await?;
        let extra = learner.state.extra.iter().map(|(name, leaf)| (name.clone(), leaf.value.clone())).collect();
        let mut curves = Vec::new();
        if let Some(budget) = self.budget {
            let kept: Vec<Tensor<1>> = self.learnt(&extra)?.iter().map(|parts| self.kind.kept(parts)).collect();
            let left = Value::R1(budget.size.left(&kept)).read().await?[0];
            curves.push(("expected sparsity", 1.0 - f64::from(left)));
            curves.push(("target", budget.target_at(self.now.get().done)));
        }
        let gates: f64 = open.iter().flatten().map(|gate| f64::from(*gate)).sum();
        curves.push(("mean gate", gates / open.iter().flatten().count().max(1) as f64));
        let row = |(row, open): (&super::Row, Vec<f32>)| GateRow { group: row.at, open };
        let gates = self.bank.rows.iter().zip(open).map(row).collect();
        Ok(Look { curves, gates, ..look(learner, spec) })
    }
}

/// Trains what the lesson says behind gates, with somebody watching the gates. The lesson's view is `gated`.
pub async fn learn(lab: &Lab<'_>, lesson: &Lesson<'_>, gated: &Gated<'_>, state: State) -> Result<Learnt, MethodError> {
    let step = async |learner: &mut Learner<'_>| {
        learner.update();
        let begin = gated.now.get().begin;
        let done = (learner.state.step() - begin) as f64 / (lesson.spec.steps - begin).max(1) as f64;
        gated.now.set(Steering { begin, done, penalty: lab.watch.steer().penalty });
        if lab.watch.due() {
            lab.watch.look(gated.look(learner, &lesson.spec).await?);
        }
        Ok(Next::On)
    };
    lab.train(lesson, state, &Masks::default(), step).await
}
