use std::cell::Cell;
use std::collections::BTreeSet;

use secateur_exec::Params;
use secateur_exec::train::{Learner, Next, Schedule, State, TrainSpec};
use secateur_graph::{Graph, Mask, Masks, NodeId, Op, ParamId};
use secateur_kernels::gate::Stretch;
use secateur_protocol::{Card, Field, Filing, Need, Recipe};

use crate::parts::fields::{self, Training, Values};
use crate::parts::gates::{self, Bank, Budget, Gated, HardConcrete, Steering};
use crate::parts::learn::{Learnt, Lesson};
use crate::parts::recover::{Adapters, Kind};
use crate::{Lab, Method, MethodError, Outcome, Run};

pub static METHOD: Compresso = Compresso;

/// Hard concrete gates learnt together with low-rank adapters.
pub struct Compresso;

/// Share of the steps in which only the adapters learn, and of the others in which the target rises.
const ALONE: f64 = 0.125;
const RAMP: f64 = 0.57;
/// What the code multiplies log alpha with before the sigmoid of the gates that stay.
const HARDNESS: f32 = 0.8;

impl Method for Compresso {
    fn card(&self) -> Card {
        card()
    }

    fn run<'a>(&'a self, lab: &'a mut Lab<'_>, recipe: &'a Recipe) -> Run<'a> {
        Box::pin(learn(lab, recipe))
    }
}

async fn learn(lab: &Lab<'_>, recipe: &Recipe) -> Result<Outcome, MethodError> {
    let card = card();
    let recipe = recipe.clone().checked(&card)?;
    let values = Values { card: &card, recipe: &recipe };
    let (Training { steps, lr }, rate) = Training::read(&card, &recipe)?.beside(values.number("gate_lr")?);
    let bank = Bank::of(lab, &values.text("gates")?)?;
    let far = HardConcrete::FAR;
    let kind = HardConcrete { stretch: Stretch::default(), calm: 0.0, start: far, bounds: Some((-far, far)), rate };
    let budget = Budget::read(lab, &bank, &values, [RAMP, rate]).await?;

    if queries_and_values(lab.graph).is_empty() {
        let why = "it has no attention whose queries and values could have adapters; l0 learns gates of any model";
        return Err(MethodError::Unfit { why: why.into() });
    }
    let lora = Lora { lab, seed: recipe.seed, rank: values.number("rank")? as usize, alpha: values.number("alpha")? };
    let adapters = lora.adapters(&full(lab)?, Kind::Late);
    let state = adapters.begin(lab.compute, State::new(lab.graph, lab.params.clone()), recipe.seed)?;
    let spec = |steps| TrainSpec {
        steps,
        lr,
        warmup: 0.0,
        schedule: Schedule::Constant,
        weight_decay: 0.0,
        ..TrainSpec::default()
    };
    let frozen = BTreeSet::new();
    let alone = (ALONE * steps as f64) as u64;
    let first = Lesson { view: &adapters, learned: Some(&frozen), ..Lesson::plain(spec(alone)) };
    let Learnt { state, note } = lab.train(&first, state, &Masks::default(), update).await?;
    let mut notes: Vec<String> = note.into_iter().collect();

    let state = budget.start(lab.compute, bank.start(lab.compute, &kind, recipe.seed, state)?)?;
    let gated = Gated {
        budget: Some(&budget),
        under: &adapters,
        now: Cell::new(Steering { begin: alone, ..Steering::default() }),
        ..Gated::new(lab.graph, &bank, &kind, recipe.seed)
    };
    let lesson = Lesson { view: &gated, learned: Some(&frozen), ..Lesson::plain(spec(steps)) };
    let Learnt { state, note } = gates::learn(lab, &lesson, &gated, state).await?;
    notes.extend(note);

    let log_alpha = gates::one_part(bank.read(&kind, &state).await?);
    let counts: Vec<f64> = log_alpha.iter().map(|row| kind.expected_closed(row)).collect();
    let decision = gates::decide(&bank, &log_alpha, &counts);
    notes.push(gates::told(lab, &budget.size, &decision).await?);
    let open: Vec<Vec<f32>> =
        log_alpha.iter().map(|row| row.iter().map(|value| stays(&kind, *value)).collect()).collect();
    let merged = adapters.merged(&state)?;
    let (params, unfolded) = gates::fold(lab.compute, lab.graph, &bank, &open, &merged).await?;
    notes.extend(gates::left_out(unfolded));
    let masks = decision.masks(lab)?;
    let params = params.masked(lab.compute, lab.graph, &masks)?;
    let params = lora.tuned(params, &masks, spec(values.number("tune")? as u64), &mut notes).await?;
    gates::outcome(lab, &bank, &decision, &log_alpha, Some(params), notes)
}

/// How far a gate that stays is open.
fn stays(kind: &HardConcrete, log_alpha: f32) -> f32 {
    1.0 / (1.0 + (-HARDNESS * log_alpha / kind.stretch.beta).exp())
}

async fn update(learner: &mut Learner<'_>) -> Result<Next, MethodError> {
    learner.update();
    Ok(Next::On)
}

/// Low-rank adapters on what makes queries and values (Hu et al., 2022).
struct Lora<'a> {
    lab: &'a Lab<'a>,
    seed: u64,
    rank: usize,
    alpha: f64,
}

impl<'a> Lora<'a> {
    fn adapters(&self, masks: &Masks, kind: Kind) -> Adapters<'a> {
        Adapters::new(self.lab.compute, self.lab.graph, masks, kind, self.rank, self.alpha)
    }

    /// The cut model after it has learnt on with new adapters; what is pruned stays 0.
    async fn tuned(
        &self,
        params: Params,
        masks: &Masks,
        spec: TrainSpec,
        notes: &mut Vec<String>,
    ) -> Result<Params, MethodError> {
        let mut held = Masks::default();
        for id in queries_and_values(self.lab.graph) {
            if let Some(mask) = masks.get(id) {
                held.set(self.lab.graph, id, mask.clone())?;
            }
        }
        let adapters = self.adapters(&held, Kind::Mask);
        let state = adapters.begin(self.lab.compute, State::new(self.lab.graph, params), self.seed)?;
        let frozen = BTreeSet::new();
        let spec = TrainSpec { schedule: Schedule::Cosine, ..spec };
        let lesson = Lesson { view: &adapters, learned: Some(&frozen), ..Lesson::plain(spec) };
        let Learnt { state, note } = self.lab.train(&lesson, state, &Masks::default(), update).await?;
        notes.extend(note);
        Ok(adapters.merged(&state)?)
    }
}

/// Masks that keep everything, of the weights that have adapters.
fn full(lab: &Lab<'_>) -> Result<Masks, MethodError> {
    let mut masks = Masks::default();
    for id in queries_and_values(lab.graph) {
        masks.set(lab.graph, id, Mask::full(lab.graph.param(id).len()))?;
    }
    Ok(masks)
}

/// The weights that make the queries and values of every attention.
fn queries_and_values(graph: &Graph) -> BTreeSet<ParamId> {
    let attentions = graph.nodes.iter().filter(|node| matches!(node.op, Op::Attention(_)));
    let inputs = attentions.flat_map(|node| [node.inputs.first(), node.inputs.get(2)]);
    inputs.flatten().filter_map(|input| made_by(graph, *input)).collect()
}

/// The weight of the linear layer that a value comes from, through what has no weights.
fn made_by(graph: &Graph, id: NodeId) -> Option<ParamId> {
    let node = graph.node(id);
    match &node.op {
        Op::Linear(_) => node.params.first().copied(),
        _ => made_by(graph, *node.inputs.first()?),
    }
}

fn card() -> Card {
    Card {
        id: "compresso".into(),
        name: "Compresso".into(),
        paper: "Compresso: Structured Pruning with Collaborative Prompting Learns Compact Large Language Models".into(),
        authors: "Song Guo, Jiahang Xu, Li Lyna Zhang, Mao Yang".into(),
        year: 2023,
        arxiv: "2310.05015".into(),
        sentence: "Gates on heads, neurons and features learn which of them to shut while small adapters learn to do without them."
            .into(),
        when: "Language models that are to become a third smaller, where all weights are too many to train: only the gates and \
               the adapters learn."
            .into(),
        formula: "L = task + l1 (s - s*) + l2 (s - s*)^2, l1 and l2 by ascent; s = 1 - sum of products of P(z > 0); a group loses \
                  round(sum of P(z = 0)) of its units"
            .into(),
        differs: "The prompt that tells the model that it is being pruned is left out: it is for models that follow \
                  instructions. The authors' neuron gates act twice, before and after the activation, and features where a \
                  sub-layer ends; here gates act where units are read. Embeddings are not counted, as in the code; keys and \
                  values that several heads share are counted as they are. The adapters' learning rate stays instead of \
                  falling."
            .into(),
        needs: vec![Need::Training],
        filing: Filing {
            unit: "N,H,E".into(),
            speedup: "universal".into(),
            criterion: "learned gate".into(),
            learned_by: "regulariser".into(),
            allocation: "adaptive".into(),
            rounds: "gradual".into(),
            data: "labelled".into(),
            recovery: "fine-tune".into(),
            family: "LM".into(),
            ..Filing::plain()
        },
        fields: [
            vec![gates::field("heads,neurons,width")],
            gates::fields(0.3),
            vec![
                Field::number("gate_lr", 0.1, 0.0, 10.0, "Learning rate of the gates and of the budget's multipliers."),
                Field::whole("rank", 8, 1, 256, "Columns of B and rows of A of an adapter."),
                Field::number("alpha", 8.0, 0.01, 1024.0, "An adapter counts alpha / rank times."),
                Field::whole("tune", 100, 0, 1_000_000, "Steps to learn for with new adapters when the cut is made."),
            ],
            fields::training(500, 1e-3, 8),
        ]
        .concat(),
    }
}
