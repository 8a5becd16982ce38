//! Iterative magnitude pruning: train, cut, put what is left back to early values, and again.

use burn::tensor::Tensor;
use secateur_exec::rng::Rng;
use secateur_exec::train::{Learner, Next, Seen, State, TrainSpec};
use secateur_exec::{Gates, Params, Value};
use secateur_graph::{Mask, Masks};
use secateur_protocol::{Card, Field, Recipe, RecipeError};

use super::select::{gathered, weight};
use super::{Spread, Start, descent, descent_fields, lowest, magnitudes, outcome};
use crate::parts::fields::Values;
use crate::parts::learn::{Learnt, Lesson};
use crate::parts::schedule::geometric;
use crate::{Lab, Method, MethodError, Outcome, Run};

/// Times that a training is looked at, to see when it was best.
const LOOKS: u64 = 10;

/// Rounds of training, cutting and going back; how far back is the setting `rewind` where the card has one, and else the very
/// beginning.
pub struct Tickets {
    pub card: fn() -> Card,
}

/// A checked recipe.
struct Wish {
    sparsity: f64,
    rounds: u64,
    spread: Spread,
    control: Control,
    /// Steps to go back to.
    rewind: u64,
    start: Start,
    spec: TrainSpec,
    seed: u64,
}

/// What the last training begins with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Control {
    /// The weights of the step gone back to.
    Ticket,
    /// Fresh ones, from the first step on.
    Reinitialised,
    /// The ticket's, with each layer's mask shuffled.
    Permuted,
}

/// A training that has ended.
struct Trained {
    params: Params,
    /// The lowest loss on samples that nothing is learnt from, and its step.
    best: (f64, u64),
    note: Option<String>,
}

impl Method for Tickets {
    fn card(&self) -> Card {
        (self.card)()
    }

    fn run<'a>(&'a self, lab: &'a mut Lab<'_>, recipe: &'a Recipe) -> Run<'a> {
        Box::pin(async move {
            let card = self.card();
            let recipe = recipe.clone().checked(&card)?;
            Wish::read(&Values { card: &card, recipe: &recipe })?.run(lab).await
        })
    }
}

impl Tickets {
    /// The settings of every such method.
    pub(crate) fn fields() -> Vec<Field> {
        let own = vec![
            Field::number(
                "sparsity",
                0.8,
                0.0,
                0.99,
                "Share of all prunable weights that is gone after the last round.",
            ),
            Field::whole(
                "rounds",
                5,
                1,
                30,
                "Rounds of training and cutting, each of which takes the same share of what is left; one more training comes \
                 last. 1: one shot.",
            ),
            Field::choice(
                "allocation",
                "global",
                &["global", "uniform"],
                "global: the smallest weights anywhere go. uniform: every layer loses the same share.",
            ),
            Field::choice(
                "control",
                "ticket",
                &["ticket", "reinitialised", "permuted"],
                "What the last training begins with. ticket: the early weights that are left. reinitialised: fresh ones under \
                 the same masks. permuted: the early weights under shuffled masks.",
            ),
            Start::field("initialised"),
        ];
        [own, descent_fields(500, "adamw", 1.2e-3, 64)].concat()
    }
}

impl Wish {
    fn read(values: &Values<'_>) -> Result<Self, RecipeError> {
        let spec = descent(values)?;
        let rewind = if values.card.field("rewind").is_some() { values.number("rewind")? } else { 0.0 };
        let control = match values.text("control")?.as_str() {
            "reinitialised" => Control::Reinitialised,
            "permuted" => Control::Permuted,
            _ => Control::Ticket,
        };
        Ok(Self {
            sparsity: values.number("sparsity")?,
            rounds: values.number("rounds")? as u64,
            spread: Spread::of(&values.text("allocation")?),
            control,
            rewind: (rewind * spec.steps as f64).round() as u64,
            start: Start::read(values)?,
            spec,
            seed: values.recipe.seed,
        })
    }

    async fn run(&self, lab: &Lab<'_>) -> Result<Outcome, MethodError> {
        let early = self.early(lab).await?;
        let mut masks = Masks::default();
        let dense = self.train(lab, early.clone(), &masks).await?;
        let (mut trained, mut losses) = (dense.params.clone(), vec![format!("1: {:.4}", dense.best.0)]);
        let mut last = None;
        for round in 1..=self.rounds {
            let sparsity = geometric(self.sparsity, round, self.rounds);
            masks = lowest(lab.graph, magnitudes(lab, &trained, &masks)?, sparsity, self.spread).await?;
            let begin = if round == self.rounds { self.ticket(lab, &early, &mut masks)? } else { early.clone() };
            let found = self.train(lab, begin, &masks).await?;
            losses.push(format!("{:.3}: {:.4}", 1.0 - sparsity, found.best.0));
            trained.clone_from(&found.params);
            last = Some(found);
        }
        let last = last.as_ref().unwrap_or(&dense);
        let steps = self.spec.steps;
        let mut notes = vec![
            format!("Lowest loss on held-out samples, by the share of weights kept: {}.", losses.join(", ")),
            format!(
                "Reached after {} of {steps} steps by the dense model, after {} by the last one.",
                dense.best.1, last.best.1
            ),
            apart(lab, &dense.params, &trained, &masks).await?,
        ];
        notes.extend([&dense, last].into_iter().filter_map(|trained| trained.note.clone()));
        outcome(lab, &trained, masks, notes)
    }

    /// Where every round begins: the model after the first steps, with what the optimiser remembers.
    async fn early(&self, lab: &Lab<'_>) -> Result<State, MethodError> {
        let state = State::new(lab.graph, self.start.params(lab, self.seed)?);
        if self.rewind == 0 {
            return Ok(state);
        }
        let step = async |learner: &mut Learner<'_>| {
            learner.update();
            Ok(if learner.state.step() < self.rewind { Next::On } else { Next::Stop })
        };
        Ok(lab.train(&Lesson::plain(self.spec.clone()), state, &Masks::default(), step).await?.state)
    }

    /// What the last training begins with, and its masks.
    fn ticket(&self, lab: &Lab<'_>, early: &State, masks: &mut Masks) -> Result<State, MethodError> {
        Ok(match self.control {
            Control::Ticket => early.clone(),
            // Another seed than that of the weights that the masks were found with.
            Control::Reinitialised => {
                State::new(lab.graph, Params::init(lab.compute, lab.graph, self.seed.wrapping_add(1))?)
            }
            Control::Permuted => {
                let shuffled = masks.iter().map(|(id, mask)| {
                    let mut rng = Rng::keyed(self.seed, "permuted-mask", 0, &lab.graph.param(id).name);
                    let mut kept: Vec<bool> = (0..mask.len()).map(|at| mask.is_kept(at)).collect();
                    rng.shuffle(&mut kept);
                    (id, Mask::from_kept(kept.into_iter()))
                });
                *masks = gathered(lab.graph, shuffled)?;
                early.clone()
            }
        })
    }

    /// Trains to the end.
    async fn train(&self, lab: &Lab<'_>, state: State, masks: &Masks) -> Result<Trained, MethodError> {
        let every = (self.spec.steps / LOOKS).max(1);
        let mut best = (f64::INFINITY, state.step());
        let step = async |learner: &mut Learner<'_>| {
            learner.update();
            let at = learner.state.step();
            if at.is_multiple_of(every) || at == self.spec.steps {
                let seen = Seen { params: learner.state.params.clone(), gates: Gates::default(), penalty: None };
                let loss = lab.exam(&seen).await?;
                if loss < best.0 {
                    best = (loss, at);
                }
            }
            Ok(Next::On)
        };
        let Learnt { state, note } = lab.train(&Lesson::plain(self.spec.clone()), state, masks, step).await?;
        // A state that was gone back to is masked already: every step masks.
        Ok(Trained { params: state.params, best, note })
    }
}

/// How far a model has ended from the weights of the dense one that it keeps, and at which angle to them (Frankle et al.,
/// 2019: stability to pruning).
async fn apart(lab: &Lab<'_>, dense: &Params, sparse: &Params, masks: &Masks) -> Result<String, MethodError> {
    let dense = dense.masked(lab.compute, lab.graph, masks)?;
    let mut sums: Tensor<1> = Tensor::zeros([4], lab.compute.device());
    for id in lab.graph.prunable() {
        let (a, b) = (weight(lab.graph, &dense, id)?, weight(lab.graph, sparse, id)?);
        let found = [(a.clone() - b.clone()).square(), a.clone() * b.clone(), a.square(), b.square()];
        sums = sums + Tensor::cat(found.map(Tensor::sum).into(), 0);
    }
    let sums = Value::R1(sums).read().await?;
    let [squares, product, a, b] = [0, 1, 2, 3].map(|at| f64::from(sums[at]));
    let angle = (product / (a * b).sqrt().max(f64::MIN_POSITIVE)).clamp(-1.0, 1.0).acos().to_degrees();
    Ok(format!(
        "It ended {:.3} from the dense model's weights in the places it keeps, at {angle:.1} degrees.",
        squares.sqrt()
    ))
}
