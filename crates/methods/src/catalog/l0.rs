
use burn::tensor::Tensor;
use secateur_exec::train::{Schedule, State, TrainSpec};
use secateur_kernels::gate::Stretch;
use secateur_protocol::{Card, Field, Filing, Need, Recipe};

use crate::parts::fields::{self, Training, Values};
use crate::parts::gates::{self, Bank, Budget, Gated, HardConcrete, Kind, Measure, Size};
use crate::parts::learn::{Learnt, Lesson};
use crate::{Lab, Method, MethodError, Outcome, Run};

pub static METHOD: L0 = L0;

/// Hard concrete gates on units, learnt with the weights.
pub struct L0;

/// Share of the steps in which the target rises.
const RAMP: f64 = 0.6;

impl Method for L0 {
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
    let drop = values.number("drop")? as f32;
    let far = HardConcrete::FAR;
    let start = ((1.0 - drop) / drop).ln();
    let kind = HardConcrete { stretch: Stretch::default(), calm: 0.0, start, bounds: Some((-far, far)), rate };
    let size = Size::new(lab.graph, &bank, Measure::read(&values)?);
    let budget = match values.text("constraint")?.as_str() {
        "budget" => Some(Budget::read(lab, &bank, &values, [RAMP, rate]).await?),
        _ => None,
    };
    let lambda = values.number("lambda")?;
    let price = |_: &[Vec<Tensor<1>>], kept: &[Tensor<1>]| size.left(kept) * lambda;
    let gated = Gated {
        budget: budget.as_ref(),
        price: if budget.is_some() { None } else { Some(&price) },
        ..Gated::new(lab.graph, &bank, &kind, recipe.seed)
    };
    let spec =
        TrainSpec { steps, lr, warmup: 0.05, schedule: Schedule::Cosine, weight_decay: 0.0, ..TrainSpec::default() };
    let state = bank.start(lab.compute, &kind, recipe.seed, State::new(lab.graph, lab.params.clone()))?;
    let state = match &budget {
        Some(budget) => budget.start(lab.compute, state)?,
        None => state,
    };
    let lesson = Lesson { view: &gated, ..Lesson::plain(spec) };
    let Learnt { state, note } = gates::learn(lab, &lesson, &gated, state).await?;

    let log_alpha = gates::one_part(bank.read(&kind, &state).await?);
    let closed = |row: &Vec<f32>| match budget {
        Some(_) => kind.expected_closed(row),
        None => row.iter().filter(|value| kind.settled(&[**value]) == 0.0).count() as f64,
    };
    let counts: Vec<f64> = log_alpha.iter().map(closed).collect();
    let decision = gates::decide(&bank, &log_alpha, &counts);
    let open = bank.settled(&kind, &state).await?;
    let (params, unfolded) = gates::fold(lab.compute, lab.graph, &bank, &open, &state.params).await?;
    let mut notes: Vec<String> = note.into_iter().collect();
    notes.push(gates::told(lab, &size, &decision).await?);
    notes.extend(gates::left_out(unfolded));
    gates::outcome(lab, &bank, &decision, &log_alpha, Some(params), notes)
}

fn card() -> Card {
    let mut budget = gates::fields(0.5);
    budget[0] = budget[0].clone().only_if("constraint", &["budget"]);
    Card {
        id: "l0".into(),
        name: "L0 hard concrete".into(),
        paper: "Learning Sparse Neural Networks through L0 Regularization".into(),
        authors: "Christos Louizos, Max Welling, Diederik P. Kingma".into(),
        year: 2018,
        arxiv: "1712.01312".into(),
        sentence: "Every unit gets a gate that flickers between open and shut while the model learns, open gates cost \
                   something, and those that are shut in the end are removed."
            .into(),
        when: "When there is data and time to train and it is not known which units a task needs; with a budget the size is \
               given, with a price it follows from the data."
            .into(),
        formula: "z = clip(1.2 sigmoid((ln u - ln(1 - u) + log alpha) / (2/3)) - 0.1, 0, 1); P(z > 0) = sigmoid(log alpha + 1.6); \
                  a unit goes where clip(1.2 sigmoid(log alpha) - 0.1, 0, 1) = 0"
            .into(),
        differs: "The authors train from scratch and gate inputs of layers, pixels included; here a trained model learns on, and \
                  gates are on units that can be cut, so inputs of the model have none. A weight counts with the product of \
                  its axes' probabilities. constraint = budget is the augmented Lagrangian of later work (CoFi), in which as \
                  many units go as are expected to be shut. The authors' convolution leaves its bias out in training and adds \
                  it when tested, and its bias enters the penalty with the wrong sign; neither is done here."
            .into(),
        needs: vec![Need::Training],
        filing: Filing {
            unit: "N,C/F,H".into(),
            speedup: "universal".into(),
            when: "during".into(),
            criterion: "learned gate".into(),
            learned_by: "regulariser".into(),
            allocation: "adaptive".into(),
            rounds: "gradual".into(),
            data: "labelled".into(),
            recovery: "fine-tune".into(),
            family: "MLP,CNN".into(),
            ..Filing::plain()
        },
        fields: [
            vec![
                gates::field("heads,neurons,channels"),
                Field::choice(
                    "constraint",
                    "budget",
                    &["budget", "price"],
                    "budget: so much goes. price: each expected open gate costs, and what goes follows.",
                ),
                Field::number("lambda", 1.0, 0.0, 1e6, "What the whole model costs, in units of the loss.")
                    .only_if("constraint", &["price"]),
            ],
            budget,
            vec![
                Field::number("drop", 0.1, 0.01, 0.99, "How likely a gate is to be drawn below the middle at first."),
                Field::number("gate_lr", 0.05, 0.0, 10.0, "Learning rate of the gates and of the budget's multipliers."),
            ],
            fields::training(400, 1e-3, 64),
        ]
        .concat(),
    }
}
