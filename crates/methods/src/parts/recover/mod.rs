//! Recovery after a cut: few parameters learn, or all of them, and what is pruned stays 0.

mod adapters;
mod pieces;

use std::collections::{BTreeMap, BTreeSet};

use secateur_exec::train::{Course, Learner, Next, Schedule, State, TrainSpec};
use secateur_exec::{Params, Value};
use secateur_graph::{Graph, Masks, ParamId, Role};
use secateur_protocol::{Field, RecipeError};

pub(crate) use self::adapters::{Adapters, Kind};
use super::fields::Values;
use super::learn::{Learnt, Lesson};
use crate::{Lab, MethodError, Outcome};

/// What learns, and for how long.
#[derive(Clone, Debug)]
pub(crate) struct Recovery {
    train: Train,
    adapter: Kind,
    rank: usize,
    alpha: f64,
    scope: Scope,
    /// Samples in each step.
    batch: usize,
    spec: TrainSpec,
}

/// What learns together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Scope {
    /// The whole model, its task.
    Model,
    /// One block after the other, what the dense one answers.
    Blocks,
}

/// Which parameters learn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Train {
    Biases,
    Norms,
    /// Both of them.
    Selected,
    /// Those, and the last layer's weight.
    Head,
    /// Those but for the head, and an adapter on each masked weight.
    Adapters,
    /// All parameters.
    Full,
}

/// A model that has recovered.
pub(crate) struct Recovered {
    pub params: Params,
    /// How many numbers learnt, of how many there are; and why it ended early, if it did. A sentence each.
    pub notes: Vec<String>,
}

/// What a piece of a model learns by itself.
struct Alone<'a> {
    course: &'a dyn Course,
    /// Parameters that other pieces have too, as a head tied to an embedding: what one learnt would change the others.
    shared: BTreeSet<ParamId>,
}

/// What [`Recovery::learn`] gives.
struct Learned {
    params: Params,
    /// Numbers that learnt.
    numbers: usize,
    /// Why it ended early, if it did.
    note: Option<String>,
}

/// The model that a cut leaves: what it changed over the dense model, pruned entries at 0.
pub(crate) fn left(lab: &Lab<'_>, cut: &Outcome) -> Result<Params, MethodError> {
    let value = |id| Some((id, cut.params.as_ref()?.get(lab.graph, id).ok()?.clone()));
    let changed: BTreeMap<ParamId, Value> = lab.graph.param_ids().filter_map(value).collect();
    Ok(lab.params.with(&changed).masked(lab.compute, lab.graph, &cut.masks)?)
}

impl Recovery {
    /// The settings that [`Recovery::read`] wants beside those of [`fields::training`](super::fields::training).
    pub fn fields() -> Vec<Field> {
        let adapter = |field: Field| field.only_if("train", &["adapters"]);
        vec![
            Field::choice(
                "train",
                "adapters",
                &["adapters", "biases", "norms", "selected", "head", "full"],
                "What learns after the cut. biases, norms, selected: both of them. head: those and the last layer. adapters: \
                 biases, norms and a low-rank adapter on each pruned weight. full: everything that is left.",
            ),
            adapter(Field::choice(
                "adapter",
                "mask",
                &["mask", "scale", "late"],
                "mask: W + (alpha / rank) mask * (B A), from the first step on. scale: W * (B A). late: plain LoRA, masked when \
                 it is merged.",
            )),
            adapter(Field::whole("rank", 16, 1, 256, "Columns of B and rows of A.")),
            adapter(Field::number("alpha", 32.0, 0.01, 1024.0, "An adapter counts alpha / rank times.")),
            Field::choice(
                "scope",
                "model",
                &["model", "blocks"],
                "model: all of it learns its task, end to end. blocks: one block after the other learns to answer the calibration \
                 samples as the dense one does, from what the recovered ones before it give; steps are those of a block.",
            )
            .only_if("train", &["adapters", "biases", "norms", "selected", "full"]),
        ]
    }

    pub fn read(values: &Values<'_>) -> Result<Self, RecipeError> {
        let train = match values.text("train")?.as_str() {
            "biases" => Train::Biases,
            "norms" => Train::Norms,
            "selected" => Train::Selected,
            "head" => Train::Head,
            "full" => Train::Full,
            _ => Train::Adapters,
        };
        let adapter = match values.text("adapter")?.as_str() {
            "scale" => Kind::Scale,
            "late" => Kind::Late,
            _ => Kind::Mask,
        };
        let (steps, lr) = (values.number("steps")? as u64, values.number("lr")?);
        let shape = TrainSpec { warmup: 0.1, schedule: Schedule::Linear, weight_decay: 0.0, ..TrainSpec::default() };
        let (rank, alpha) = (values.number("rank")? as usize, values.number("alpha")?);
        let blocks = train != Train::Head && values.text("scope")? == "blocks";
        let scope = if blocks { Scope::Blocks } else { Scope::Model };
        let batch = values.number("batch")? as usize;
        Ok(Self { train, adapter, rank, alpha, scope, batch, spec: TrainSpec { steps, lr, ..shape } })
    }

    /// Learns on the model's task, or on what the dense blocks answer. `params` are the cut model's, pruned entries at 0, and
    /// stay so.
    pub async fn run(&self, lab: &Lab<'_>, params: Params, masks: &Masks, seed: u64) -> Result<Recovered, MethodError> {
        if self.train.learned(lab.graph).is_empty() && self.train != Train::Adapters {
            let why = "it has none of the parameters that should learn; take train = adapters or full";
            return Err(MethodError::Unfit { why: why.into() });
        }
        if self.scope == Scope::Blocks {
            return pieces::recover(self, lab, params, masks, seed).await;
        }
        let Learned { params, numbers, note } = self.learn(lab, params, masks, seed, None).await?;
        let notes = [told(lab.graph, numbers)].into_iter().chain(note).collect();
        Ok(Recovered { params, notes })
    }

    /// Learns the model's task, or what a piece of it learns by itself.
    async fn learn(
        &self,
        lab: &Lab<'_>,
        params: Params,
        masks: &Masks,
        seed: u64,
        alone: Option<&Alone<'_>>,
    ) -> Result<Learned, MethodError> {
        let graph = lab.graph;
        let mut learned = self.train.learned(graph);
        learned.retain(|id| alone.is_none_or(|alone| !alone.shared.contains(id)));
        let adapters = (self.train == Train::Adapters)
            .then(|| Adapters::new(lab.compute, graph, masks, self.adapter, self.rank, self.alpha));
        let mut state = State::new(graph, params);
        if let Some(adapters) = &adapters {
            state = adapters.begin(lab.compute, state, seed)?;
        }
        let beside = state.extra.values().map(|leaf| leaf.value.shape().iter().product::<usize>());
        let numbers = learned.iter().map(|id| graph.param(*id).len()).chain(beside).sum();
        let course = alone.map(|alone| alone.course);
        let plain = Lesson { learned: Some(&learned), course, ..Lesson::plain(self.spec.clone()) };
        let lesson = match &adapters {
            Some(adapters) => Lesson { view: adapters, ..plain },
            None => plain,
        };
        let step = async |learner: &mut Learner<'_>| {
            learner.update();
            Ok(Next::On)
        };
        let Learnt { state, note } = lab.train(&lesson, state, masks, step).await?;
        let params = match &adapters {
            Some(adapters) => adapters.merged(&state)?,
            None => state.params,
        };
        Ok(Learned { params: params.masked(lab.compute, graph, masks)?, numbers, note })
    }
}

fn told(graph: &Graph, numbers: usize) -> String {
    let all: usize = graph.param_ids().map(|id| graph.param(id).len()).sum();
    format!("{numbers} numbers learnt, {:.2} % of the {all} that the model has.", 100.0 * numbers as f64 / all as f64)
}

impl Train {
    fn learned(self, graph: &Graph) -> BTreeSet<ParamId> {
        let head = graph.prunable().last();
        let learns = |id: &ParamId| match (self, graph.param(*id).role) {
            (_, Role::Statistic) => false,
            (Self::Full, _) => true,
            (Self::Biases, role) => role == Role::Bias,
            (Self::Norms, role) => role == Role::Norm,
            (Self::Head, Role::Weight) => Some(*id) == head,
            (_, role) => matches!(role, Role::Bias | Role::Norm),
        };
        graph.param_ids().filter(learns).collect()
    }
}
