use std::rc::Rc;

use secateur_exec::rng::Rng;
use secateur_graph::groups::UnitKind;
use secateur_graph::surgery::{Removal, Statistics};
use secateur_protocol::{Card, Field, Filing, Need, Recipe};

use super::wanda;
use crate::lab::Source;
use crate::parts::fields::{self, Values};
use crate::parts::search::{Compressor, Distance, Evolution, Evolved, Judge, Levels, Round, Skips};
use crate::parts::{Criterion, changed};
use crate::{Lab, Method, MethodError, Outcome, Run};

pub static METHOD: EvoPress = EvoPress;

/// Evolution over how much each layer loses, or over which sub-layers are left out, at a budget that never moves.
pub struct EvoPress;

impl Method for EvoPress {
    fn card(&self) -> Card {
        card()
    }

    fn run<'a>(&'a self, lab: &'a mut Lab<'_>, recipe: &'a Recipe) -> Run<'a> {
        Box::pin(search(lab, recipe))
    }
}

async fn search(lab: &mut Lab<'_>, recipe: &Recipe) -> Result<Outcome, MethodError> {
    let card = card();
    let recipe = recipe.clone().checked(&card)?;
    let values = Values { card: &card, recipe: &recipe };
    let whole = |key| values.number(key).map(|number| number as usize);
    let evolution = Evolution {
        generations: whole("generations")?,
        offspring: whole("offspring")?,
        rounds: vec![
            Round { samples: whole("first")?, survivors: whole("survivors")? },
            Round { samples: whole("last")?, survivors: 1 },
        ],
        seed: recipe.seed,
    };
    match values.text("search")?.as_str() {
        "depth" => depth(lab, &values, &evolution).await,
        _ => sparsity(lab, &values, &evolution).await,
    }
}

/// How much each layer loses.
async fn sparsity(lab: &mut Lab<'_>, values: &Values<'_>, evolution: &Evolution) -> Result<Outcome, MethodError> {
    let wanted = values.number("samples")? as usize;
    let samples = lab.first(wanted);
    let compressor = values.text("compressor")?;
    let criterion = match compressor.as_str() {
        "magnitude" => Criterion::magnitude(),
        "wanda" => wanda::criterion(),
        _ => Criterion::brain_surgeon(),
    };
    let source = Source { criterion: Rc::new(criterion), seed: 0, samples };
    let compressor = if compressor == "sparsegpt" { Compressor::Sweep(samples) } else { Compressor::Scores(&source) };
    let sizes = (values.number("sparsity")?, values.number("levels")? as usize, values.number("step")? as usize);
    let judge = Judge::new(lab, lab.params, wanted, Distance::Kl).await?;
    let levels = Levels::new(lab, sizes, compressor).await?;
    let scores = lab.dense(&source).await?.into();
    let lab = &*lab;
    let fitness = async |state: &Vec<i32>, samples: &[usize]| {
        let params = levels.change(lab.graph, state)?.of(lab.compute, lab.graph, lab.params)?;
        judge.distance(lab.graph, &params, samples).await
    };
    let mutate = |state: &Vec<i32>, rng: &mut Rng| levels.mutate(state, rng);
    let found = evolution.run(lab, judge.samples(), vec![levels.uniform()], mutate, fitness).await?;
    let all: Vec<usize> = (0..judge.samples()).collect();
    let kl = [fitness(&levels.uniform(), &all).await?, fitness(&found.best, &all).await?];
    let change = levels.change(lab.graph, &found.best)?;
    Ok(Outcome {
        masks: change.masks,
        removal: Removal::new(),
        statistics: Statistics::default(),
        params: changed(lab, &change.values),
        scores,
        notes: notes(&found, &judge, wanted, kl, "the same share of every layer"),
    })
}

/// Which sub-layers or blocks are left out: so many of each sort.
async fn depth(lab: &mut Lab<'_>, values: &Values<'_>, evolution: &Evolution) -> Result<Outcome, MethodError> {
    let lab = &*lab;
    let kind = if values.text("units")? == "blocks" { UnitKind::Blocks } else { UnitKind::SubLayers };
    let skips = Skips::of(lab, kind)?;
    let wanted = values.number("samples")? as usize;
    let judge = Judge::new(lab, lab.params, wanted, Distance::Kl).await?;
    let (sorts, share) = (skips.sorts(), values.number("sparsity")?);
    let drawn = |at: u64| drawn(&sorts, share, &mut Rng::keyed(evolution.seed, "evopress-start", at, ""));
    let start = (0..2 * evolution.offspring as u64).map(drawn).collect();
    let fitness = async |out: &Vec<usize>, samples: &[usize]| {
        let (graph, params) = skips.without(lab, out)?;
        judge.distance(&graph, &params, samples).await
    };
    let mutate = |out: &Vec<usize>, rng: &mut Rng| swapped(&sorts, out, rng);
    let found = evolution.run(lab, judge.samples(), start, mutate, fitness).await?;
    let all: Vec<usize> = (0..judge.samples()).collect();
    let kl = [fitness(&drawn(0), &all).await?, fitness(&found.best, &all).await?];
    let keep: Vec<f32> = (0..skips.len()).map(|one| if found.best.contains(&one) { 0.0 } else { 1.0 }).collect();
    let notes = notes(&found, &judge, wanted, kl, "a choice by chance");
    skips.outcome(lab, &found.best, (&keep, 1.0), notes)
}

/// A share of each sort by chance, in rising order.
fn drawn(sorts: &[Vec<usize>], share: f64, rng: &mut Rng) -> Vec<usize> {
    let some = |sort: &Vec<usize>, rng: &mut Rng| {
        let mut sort = sort.clone();
        rng.shuffle(&mut sort);
        sort.truncate((share * sort.len() as f64) as usize);
        sort
    };
    let mut out: Vec<usize> = sorts.iter().flat_map(|sort| some(sort, rng)).collect();
    out.sort_unstable();
    out
}

/// One that is out comes back, and one of its sort that was in goes out.
fn swapped(sorts: &[Vec<usize>], out: &[usize], rng: &mut Rng) -> Vec<usize> {
    let split = |sort: &Vec<usize>| sort.iter().partition::<Vec<usize>, _>(|one| out.contains(one));
    let splits: Vec<_> = sorts.iter().map(split).filter(|(gone, left)| !gone.is_empty() && !left.is_empty()).collect();
    let mut other = out.to_vec();
    if !splits.is_empty() {
        let (gone, left) = &splits[rng.below(splits.len())];
        let (back, goes) = (gone[rng.below(gone.len())], left[rng.below(left.len())]);
        other.iter_mut().filter(|one| **one == back).for_each(|one| *one = goes);
        other.sort_unstable();
    }
    other
}

/// What the user should know. `kl`: on all samples, of what the search is compared with and of what it found.
fn notes<S>(found: &Evolved<S>, judge: &Judge<'_>, wanted: usize, kl: [f64; 2], beside: &str) -> Vec<String> {
    let samples = judge.samples();
    let few = (samples < wanted).then(|| format!("Calibrated on all {samples} samples there are."));
    let told = format!(
        "After {} generations KL(dense || pruned) on all {samples} samples is {:.4}; with {beside} it is {:.4}.",
        found.curve.len(),
        kl[1],
        kl[0]
    );
    few.into_iter().chain(found.note.clone()).chain([told]).collect()
}

fn card() -> Card {
    let sparsity = |field: Field| field.only_if("search", &["sparsity"]);
    let fields = vec![
        Field::number(
            "sparsity",
            0.5,
            0.0,
            0.99,
            "Share of all prunable weights, or of each sort of sub-layer, to remove.",
        ),
        Field::choice(
            "search",
            "sparsity",
            &["sparsity", "depth"],
            "sparsity: weights go one by one, and the search finds how many of each layer. depth: whole sub-layers or blocks \
             are left out, and the search finds which.",
        ),
        sparsity(Field::choice(
            "compressor",
            "sparsegpt",
            &["sparsegpt", "wanda", "magnitude"],
            "What prunes each layer to each level. sparsegpt also fits the weights that stay, which takes memory for every level.",
        )),
        sparsity(Field::whole(
            "levels",
            6,
            1,
            32,
            "Levels up and down from the same share of every layer, at most.",
        )),
        sparsity(Field::whole(
            "step",
            0,
            0,
            1_000_000_000,
            "Weights that a level is worth, the same in every layer. 0: half of what a layer of the mean size can gain or lose, \
             by the number of levels.",
        )),
        Field::choice(
            "units",
            "sublayers",
            &["sublayers", "blocks"],
            "sublayers: as many attentions as MLPs. blocks: whole layers.",
        )
        .only_if("search", &["depth"]),
        Field::whole("generations", 60, 1, 10_000, "Generations of the search."),
        Field::whole("offspring", 16, 1, 1_000, "Offspring in each generation."),
        Field::whole("survivors", 4, 1, 1_000, "Offspring that the first, quick look leaves for the second."),
        Field::whole("first", 4, 1, 1_000, "Calibration samples of the first look, drawn anew each time."),
        Field::whole("last", 32, 1, 1_000, "Those of the second look, in which the parent takes part."),
    ];
    Card {
        id: "evopress".into(),
        name: "EvoPress".into(),
        paper: "EvoPress: Towards Optimal Dynamic Model Compression via Evolutionary Search".into(),
        authors: "Oliver Sieberling, Denis Kuznedelev, Eldar Kurtic, Dan Alistarh".into(),
        year: 2024,
        arxiv: "2410.14649".into(),
        sentence: "Finds by evolution how much each layer can lose: two layers swap a little of their sparsity, and what the \
                   model's answers miss least lives on."
            .into(),
        when: "When a cut by equal shares costs too much and minutes of forward passes are affordable; no training, no gradients."
            .into(),
        formula: "fitness = mean over tokens of KL(dense || pruned); one offspring = one to three swaps of a level between two \
                  layers; the best of all offspring and the parent is the next parent"
            .into(),
        differs: "Samples are drawn whole, and all their tokens count, the last one too. The first layer, the embeddings' head \
                  and whatever else is prunable take part; the authors search over the linear layers inside blocks. Each \
                  layer's cut is exact where their threshold takes ties. Offspring equal to their parent are drawn again. \
                  Sub-layers begin with the best of twice as many random choices as there are offspring."
            .into(),
        needs: vec![Need::Samples],
        filing: Filing {
            unit: "W,L,B".into(),
            criterion: "search".into(),
            learned_by: "evolution".into(),
            allocation: "search".into(),
            rounds: "iterative".into(),
            data: "unlabelled".into(),
            recovery: "closed-form".into(),
            family: "LM".into(),
            ..Filing::plain()
        },
        fields: [fields, fields::samples(64, 128)].concat(),
    }
}
