use std::cell::RefCell;
use std::collections::BTreeMap;

use burn::tensor::Tensor;
use burn::tensor::activation::sigmoid;
use secateur_exec::train::{Distil, Leaf, Learner, Next, Schedule, Seen, State, TrainSpec, View};
use secateur_exec::{ExecError, Gates, Params, Value};
use secateur_graph::surgery::{Removal, Statistics};
use secateur_graph::{Graph, Masks};
use secateur_kernels::gate::straight_through;
use secateur_protocol::{Card, Field, Filing, Need, Recipe};

use crate::parts::fields::{self, Training, Values};
use crate::parts::gates::{BELOW_ALL, kth_lowest};
use crate::parts::learn::{Learnt, Lesson, look};
use crate::parts::schedule::Rise;
use crate::parts::{Cut, Scores, allocate};
use crate::{Lab, Look, Method, MethodError, Outcome, Run};

pub static METHOD: Movement = Movement;

/// Masks by scores that grow for weights that move away from 0.
pub struct Movement;

/// The threshold that sigmoid(score) rises to, where scores are held against one.
const TAU: f64 = 0.1;

impl Method for Movement {
    fn card(&self) -> Card {
        card()
    }

    fn run<'a>(&'a self, lab: &'a mut Lab<'_>, recipe: &'a Recipe) -> Run<'a> {
        Box::pin(learn(lab, recipe))
    }
}

/// The weights under the masks of the moment.
struct Moving<'a> {
    graph: &'a Graph,
    now: RefCell<Now>,
}

/// What holds in one step.
#[derive(Default)]
struct Now {
    /// The score that a weight has to exceed to stay, by the parameter's name.
    thresholds: BTreeMap<String, f32>,
    /// What the mean of sigmoid(score) costs.
    price: f64,
}

impl View for Moving<'_> {
    fn seen(&self, _: u64, params: &Params, extra: &BTreeMap<String, Value>) -> Result<Seen, ExecError> {
        let Now { thresholds, price } = &*self.now.borrow();
        let (mut masked, mut sum, mut layers) = (BTreeMap::new(), None, 0);
        for id in self.graph.prunable() {
            let param = self.graph.param(id);
            let score = score(extra, &param.name)?;
            let threshold =
                Tensor::full([1], thresholds.get(&param.name).copied().unwrap_or(BELOW_ALL), &score.device());
            let value = params.get(self.graph, id)?;
            let weight = value.matrix(param.matrix()) * straight_through(score.clone(), threshold)?;
            masked.insert(id, value.like(weight));
            let mean = sigmoid(score).mean();
            sum = Some(sum.map_or(mean.clone(), |sum| sum + mean));
            layers += 1;
        }
        let penalty = sum.filter(|_| *price > 0.0).map(|sum| sum * (*price / f64::from(layers)));
        Ok(Seen { params: params.with(&masked), gates: Gates::default(), penalty })
    }
}

fn leaf(param: &str) -> String {
    format!("{param}.score")
}

fn score(extra: &BTreeMap<String, Value>, param: &str) -> Result<Tensor<2>, ExecError> {
    let name = leaf(param);
    match extra.get(&name) {
        Some(Value::R2(score)) => Ok(score.clone()),
        _ => Err(ExecError::Missing { name }),
    }
}

/// What a recipe asks for.
struct Wish {
    sparsity: f64,
    /// Scores are held against a threshold of their sigmoid, and cost this much; none: so many of each matrix stay.
    soft: Option<f64>,
    /// Shares of the steps at which the cut begins and ends.
    begin: f64,
    end: f64,
}

impl Wish {
    fn read(values: &Values<'_>) -> Result<Self, MethodError> {
        let soft = if values.text("mask")? == "soft" { Some(values.number("lambda")?) } else { None };
        let [sparsity, begin, end] = [values.number("sparsity")?, values.number("begin")?, values.number("end")?];
        Ok(Self { sparsity, soft, begin, end })
    }

    /// How far the cut has come, 0 to 1, when this share of the steps is done.
    fn risen(&self, done: f64) -> f64 {
        let way = ((done - self.begin) / (self.end - self.begin).max(1e-9)).clamp(0.0, 1.0);
        Rise::Cubic.at(0.0, 1.0, way)
    }

    /// What a step sees that begins when this share of the steps is done.
    async fn now(&self, lab: &Lab<'_>, state: &State, done: f64, penalty: f64) -> Result<Now, MethodError> {
        let (risen, mut thresholds) = (self.risen(done), BTreeMap::new());
        for id in lab.graph.prunable().filter(|_| risen > 0.0) {
            let param = lab.graph.param(id);
            let threshold = match self.soft {
                Some(_) => logit(TAU * risen),
                None => {
                    let scores = state.extra[&leaf(&param.name)].value.read().await?;
                    kth_lowest(scores, allocate::share(self.sparsity * risen, param.len()))
                }
            };
            thresholds.insert(param.name.clone(), threshold);
        }
        Ok(Now { thresholds, price: self.soft.unwrap_or(0.0) * risen * penalty })
    }

    /// The masks in the end: exactly the lowest go.
    async fn masks(&self, lab: &Lab<'_>, scores: &BTreeMap<String, Value>) -> Result<Masks, MethodError> {
        let mut masks = Masks::default();
        for id in lab.graph.prunable() {
            let param = lab.graph.param(id);
            let score = score(scores, &param.name)?;
            let k = match self.soft {
                Some(_) => {
                    let most = param.len().saturating_sub(param.len() / 200 + 1);
                    let scores = Value::R2(score.clone()).read().await?;
                    scores.iter().filter(|score| **score <= logit(TAU)).count().min(most)
                }
                None => allocate::share(self.sparsity, param.len()),
            };
            masks.set(lab.graph, id, Cut::Lowest { k }.apply(score).await?)?;
        }
        Ok(masks)
    }
}

fn logit(p: f64) -> f32 {
    (p / (1.0 - p)).ln() as f32
}

async fn learn(lab: &Lab<'_>, recipe: &Recipe) -> Result<Outcome, MethodError> {
    let card = card();
    let recipe = recipe.clone().checked(&card)?;
    let values = Values { card: &card, recipe: &recipe };
    let (Training { steps, lr }, rate) = Training::read(&card, &recipe)?.beside(values.number("score_lr")?);
    let wish = Wish::read(&values)?;
    let begin = if wish.soft.is_some() { values.number("first_score")? as f32 } else { 0.0 };
    let mut state = State::new(lab.graph, lab.params.clone());
    for id in lab.graph.prunable() {
        let (param, (rows, cols)) = (lab.graph.param(id), lab.graph.param(id).matrix());
        let scores = Value::upload(lab.compute, &[rows, cols], vec![begin; rows * cols])?;
        state = state.with(leaf(&param.name), Leaf::new(scores, rate));
    }
    let view = Moving { graph: lab.graph, now: RefCell::default() };
    let share = values.number("distil")?;
    let teacher = Distil { teacher: lab.params, temperature: 2.0, share, hidden: 0.0 };
    let shape = TrainSpec { warmup: 0.1, schedule: Schedule::Linear, weight_decay: 0.0, ..TrainSpec::default() };
    let plain = Lesson::plain(TrainSpec { steps, lr, ..shape });
    let lesson = Lesson { view: &view, teacher: (share > 0.0).then_some(&teacher), ..plain };
    let step = async |learner: &mut Learner<'_>| {
        learner.update();
        let done = learner.state.step() as f64 / steps as f64;
        let now = wish.now(lab, &learner.state, done, lab.watch.steer().penalty).await?;
        view.now.replace(now);
        if lab.watch.due() {
            let curves = vec![("target", wish.sparsity * wish.risen(done))];
            lab.watch.look(Look { curves, ..look(learner, &lesson.spec) });
        }
        Ok(Next::On)
    };
    let Learnt { state, note } = lab.train(&lesson, state, &Masks::default(), step).await?;
    let scores: BTreeMap<String, Value> = state.extra.into_iter().map(|(name, leaf)| (name, leaf.value)).collect();
    let masks = wish.masks(lab, &scores).await?;
    let params = state.params.masked(lab.compute, lab.graph, &masks)?;
    let held = lab.graph.prunable().map(|id| Ok((id, score(&scores, &lab.graph.param(id).name)?)));
    let scores = Scores::held(held.collect::<Result<Vec<_>, ExecError>>()?);
    let (removal, statistics) = (Removal::new(), Statistics::default());
    Ok(Outcome { masks, removal, statistics, params: Some(params), scores, notes: note.into_iter().collect() })
}

fn card() -> Card {
    let soft = |field: Field| field.only_if("mask", &["soft"]);
    Card {
        id: "movement".into(),
        name: "Movement pruning".into(),
        paper: "Movement Pruning: Adaptive Sparsity by Fine-Tuning".into(),
        authors: "Victor Sanh, Thomas Wolf, Alexander M. Rush".into(),
        year: 2020,
        arxiv: "2005.07683".into(),
        sentence: "While a trained model learns something, weights that move away from zero stay and those that shrink go, \
                   however large they are."
            .into(),
        when: "A trained model that learns a new task, with very few weights to stay; at half of the weights magnitude does as \
               well for less."
            .into(),
        formula: "W' = W * M(S); dL/dS = dL/dW' * W; the highest S of each matrix stay, or those with sigmoid(S) > 0.1".into(),
        differs: "All weights take part, not only those of an encoder; embeddings stay. What tied scores of 0 let through while \
                  the masks are learnt may differ from the count, in the end exactly the asked-for number of each matrix \
                  goes. The authors' fine-tuned teacher is here the model as it was."
            .into(),
        needs: vec![Need::Training],
        filing: Filing {
            when: "during".into(),
            criterion: "first-order,learned gate".into(),
            learned_by: "regulariser".into(),
            rounds: "gradual".into(),
            data: "labelled".into(),
            recovery: "fine-tune".into(),
            fusion: "KD".into(),
            family: "LM".into(),
            ..Filing::plain()
        },
        fields: [
            vec![
                Field::choice(
                    "mask",
                    "top",
                    &["top", "soft"],
                    "top: the highest scores of each matrix stay. soft: scores above a threshold stay, and each costs something.",
                ),
                Field::number("sparsity", 0.9, 0.0, 0.99, "Share of each matrix to remove.").only_if("mask", &["top"]),
                soft(Field::number("lambda", 1.0, 0.0, 1e4, "What the mean of sigmoid(S) costs, in units of the loss.")),
                soft(Field::number("first_score", 0.0, -10.0, 10.0, "Where scores begin.")),
                Field::number("begin", 0.1, 0.0, 1.0, "Share of the steps after which the cut begins."),
                Field::number("end", 0.7, 0.0, 1.0, "Share of the steps after which it is over."),
                Field::number("score_lr", 0.05, 0.0, 10.0, "Learning rate of the scores: far above that of the weights."),
                Field::number("distil", 0.0, 0.0, 1.0, "Share of the loss that the dense model's answers decide."),
            ],
            fields::training(500, 2e-3, 64),
        ]
        .concat(),
    }
}
