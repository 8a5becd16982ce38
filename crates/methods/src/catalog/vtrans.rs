use std::collections::BTreeSet;

use burn::tensor::Tensor;
use secateur_exec::train::{Distil, Schedule, State, TrainSpec};
use secateur_graph::groups::UnitKind;
use secateur_protocol::{Card, Field, Filing, Need, Recipe};

use crate::parts::fields::{self, Training, Values};
use crate::parts::gates::{self, Bank, Bottleneck, Budget, Decision, Gated, signal};
use crate::parts::learn::{Learnt, Lesson};
use crate::{Lab, Method, MethodError, Outcome, Run};

pub static METHOD: VTrans = VTrans;

/// Gaussian gates under a size constraint.
pub struct VTrans;

/// How sharply soft sizes follow the gates (the authors' tau).
const STEEPNESS: f32 = 10.0;
/// How many sub-layers the shared width counts as in addition.
const EMBEDDING: f64 = 30.0;
/// What heads count beside neurons (`att_mul`).
const HEADS: f64 = 256.0;

impl Method for VTrans {
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
    let kind = Bottleneck { steepness: STEEPNESS, rate };
    // The multipliers learn twice as fast as the gates, as the authors' do.
    let budget = Budget::read(lab, &bank, &values, [values.number("ramp")?, 2.0 * rate]).await?;
    let (weights, penalty) = (weights(&bank), values.number("penalty")?);
    let price = |learnt: &[Vec<Tensor<1>>], _: &[Tensor<1>]| bottleneck(learnt, &weights) * penalty;
    let plain = Gated::new(lab.graph, &bank, &kind, recipe.seed);
    let gated = Gated { budget: Some(&budget), price: Some(&price), ..plain };
    let state = bank.start(lab.compute, &kind, recipe.seed, State::new(lab.graph, lab.params.clone()))?;
    let state = budget.start(lab.compute, state)?;
    let shape = TrainSpec { warmup: 0.0, schedule: Schedule::Linear, weight_decay: 0.0, ..TrainSpec::default() };
    let (frozen, teacher) =
        (BTreeSet::new(), Distil { teacher: lab.params, temperature: 2.0, share: 0.5, hidden: 0.9 });
    let distils = values.text("learn")? == "all";
    let lesson = Lesson {
        view: &gated,
        learned: if distils { None } else { Some(&frozen) },
        teacher: distils.then_some(&teacher),
        ..Lesson::plain(TrainSpec { steps, lr, ..shape })
    };
    let Learnt { state, note } = gates::learn(lab, &lesson, &gated, state).await?;

    let parts = bank.read(&kind, &state).await?;
    let over_rows = |f: fn(&[f32]) -> f32| -> Vec<Vec<f32>> {
        parts.iter().map(|row| row.iter().map(|parts| f(parts)).collect()).collect()
    };
    let scores = over_rows(|parts| -Bottleneck::drowned(parts));
    let mut notes: Vec<String> = note.into_iter().collect();
    let (decision, threshold) = drowned(lab, &bank, &budget, &scores).await?;
    if threshold > 0.0 {
        notes.push(format!("The size is met by shutting gates whose signal is up to exp({threshold:.2}) times their noise, not 1."));
    }
    notes.push(gates::told(lab, &budget.size, &decision).await?);
    let mut params = state.params;
    if values.text("export")? == "weighted" {
        let (folded, unfolded) =
            gates::fold(lab.compute, lab.graph, &bank, &over_rows(|parts| parts[0]), &params).await?;
        notes.extend(gates::left_out(unfolded));
        params = folded;
    }
    gates::outcome(lab, &bank, &decision, &scores, Some(params), notes)
}

/// Gates whose noise drowns their signal are shut (threshold 0). Where that is too few for the size, those that come next.
/// Also the threshold, in logarithms of signal over noise.
async fn drowned(
    lab: &Lab<'_>,
    bank: &Bank,
    budget: &Budget,
    scores: &[Vec<f32>],
) -> Result<(Decision, f32), MethodError> {
    let below = |threshold: f32| {
        let count = |row: &Vec<f32>| row.iter().filter(|score| **score <= threshold).count() as f64;
        gates::decide(bank, scores, &scores.iter().map(count).collect::<Vec<_>>())
    };
    let mut thresholds: Vec<f32> = scores.iter().flatten().copied().filter(|score| *score > 0.0).collect();
    thresholds.sort_by(f32::total_cmp);
    thresholds.insert(0, 0.0);
    let (mut low, mut high) = (0, thresholds.len() - 1);
    while low < high {
        let middle = (low + high) / 2;
        let left = budget.size.left_of(lab, &below(thresholds[middle]).kept).await?;
        if 1.0 - left >= budget.target {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    Ok((below(thresholds[low]), thresholds[low]))
}

/// What each row's penalty counts: the width's gates act once a sub-layer.
fn weights(bank: &Bank) -> Vec<f64> {
    let sub_layers = bank.rows.iter().filter(|row| row.group.kind != UnitKind::Width).count() as f64;
    let weight = |row: &gates::Row| match row.group.kind {
        UnitKind::Width => sub_layers + EMBEDDING,
        UnitKind::Heads => HEADS,
        _ => 1.0,
    };
    bank.rows.iter().map(weight).collect()
}

/// The information that passes the gates: 1/2 ln(1 + mean^2 / variance), summed [1].
fn bottleneck(learnt: &[Vec<Tensor<1>>], weights: &[f64]) -> Tensor<1> {
    let row = |(parts, weight): (&Vec<Tensor<1>>, &f64)| signal(parts).log1p().sum() * (0.5 * weight);
    let rows = learnt.iter().zip(weights).map(row);
    rows.reduce(|a, b| a + b).expect("a bank has rows")
}

fn card() -> Card {
    Card {
        id: "vtrans".into(),
        name: "VTrans".into(),
        paper: "VTrans: Accelerating Transformer Compression with Variational Information Bottleneck based Pruning".into(),
        authors: "Oshin Dutta, Ritvik Gupta, Sumeet Agarwal".into(),
        year: 2024,
        arxiv: "2406.05276".into(),
        sentence: "Adds noise to every head, neuron and feature, as much as it can bear, and removes those that are drowned by it."
            .into(),
        when: "Transformers that are to become smaller by a given share, with a few hundred steps of training the gates alone; \
               letting the weights learn too costs more and goes further."
            .into(),
        formula: "z = mu + sigma e; penalty 1/2 sum of ln(1 + mu^2 / sigma^2); a unit goes where sigma^2 >= mu^2".into(),
        differs: "The authors' code for language models is followed, where the paper's is not to be had: no gates on whole \
                  layers, embeddings left out of the size, one set of gates for all features of the residual stream. Their \
                  gates of features act where a sub-layer ends; here where the stream is read, by norms and by what \
                  follows these, and their noise comes in at the norms. The code draws noise of heads anew for each \
                  feature and so does this. Gates of the last step are taken, not those of the best exam near the target; where too few are drowned for \
                  the size, those that come next are shut too and a note says so. \
                  Its weighted masks cannot run as released; what their last lines compute is done."
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
            recovery: "distil".into(),
            fusion: "KD".into(),
            family: "LM".into(),
            ..Filing::plain()
        },
        fields: [
            vec![gates::field("heads,neurons,width")],
            gates::fields(0.4),
            vec![
                Field::number("gate_lr", 0.05, 0.0, 10.0, "Learning rate of the gates; that of the budget's multipliers is twice as high."),
                Field::number(
                    "penalty",
                    1e-6,
                    0.0,
                    1.0,
                    "What information that passes the gates costs. It lets noise grow to where the budget sees it.",
                ),
                Field::number("ramp", 0.2, 0.0, 1.0, "Share of the steps in which the target rises from 0."),
                Field::choice(
                    "learn",
                    "gates",
                    &["gates", "all"],
                    "gates: the weights stay (Faster-VTrans). all: the weights learn too, from the task and the dense model.",
                ),
                Field::choice(
                    "export",
                    "weighted",
                    &["weighted", "binary"],
                    "weighted: what stays is multiplied with its gate's mean. binary: it is as it was.",
                ),
            ],
            fields::training(600, 3e-4, 8),
        ]
        .concat(),
    }
}
