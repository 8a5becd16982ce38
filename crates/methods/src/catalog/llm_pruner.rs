use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use secateur_exec::GradMoment;
use secateur_graph::Graph;
use secateur_graph::groups::{Group, UnitKind};
use secateur_graph::surgery::{Removal, Statistics};
use secateur_protocol::{Card, Field, Filing, Need, Recipe};

use super::taylor;
use crate::lab::Source;
use crate::parts::fields::{self, Values};
use crate::parts::recover::Recovery;
use crate::parts::units::{self, UnitCut, Wishes};
use crate::parts::{Criterion, Lift, Members};
use crate::{Cache, Lab, Method, MethodError, Outcome, Run};

pub static METHOD: LlmPruner = LlmPruner;

/// The units that go.
const UNITS: [&str; 5] = ["heads,neurons", "kv-groups,neurons", "heads", "neurons", "width"];

/// Removes what hangs together by what it changes the loss by, of every block but the first and last ones, and trains adapters.
pub struct LlmPruner;

impl Method for LlmPruner {
    fn card(&self) -> Card {
        card()
    }

    fn run<'a>(&'a self, lab: &'a mut Lab<'_>, recipe: &'a Recipe) -> Run<'a> {
        Box::pin(prune(lab, recipe))
    }
}

/// Which units may go, and in how many steps.
struct Plan {
    kinds: Vec<UnitKind>,
    ratio: f64,
    global: bool,
    iterations: usize,
    /// Units of blocks that stay whole.
    protect: BTreeMap<usize, Vec<u32>>,
}

async fn prune(lab: &mut Lab<'_>, recipe: &Recipe) -> Result<Outcome, MethodError> {
    let card = card();
    let recipe = recipe.clone().checked(&card)?;
    let values = Values { card: &card, recipe: &recipe };
    let wanted = values.number("samples")? as usize;
    let samples = lab.first(wanted);
    let there = samples.answered as usize;
    let mut notes = Vec::new();
    if there < wanted {
        notes.push(format!("Gradients of all {there} samples there are."));
    }
    let source = Source { criterion: Rc::new(criterion(&values)?), seed: 0, samples };
    let plan = Plan::read(&values, lab)?;
    let removal = plan.removal(lab, &source, &mut notes).await?;
    let masks = units::masks(lab, &removal)?;
    let scores = lab.dense(&source).await?.into();
    let mut params = None;
    if values.text("recovery")? == "lora" {
        let left = lab.params.masked(lab.compute, lab.graph, &masks)?;
        let recovered = Recovery::read(&values)?.run(lab, left, &masks, recipe.seed).await?;
        notes.extend(recovered.notes);
        params = Some(recovered.params);
    }
    Ok(Outcome { masks, removal, statistics: Statistics::Kept, params, scores, notes })
}

/// What a weight's slices say of the loss (Ma et al., 2023, eq. 3 to 6), by the gradient of all samples' mean loss and, of
/// second order, by those of single samples.
fn criterion(values: &Values<'_>) -> Result<Criterion, MethodError> {
    let members = match values.text("members")?.as_str() {
        "product" => Members::Product,
        "max" => Members::Max,
        "last" => Members::Last,
        _ => Members::Sum,
    };
    let importance = values.text("importance")?;
    let order = match importance.as_str() {
        "element2" => "fisher",
        "mixed" => "mixed",
        _ => "mean",
    };
    let estimate = taylor::estimate(order, "sum");
    let key = format!("llm-pruner {importance} {members:?}");
    let signed: Option<crate::parts::Formula> = match importance.as_str() {
        "vector" => Some(Rc::new(|of| Ok(of.weight()? * of.gradient(GradMoment::Sum) / of.samples()))),
        _ => None,
    };
    Ok(Criterion { key, ..estimate }.lifted(Lift::Slices { signed, members }))
}

impl Plan {
    fn read(values: &Values<'_>, lab: &Lab<'_>) -> Result<Self, MethodError> {
        let units = values.text("units")?;
        let kinds: Vec<UnitKind> =
            UnitKind::ALL.into_iter().filter(|kind| units.split(',').any(|word| word == kind.word())).collect();
        let whole = |key| values.number(key).map(|number| number as usize);
        let groups = lab.graph.groups_with(lab.vocabulary);
        Ok(Self {
            protect: protected(lab.graph, &groups, &kinds, (whole("first")?, whole("last")?)),
            kinds,
            ratio: values.number("sparsity")?,
            global: values.text("share")? == "global",
            iterations: whole("iterations")?,
        })
    }

    /// What goes; after every step but the first with gradients of what is left.
    async fn removal(
        &self,
        lab: &mut Lab<'_>,
        source: &Source,
        notes: &mut Vec<String>,
    ) -> Result<Removal, MethodError> {
        let mut removal = Removal::new();
        for step in 1..=self.iterations {
            let wishes = Wishes { protect: self.protect.clone(), remove: removal.clone(), ..Wishes::default() };
            let share = self.ratio * step as f64 / self.iterations as f64;
            let cut = UnitCut::share(self.kinds.clone(), share, self.global, wishes);
            let (found, unmet) = if step == 1 {
                cut.choose(lab, source).await?
            } else {
                let params = lab.params.masked(lab.compute, lab.graph, &units::masks(lab, &removal)?)?;
                let mut cut_lab = Lab { params: &params, cache: &mut Cache::default(), ..*lab };
                cut.choose(&mut cut_lab, source).await?
            };
            removal = found;
            notes.extend(unmet);
        }
        Ok(removal)
    }
}

/// All units of groups that lie in the first or last of the blocks that have any of these kinds, and nowhere else.
fn protected(
    graph: &Graph,
    groups: &[Group],
    kinds: &[UnitKind],
    (first, last): (usize, usize),
) -> BTreeMap<usize, Vec<u32>> {
    let blocks_of = |group: &Group| -> BTreeSet<u32> {
        group.members.iter().map(|member| graph.node(graph.param(member.param).node).block).collect()
    };
    let some = || groups.iter().enumerate().filter(|(_, group)| kinds.contains(&group.kind));
    let blocks: BTreeSet<u32> = some().flat_map(|(_, group)| blocks_of(group)).collect();
    let whole: BTreeSet<u32> = blocks.iter().take(first).chain(blocks.iter().rev().take(last)).copied().collect();
    let stays = |(_, group): &(usize, &Group)| blocks_of(group).is_subset(&whole);
    some().filter(stays).map(|(at, group)| (at, (0..group.units as u32).collect())).collect()
}

fn card() -> Card {
    let own = vec![
        Field::number("sparsity", 0.25, 0.0, 0.99, "Share of the units of every block that takes part to remove."),
        Field::choice(
            "units",
            "heads,neurons",
            &UNITS,
            "What goes as a whole: heads of attentions and hidden features of MLPs; kv-groups: heads with the keys and values that \
             they share; width: features of the whole residual stream.",
        ),
        Field::choice(
            "importance",
            "element1",
            &["element1", "element2", "mixed", "vector"],
            "What a row or column scores. element1: the sum of |g w|. element2: the sum of w² g² on the mean over samples. mixed: \
             of |g w - ½ w² g²|. vector: the absolute sum of g w, in which entries cancel each other.",
        ),
        Field::choice(
            "members",
            "sum",
            &["sum", "product", "max", "last"],
            "How the scores of weights that go together become one. last: that of the weight which is used last.",
        ),
        Field::choice(
            "share",
            "uniform",
            &["uniform", "global"],
            "uniform: every group loses the same share. global: the lowest scores anywhere.",
        ),
        Field::whole("first", 1, 0, 100, "Blocks at the beginning that stay whole."),
        Field::whole("last", 1, 0, 100, "Blocks at the end that stay whole."),
        Field::whole(
            "iterations",
            1,
            1,
            50,
            "Steps to the ratio, each with gradients of what the one before has left.",
        ),
        Field::choice("recovery", "lora", &["lora", "none"], "lora: the cut model trains, as the settings below say."),
    ];
    // Samples of calibration and of training are of one length.
    let training = fields::training(200, 1e-3, 32).into_iter().filter(|field| field.key != "length");
    let recovery = Recovery::fields().into_iter().chain(training);
    let recovery =
        recovery.map(|field| if field.only_if.is_none() { field.only_if("recovery", &["lora"]) } else { field });
    Card {
        id: "llm-pruner".into(),
        name: "LLM-Pruner".into(),
        paper: "LLM-Pruner: On the Structural Pruning of Large Language Models".into(),
        authors: "Xinyin Ma, Gongfan Fang, Xinchao Wang".into(),
        year: 2023,
        arxiv: "2305.11627".into(),
        sentence: "Removes the heads and neurons, each with all that hangs on it, that the loss depends on least, and repairs the rest \
                   with thin adapters."
            .into(),
        when: "A language model that is to become smaller by a fifth without full training; a few samples, then some minutes of \
               adapters."
            .into(),
        formula: "I(unit) = sum over its rows and columns of sum_k |g_k w_k|; or of w_k² F_k, |g_k w_k - ½ w_k² F_k|, |sum_k g_k w_k|; \
                  F = mean over samples of g²"
            .into(),
        differs: "Their code counts one group too many under a global threshold's ties, and credits grouped queries to the wrong keys; \
                  here counts are exact and groups are the graph's. It drops the ½ of the second order alone, as here. Each step of \
                  iterations looks at the same samples. Adapters are masked, so that they merge into what is left."
            .into(),
        needs: vec![Need::Samples, Need::Training],
        filing: Filing {
            unit: "N,H".into(),
            speedup: "universal".into(),
            criterion: "first-order,second-order".into(),
            data: "labelled".into(),
            recovery: "fine-tune".into(),
            family: "LM".into(),
            ..Filing::plain()
        },
        fields: own.into_iter().chain(recovery).chain(fields::samples(10, 64)).collect(),
    }
}
