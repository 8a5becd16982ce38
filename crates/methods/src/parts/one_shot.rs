use std::collections::BTreeMap;
use std::rc::Rc;

use burn::tensor::{Tensor, TensorData};
use secateur_exec::{Change, Params, Sums, Value, batch_norms};
use secateur_graph::surgery::{Removal, Statistics};
use secateur_graph::{Masks, ParamId};
use secateur_protocol::{Card, Recipe, Unit};

use super::compensate::{Chosen, Compensation, Inverse, add_means, refit_units, sweep_all};
use super::criterion::{Columns, Known, gather};
use super::fields::{Calibration, Values};
use super::plan::{Plan, plan};
use super::units::{self, UnitCut};
use super::{Criterion, Cut, Pattern, Scores};
use crate::lab::{AllScores, Samples, Source};
use crate::{Lab, Method, MethodError, Outcome, Run};

/// Score, share out, select, make up for it: one cut of the dense model. What differs between such methods is the criterion
/// and the card's default fields.
pub struct OneShot {
    /// From the recipe's values.
    pub criterion: fn(&Values<'_>) -> Result<Criterion, MethodError>,
    pub card: fn() -> Card,
}

impl Method for OneShot {
    fn card(&self) -> Card {
        (self.card)()
    }

    fn run<'a>(&'a self, lab: &'a mut Lab<'_>, recipe: &'a Recipe) -> Run<'a> {
        Box::pin(self.cut(lab, recipe))
    }
}

impl OneShot {
    async fn cut(&self, lab: &mut Lab<'_>, recipe: &Recipe) -> Result<Outcome, MethodError> {
        let card = self.card();
        let recipe = recipe.clone().checked(&card)?;
        let values = Values { card: &card, recipe: &recipe };
        let criterion = Rc::new((self.criterion)(&values)?);
        let wish = card.field("samples").map(|_| Calibration::read(&card, &recipe)).transpose()?;
        let samples = wish.map_or(Samples::default(), |wish| lab.first(wish.samples));
        let mut notes: Vec<String> = wish.and_then(|wish| few(&criterion, wish, samples)).into_iter().collect();
        let seed = if criterion.needs.seed { recipe.seed } else { 0 };
        let source = Source { criterion, seed, samples };
        let sequential = wish.is_some_and(|wish| wish.sequential);
        let compensation = Compensation::read(&values)?;
        if let Some(cut) = UnitCut::read(&card, &recipe)? {
            let mut outcome = by_units(lab, &source, &cut, (compensation, sequential), notes).await?;
            if card.field("batch_norms").is_some() && values.text("batch_norms")? == "recalibrated" {
                recalibrated(lab, samples, &mut outcome).await?;
            }
            return Ok(outcome);
        }
        let pattern = Pattern::read(&card, &recipe)?;
        notes.extend(pattern.left_over(lab.graph));
        let plan = plan(lab, &source, pattern).await?;
        let (change, scores) = by_weights(lab, &source, &plan, (compensation, sequential), &mut notes).await?;
        Ok(Outcome {
            masks: change.masks,
            removal: Removal::new(),
            statistics: Statistics::default(),
            params: changed(lab, &change.values),
            scores,
            notes,
        })
    }
}

/// A sentence where there are fewer samples than asked for.
fn few(criterion: &Criterion, wish: Calibration, samples: Samples) -> Option<String> {
    let there = if criterion.needs.gradients.is_some() { samples.answered as usize } else { samples.count };
    (there < wish.samples).then(|| format!("Calibrated on all {there} samples there are."))
}

/// Parameters that a method changed, and none of the others.
pub(crate) fn changed(lab: &Lab<'_>, values: &BTreeMap<ParamId, Value>) -> Option<Params> {
    (!values.is_empty()).then(|| Params::empty(lab.graph).with(values))
}

async fn by_units(
    lab: &mut Lab<'_>,
    source: &Source,
    cut: &UnitCut,
    (compensation, sequential): (Compensation, bool),
    mut notes: Vec<String>,
) -> Result<Outcome, MethodError> {
    let (removal, unmet) = cut.choose(lab, source).await?;
    notes.extend(unmet);
    let masks = units::masks(lab, &removal)?;
    let values = match compensation {
        Compensation::None => BTreeMap::new(),
        Compensation::Bias => {
            let (values, note) = add_means(lab, source.samples, &masks).await?;
            notes.extend(note);
            values
        }
        Compensation::Update => refit_units(lab, source.samples, sequential, &masks).await?,
    };
    let (params, scores) = (changed(lab, &values), lab.dense(source).await?.into());
    Ok(Outcome { masks, removal, statistics: cut.statistics(), params, scores, notes })
}

/// Lets batch norms remember what they see in the smaller model.
async fn recalibrated(lab: &Lab<'_>, samples: Samples, outcome: &mut Outcome) -> Result<(), MethodError> {
    let changed = outcome.params.take().unwrap_or_else(|| Params::empty(lab.graph));
    let ids = lab.graph.param_ids().filter_map(|id| Some((id, changed.get(lab.graph, id).ok()?.clone())));
    let now = lab.params.with(&ids.collect()).masked(lab.compute, lab.graph, &outcome.masks)?;
    let calibration = lab.calibration_on(samples.count)?;
    let seen = batch_norms(lab.compute, lab.graph, &now, calibration, lab.meter).await?;
    outcome.params = Some(changed.with(&seen)).filter(|params| !params.is_empty());
    Ok(())
}

/// Single weights, and what makes up for them.
async fn by_weights(
    lab: &mut Lab<'_>,
    source: &Source,
    plan: &Plan,
    (compensation, sequential): (Compensation, bool),
    notes: &mut Vec<String>,
) -> Result<(Change, Scores), MethodError> {
    let on_the_way = source.criterion.needs.columns == Some(Columns::InverseDiagonal);
    let blocks = plan.values().any(|cut| matches!(cut, Cut::Blocks { .. }));
    if compensation == Compensation::Update && on_the_way && !blocks {
        return swept(lab, source, sequential, |id| Chosen::OnTheWay(plan[&id])).await;
    }
    let by_block = sequential && source.criterion.needs.columns.is_some();
    let (masks, scores) =
        if by_block { block_by_block(lab, source, plan).await? } else { at_once(lab, source, plan).await? };
    match compensation {
        Compensation::None => Ok((masks.into(), scores)),
        Compensation::Bias => {
            let (values, note) = add_means(lab, source.samples, &masks).await?;
            notes.extend(note);
            Ok((Change { masks, values }, scores))
        }
        Compensation::Update => {
            let full =
                |id| masks.get(id).cloned().unwrap_or_else(|| secateur_graph::Mask::full(lab.graph.param(id).len()));
            let before = |id| Chosen::Before(full(id));
            let change = sweep_all(lab, source.samples, sequential, before, |_, _, _| ()).await?;
            Ok((change, scores))
        }
    }
}

/// Weights chosen and made up for in one go. Their scores are what they were chosen by, where the model is small enough to
/// keep that; else those of the dense weights by the same statistics.
async fn swept(
    lab: &mut Lab<'_>,
    source: &Source,
    sequential: bool,
    chosen: impl Fn(ParamId) -> Chosen,
) -> Result<(Change, Scores), MethodError> {
    let (keeps, device) = (lab.keeps_scores(), lab.compute.device());
    let (mut scores, mut columns) = (AllScores::new(), Sums::new());
    let seen = |id, inverse: &Inverse, saliency: ndarray::Array2<f32>| {
        if keeps {
            let (rows, cols) = saliency.dim();
            let numbers = TensorData::new(saliency.into_raw_vec_and_offset().0, [rows, cols]);
            scores.insert(id, Tensor::from_data(numbers, device));
        } else {
            columns.insert(id, inverse.diagonal());
        }
    };
    let change = sweep_all(lab, source.samples, sequential, chosen, seen).await?;
    all_reached(lab, |id| change.masks.get(id).is_some())?;
    let Source { criterion, seed, samples } = source;
    let scores = match keeps {
        true => Scores::held(scores),
        false => {
            let gradients = lab.gradients(criterion, *samples).await?;
            Known { criterion: criterion.clone(), seed: *seed, columns: Rc::new(columns), gradients }.into()
        }
    };
    Ok((change, scores))
}

/// Every layer by the scores of the dense model.
async fn at_once(lab: &mut Lab<'_>, source: &Source, plan: &Plan) -> Result<(Masks, Scores), MethodError> {
    let mut masks = Masks::default();
    for (done, (id, cut)) in plan.iter().enumerate() {
        let scores = lab.score(source, *id).await?;
        lab.tick(done, plan.len(), Unit::Layers).await?;
        select(lab, *id, *cut, scores, &mut masks).await?;
    }
    Ok((masks, lab.dense(source).await?.into()))
}

/// Each block by scores that see the pruning of the blocks before it; gradients are those of the dense model.
async fn block_by_block(lab: &mut Lab<'_>, source: &Source, plan: &Plan) -> Result<(Masks, Scores), MethodError> {
    let Source { criterion, seed, samples } = source;
    let gradients = lab.gradients(criterion, *samples).await?;
    let known = |columns| Known { criterion: criterion.clone(), seed: *seed, columns, gradients: gradients.clone() };
    let mut all = Sums::new();
    let gathered = criterion.needs.columns.unwrap_or(Columns::Squares);
    let lab = &*lab;
    let visit = async |block: &Sums| {
        let mut masks = Masks::default();
        let known = known(Rc::new(block.clone()));
        for id in block.keys() {
            let scores = criterion.score(&known.evidence(lab.compute, lab.graph, lab.params, *id)).await?;
            select(lab, *id, plan[id], scores, &mut masks).await?;
        }
        all.extend(block.iter().map(|(id, of)| (*id, of.clone())));
        Ok(masks.into())
    };
    let masks = gather(lab, gathered, *samples, true, visit).await?.masks;
    all_reached(lab, |id| all.contains_key(&id))?;
    Ok((masks, known(Rc::new(all)).into()))
}

/// Refuses a model of which a weight was never reached.
fn all_reached(lab: &Lab<'_>, reached: impl Fn(ParamId) -> bool) -> Result<(), MethodError> {
    match lab.graph.prunable().find(|id| !reached(*id)) {
        Some(id) => Err(MethodError::NoStatistics { name: lab.graph.param(id).name.clone() }),
        None => Ok(()),
    }
}

async fn select(lab: &Lab<'_>, id: ParamId, cut: Cut, scores: Tensor<2>, masks: &mut Masks) -> Result<(), MethodError> {
    let mask = cut.apply(scores).await?;
    lab.compute.check()?;
    Ok(masks.set(lab.graph, id, mask)?)
}
