use secateur_graph::groups::UnitKind;
use secateur_protocol::{Card, Field, Filing, Need, Recipe};

use crate::parts::fields::{self, Values};
use crate::parts::search::{Distance, Gone, Judge, Skips, alone, greedy};
use crate::{Lab, Method, MethodError, Outcome, Run};

pub static METHOD: FinerCut = FinerCut;

/// Leaves out one sub-layer after the other, each time the one whose absence changes what the model answers least.
pub struct FinerCut;

impl Method for FinerCut {
    fn card(&self) -> Card {
        card()
    }

    fn run<'a>(&'a self, lab: &'a mut Lab<'_>, recipe: &'a Recipe) -> Run<'a> {
        Box::pin(cut(lab, recipe))
    }
}

async fn cut(lab: &mut Lab<'_>, recipe: &Recipe) -> Result<Outcome, MethodError> {
    let card = card();
    let recipe = recipe.clone().checked(&card)?;
    let values = Values { card: &card, recipe: &recipe };
    let wanted = values.number("samples")? as usize;
    let lab = &*lab;
    let skips = Skips::of(lab, kind(&values)?)?;
    let judge = Judge::new(lab, lab.params, wanted, distance(&values)?).await?;
    let count = skips.at_most(values.number("sparsity")?);
    let all: Vec<usize> = (0..judge.samples()).collect();
    let cost = async |out: &[usize]| {
        let (graph, params) = skips.without(lab, out)?;
        judge.distance(&graph, &params, &all).await
    };
    let gone = match values.text("ranking")?.as_str() {
        "one-shot" => lowest(&alone(lab, skips.len(), cost).await?, count),
        _ => {
            let lock = Lock::new(&skips, lab, values.number("lock")?);
            greedy(lab, (skips.len(), count), |gone, one| lock.lets(gone, one), cost).await?
        }
    };
    let out: Vec<usize> = gone.iter().map(|gone| gone.candidate).collect();
    // Who goes first is worth least; who stays, most.
    let mut keep = vec![skips.len() as f32; skips.len()];
    out.iter().enumerate().for_each(|(round, one)| keep[*one] = round as f32);
    let few = (judge.samples() < wanted).then(|| format!("Calibrated on all {} samples there are.", judge.samples()));
    let notes = few.into_iter().chain(told(&skips, &gone)).collect();
    skips.outcome(lab, &out, (&keep, skips.len() as f32), notes)
}

fn kind(values: &Values<'_>) -> Result<UnitKind, MethodError> {
    Ok(if values.text("units")? == "blocks" { UnitKind::Blocks } else { UnitKind::SubLayers })
}

fn distance(values: &Values<'_>) -> Result<Distance, MethodError> {
    Ok(match values.text("distance")?.as_str() {
        "norm" => Distance::Norm,
        "angular" => Distance::Angle,
        "kl" => Distance::Kl,
        "js-swapped" => Distance::SwappedJensenShannon,
        _ => Distance::JensenShannon,
    })
}

/// The cheapest of those that were measured alone.
fn lowest(costs: &[f64], count: usize) -> Vec<Gone> {
    let mut order: Vec<usize> = (0..costs.len()).collect();
    order.sort_by(|a, b| costs[*a].total_cmp(&costs[*b]));
    order.truncate(count);
    order.into_iter().map(|candidate| Gone { candidate, cost: costs[candidate], second: None }).collect()
}

/// The first blocks, which stay whole at the beginning.
struct Lock {
    block_of: Vec<usize>,
    /// So many of the first blocks, until so many sub-layers are gone.
    blocks: usize,
    until: usize,
}

impl Lock {
    /// The first floor(share L) + 1 of L blocks until floor(share n) + 1 of n sub-layers are gone, as the authors' code has
    /// it; none at 0.
    fn new(skips: &Skips, lab: &Lab<'_>, share: f64) -> Self {
        let (block_of, blocks) = skips.blocks(lab.graph);
        let of = |count: usize| if share > 0.0 { (share * count as f64) as usize + 1 } else { 0 };
        Self { block_of, blocks: of(blocks), until: of(skips.len()) }
    }

    fn lets(&self, gone: usize, one: usize) -> bool {
        gone >= self.until || self.block_of[one] >= self.blocks
    }
}

/// Who went, in order, with the distance after each; and who was next best.
fn told(skips: &Skips, gone: &[Gone]) -> Option<String> {
    let one = |(at, gone): (usize, &Gone)| {
        let second = gone.second.map(|(other, cost)| format!(", next best {} {cost:.3e}", skips.name(other)));
        format!("{}. {} ({:.3e}{})", at + 1, skips.name(gone.candidate), gone.cost, second.unwrap_or_default())
    };
    let list: Vec<String> = gone.iter().enumerate().map(one).collect();
    (!list.is_empty()).then(|| format!("Left out in this order, with the distance from then on: {}.", list.join("; ")))
}

fn card() -> Card {
    let fields = vec![
        Field::number("sparsity", 0.25, 0.0, 0.99, "Share of the sub-layers, or blocks, that are left out; rounded down."),
        Field::choice(
            "units",
            "sublayers",
            &["sublayers", "blocks"],
            "sublayers: each attention and each MLP by itself. blocks: whole layers, the coarser way to compare with.",
        ),
        Field::choice(
            "distance",
            "js",
            &["js", "js-swapped", "kl", "angular", "norm"],
            "How answers are compared with the dense model's. js: Jensen-Shannon divergence. js-swapped: with its arguments \
             swapped, as the authors' code has it. kl: Kullback-Leibler divergence. angular, norm: angle or length of the \
             difference of the logits.",
        ),
        Field::choice(
            "ranking",
            "greedy",
            &["greedy", "one-shot"],
            "greedy: all that are left are measured again after each one that goes. one-shot: each is measured once, alone.",
        ),
        Field::number(
            "lock",
            0.4,
            0.0,
            0.9,
            "The first of this share of the blocks, and one more, stay whole until this share of the sub-layers, and one more, \
             is gone. 0: all may go from the start.",
        )
        .only_if("ranking", &["greedy"]),
    ];
    Card {
        id: "finercut".into(),
        name: "FinerCut".into(),
        paper: "FinerCut: Finer-grained Interpretable Layer Pruning for Large Language Models".into(),
        authors: "Yang Zhang, Yawei Li, Xinpeng Wang, Qianli Shen, Barbara Plank, Bernd Bischl, Mina Rezaei, Kenji Kawaguchi"
            .into(),
        year: 2024,
        arxiv: "2405.18218".into(),
        sentence: "Leaves out one attention or MLP after the other, each time the one that the model's answers miss least.".into(),
        when: "Models with residual branches that should become smaller and faster in whole layers, without training; it takes \
               many passes, so a few samples go a long way."
            .into(),
        formula: "next = the sub-layer c with the least D(answers of the dense model, answers without all gone and c)".into(),
        differs: "The paper's Jensen-Shannon divergence is js; the authors' code swaps the arguments of both halves: \
                  js-swapped. Their KL and JS are divided by the number of classes too, which changes no ranking. At lock = 0 \
                  their code still locks the first block in the first round; here nothing is locked."
            .into(),
        needs: vec![Need::Samples],
        filing: Filing {
            unit: "L,B".into(),
            speedup: "universal".into(),
            criterion: "sensitivity".into(),
            allocation: "search".into(),
            rounds: "iterative".into(),
            data: "unlabelled".into(),
            family: "LM".into(),
            ..Filing::plain()
        },
        fields: [fields, fields::samples(10, 256)].concat(),
    }
}
