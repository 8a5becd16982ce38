use std::collections::BTreeMap;

use burn::tensor::{Tensor, TensorData};
use secateur_exec::train::Seen;
use secateur_exec::{Change, Gates, Gathered, Moments, Params, Value, calibrate};
use secateur_graph::ParamId;
use secateur_protocol::{Card, Field, Filing, Need, Recipe, Unit};

use crate::parts::Cut;
use crate::parts::allocate::at_most;
use crate::parts::deltas::{Deltas, Over, applied, by_chance, deltas, outcome};
use crate::parts::fields::{self, Values};
use crate::parts::search::{Distance, Judge};
use crate::{Lab, Method, MethodError, Outcome, Run};

pub static METHOD: Darex = Darex;

/// Of the coarse grid's points this many in a row may be no better before the search ends.
const PATIENCE: usize = 4;
/// 1 less the chance with which the bound holds.
const FAILURE: f64 = 0.05;
/// The analytic search ends when this share of a layer's rows got worse.
const SETTLED: f64 = 0.8;

/// Drops most of what fine-tuning changed and scales up the rest, by less than would keep the mean.
pub struct Darex;

impl Method for Darex {
    fn card(&self) -> Card {
        card()
    }

    fn run<'a>(&'a self, lab: &'a mut Lab<'_>, recipe: &'a Recipe) -> Run<'a> {
        Box::pin(run(lab, recipe))
    }
}

async fn run(lab: &mut Lab<'_>, recipe: &Recipe) -> Result<Outcome, MethodError> {
    let card = card();
    let recipe = recipe.clone().checked(&card)?;
    let values = Values { card: &card, recipe: &recipe };
    let (p, step) = (values.number("p")?, values.number("step")?);
    let over = if values.text("over")? == "all" { Over::All } else { Over::Weights };
    let lab = &*lab;
    let (base, _) = lab.base()?;
    let whole = deltas(lab.graph, lab.params, base, over)?;
    let by_size = values.text("criterion")? == "magnitude";
    let thinned = thinned(lab, &whole, by_size, (p, recipe.seed)).await?;
    let samples = values.number("samples")? as usize;
    let model = |q: f64| {
        let scaled = thinned.iter().map(|(id, delta)| (*id, delta.clone() / q)).collect();
        applied(lab.graph, lab.params, base, &scaled)
    };
    let (q, note) = match values.text("q")?.as_str() {
        "validation" => {
            let loss = async |q: f64| lab.exam(&seen(model(q)?)).await;
            tuned(lab, p, step, loss).await?
        }
        "output" => {
            let judge = Judge::new(lab, lab.params, samples, Distance::Squares).await?;
            let all: Vec<usize> = (0..judge.samples()).collect();
            let change = async |q: f64| judge.distance(lab.graph, &model(q)?, &all).await;
            tuned(lab, p, step, change).await?
        }
        "analytic" => {
            let by_layer = analytic(lab, &whole, (p, values.number("eta")?), samples).await?;
            let scaled =
                thinned.into_iter().map(|(id, delta)| (id, delta / by_layer.get(&id).copied().unwrap_or(1.0 - p)));
            let mean = by_layer.values().sum::<f64>() / by_layer.len().max(1) as f64;
            let note = format!("q is {mean:.4} on the mean over layers; DARE's is {:.4}.", 1.0 - p);
            return outcome(lab, base, scaled.collect(), vec![note]).await;
        }
        _ => (1.0 - p, format!("q is DARE's, {:.4}.", 1.0 - p)),
    };
    let scaled = thinned.into_iter().map(|(id, delta)| (id, delta / q)).collect();
    outcome(lab, base, scaled, vec![note]).await
}

fn seen(params: Params) -> Seen {
    Seen { params, gates: Gates::default(), penalty: None }
}

/// What is not dropped, as it is.
async fn thinned(lab: &Lab<'_>, whole: &Deltas, by_size: bool, (p, seed): (f64, u64)) -> Result<Deltas, MethodError> {
    let mut left = Deltas::new();
    for (done, (id, delta)) in whole.iter().enumerate() {
        lab.tick(done, whole.len(), Unit::Layers).await?;
        let [rows, cols] = delta.dims();
        let stays = if by_size {
            let mask = Cut::Lowest { k: at_most(p, rows * cols) }.apply(delta.clone().abs()).await?;
            Value::upload(lab.compute, &[rows, cols], mask.to_f32())?.matrix((rows, cols))
        } else {
            by_chance(lab.compute, lab.graph, *id, (p, seed, 0))?
        };
        left.insert(*id, delta.clone() * stays);
    }
    Ok(left)
}

/// The q from 1 - p to 1 with the lowest cost: on a grid until it gets no better, then on one ten times finer around the best.
async fn tuned(
    lab: &Lab<'_>,
    p: f64,
    step: f64,
    mut cost: impl AsyncFnMut(f64) -> Result<f64, MethodError>,
) -> Result<(f64, String), MethodError> {
    let grid: Vec<f64> = (0..).map(|at| 1.0 - p + f64::from(at) * step).take_while(|q| *q <= 1.0).collect();
    let most = grid.len() + 19;
    let mut costs: Vec<(f64, f64)> = Vec::new();
    for (done, q) in grid.into_iter().enumerate() {
        lab.tick(done, most, Unit::Steps).await?;
        costs.push((cost(q).await?, q));
        if costs.len() - 1 - least(&costs) >= PATIENCE {
            break;
        }
    }
    let (dare, around) = (costs[0].0, costs[least(&costs)].1);
    for at in -9..10 {
        let q = around + f64::from(at) * step / 10.0;
        lab.tick((most - 10).saturating_add_signed(at as isize), most, Unit::Steps).await?;
        if at != 0 && q > 1.0 - p && q <= 1.0 {
            costs.push((cost(q).await?, q));
        }
    }
    let (best, q) = costs[least(&costs)];
    Ok((q, format!("q is {q:.4}, at which {best:.4e} is lost; DARE's {:.4} loses {dare:.4e}.", 1.0 - p)))
}

/// The first of the lowest costs.
fn least(costs: &[(f64, f64)]) -> usize {
    (0..costs.len()).min_by(|a, b| costs[*a].0.total_cmp(&costs[*b].0)).unwrap_or(0)
}

/// For each layer with statistics the mean over its rows of the q that minimises the bound on the change of the row's output.
async fn analytic(
    lab: &Lab<'_>,
    whole: &Deltas,
    (p, eta): (f64, f64),
    samples: usize,
) -> Result<BTreeMap<ParamId, f64>, MethodError> {
    let mut found = BTreeMap::new();
    let visit = async |_: u32, gathered: &Gathered<Moments>| {
        for (id, moments) in gathered {
            let Some(delta) = whole.get(id) else { continue };
            let mean = TensorData::new(moments.mean.clone(), [1, moments.mean.len()]);
            let changes = delta.clone() * Tensor::<2>::from_data(mean, lab.compute.device());
            let sums = Value::R2(changes.clone().sum_dim(1)).read().await?;
            let squares = Value::R2(changes.square().sum_dim(1)).read().await?;
            let rows = sums.iter().zip(&squares).map(|(sum, square)| (f64::from(*sum), f64::from(*square)));
            let q = best_q(&rows.collect::<Vec<_>>(), p, eta);
            found.insert(*id, q.iter().sum::<f64>() / q.len().max(1) as f64);
        }
        Ok::<_, MethodError>(Change::default())
    };
    let calibration = lab.calibration_on(samples)?;
    calibrate::<Moments, _>(lab.compute, lab.graph, lab.params, calibration, false, lab.meter, visit).await?;
    // Where nothing was seen, the mean of all.
    let mean = found.values().sum::<f64>() / found.len().max(1) as f64;
    Ok(whole.keys().map(|id| (*id, found.get(id).copied().unwrap_or(mean).max(1.0 - p))).collect())
}

/// For each row, of which the sums of c and of c² are given, the q on a grid of thousandths that makes the absolute bound on
/// its output's change least (Deng et al., 2024, theorem 3.1, as the authors' code searches it).
fn best_q(rows: &[(f64, f64)], p: f64, eta: f64) -> Vec<f64> {
    let mut best = vec![(10_000.0, 1.0 - p); rows.len()];
    let mut worse = vec![false; rows.len()];
    // A hair more, so that 1000 * 0.01 is 10.
    for thousandths in (((1.0 - p) * 1000.0 + 1e-9) as usize).max(1)..999 {
        let q = thousandths as f64 / 1000.0;
        for ((sum, square), (best, worse)) in rows.iter().zip(best.iter_mut().zip(&mut worse)) {
            let bound = bound((*sum, *square), p, q, eta);
            *worse |= bound >= best.0;
            if bound <= best.0 {
                *best = (bound, q);
            }
        }
        if worse.iter().filter(|worse| **worse).count() as f64 >= SETTLED * rows.len() as f64 {
            break;
        }
    }
    best.into_iter().map(|(_, q)| q).collect()
}

/// |eta (1 - (1 - p) / q) sum c + eta² phi(p) sum c² / (4 q²) + ln(2 / 0.05)|
fn bound((sum, square): (f64, f64), p: f64, q: f64, eta: f64) -> f64 {
    let drift = eta * (1.0 - (1.0 - p) / q) * sum;
    let spread = eta * eta * phi(p) * square / (4.0 * q * q);
    (drift + spread + (2.0 / FAILURE).ln()).abs()
}

/// How far a draw with chance p spreads (Kearns & Saul, 1998): (1 - 2 p) / ln((1 - p) / p), which is 1/2 at p = 1/2.
fn phi(p: f64) -> f64 {
    if (p - 0.5).abs() < 1e-6 { 0.5 } else { (1.0 - 2.0 * p) / ((1.0 - p) / p).ln() }
}

fn card() -> Card {
    let own = vec![
        Field::number("p", 0.99, 0.001, 0.999, "Chance, or share, of the difference's entries to be dropped."),
        Field::choice(
            "criterion",
            "random",
            &["random", "magnitude"],
            "random: each entry by itself. magnitude: the smallest of each parameter, for large differences.",
        ),
        Field::choice(
            "q",
            "output",
            &["output", "validation", "analytic", "dare"],
            "What the rest is divided by. output: the q at which the answers change least. validation: at which the task's loss is \
             least. analytic: by layer, from the bound. dare: 1 - p.",
        ),
        Field::number("step", 0.05, 0.001, 0.5, "Step of the coarse grid for q.")
            .only_if("q", &["output", "validation"]),
        Field::number("eta", 1.0, 0.001, 10.0, "Weighs the two terms of the bound.").only_if("q", &["analytic"]),
        Field::whole("batch", 64, 1, 1024, "Samples in each batch that the task's loss is measured on.")
            .only_if("q", &["validation"]),
    ];
    Card {
        id: "darex".into(),
        name: "DAREx".into(),
        paper: "DARE the Extreme: Revisiting Delta-Parameter Pruning For Fine-Tuned Models".into(),
        authors: "Wenlong Deng, Yize Zhao, Vala Vakilian, Minghui Chen, Xiaoxiao Li, Christos Thrampoulidis".into(),
        year: 2024,
        arxiv: "2410.09344".into(),
        sentence: "Throws nearly all of what fine-tuning changed away, and scales up the rest by just as much as the answers like best."
            .into(),
        when: "A fine-tuned model and the one it came from, where 99 % of the difference is to go and plain DARE breaks."
            .into(),
        formula: "w = w_base + m (w_fine - w_base) / q, m = 1 with chance 1 - p, else 0; q >= 1 - p minimises the change of the \
                  answers, the loss, or |eta (1 - (1-p)/q) sum c + eta² phi(p) sum c² / 4q² + ln 40|, c_ij = delta_ij * mean x_j"
            .into(),
        differs: "output compares all answers by their squared error; the authors' code takes the last hidden state of encoders and the \
                  five largest logits of decoders. eta is a setting; they search it on validation data too. Their q learnt by \
                  gradients and AdamR, the way to fine-tune with small changes, are not here. over = weights is what they do with \
                  decoders, all with encoders; the layer that answers stays the fine-tuned model's."
            .into(),
        needs: vec![Need::Checkpoint, Need::Samples, Need::Answers],
        filing: Filing {
            unit: "delta-weight".into(),
            criterion: "random,magnitude".into(),
            data: "unlabelled".into(),
            start: "two checkpoints".into(),
            recovery: "closed-form".into(),
            family: "LM".into(),
            ..Filing::plain()
        },
        fields: [fields::base("weights"), own, fields::samples(50, 128)].concat(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    /// tests/golden/methods/deltas.py
    #[test]
    fn every_row_gets_the_q_of_the_published_search() {
        let golden: Value = serde_json::from_str(include_str!("../../../../tests/golden/methods/deltas.json")).unwrap();
        let c: Vec<f64> = serde_json::from_value(golden["c"].clone()).unwrap();
        let rows: Vec<(f64, f64)> =
            c.chunks(64).map(|row| (row.iter().sum(), row.iter().map(|c| c * c).sum())).collect();
        for case in golden["q"].as_array().unwrap() {
            let (p, eta) = (case["p"].as_f64().unwrap(), case["eta"].as_f64().unwrap());
            let want: Vec<f64> = serde_json::from_value(case["rows"].clone()).unwrap();
            for (at, (got, want)) in best_q(&rows, p, eta).iter().zip(&want).enumerate() {
                assert!((got - want).abs() <= 0.001 + 1e-9, "p {p}, eta {eta}, row {at}: {got} {want}");
            }
        }
    }

    #[test]
    fn the_spread_is_continuous_at_a_half() {
        assert!((phi(0.5) - 0.5).abs() < 1e-9 && (phi(0.500_01) - 0.5).abs() < 1e-6);
        assert!((phi(0.99) - 0.98 / 99.0_f64.ln()).abs() < 1e-12);
    }
}
