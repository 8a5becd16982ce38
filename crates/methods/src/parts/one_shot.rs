use std::rc::Rc;

use burn::tensor::Tensor;
use secateur_exec::{Sums, calibrate};
use secateur_graph::surgery::{Removal, Statistics};
use secateur_graph::{Masks, ParamId};
use secateur_protocol::{Card, Recipe, Unit};

use super::fields::Calibration;
use super::plan::{Plan, plan};
use super::units::{self, UnitCut};
use super::{Criterion, Cut, Pattern, Scores};
use crate::lab::{Samples, Source, mean};
use crate::{Lab, Method, MethodError, Outcome, Run};

/// Score, share out, select: one cut of the dense model. What differs between such methods is the criterion
/// and the card's default fields.
pub struct OneShot {
    pub criterion: Criterion,
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
        let mut notes = Vec::new();
        let wish = self.criterion.needs_activations().then(|| Calibration::read(&card, &recipe)).transpose()?;
        let samples = wish.map_or(Samples::default(), |wish| lab.first(wish.samples));
        if wish.is_some_and(|wish| samples.count < wish.samples) {
            notes.push(format!("Calibrated on all {} samples there are.", samples.count));
        }
        let seed = if self.criterion.needs_seed() { recipe.seed } else { 0 };
        let source = Source { criterion: self.criterion, seed, samples };
        if let Some(cut) = UnitCut::read(&card, &recipe)? {
            let (removal, unmet) = cut.choose(lab, source).await?;
            notes.extend(unmet);
            let (masks, scores) = (units::masks(lab, &removal)?, lab.dense(source).await?);
            return Ok(Outcome { masks, removal, statistics: cut.statistics(), scores, notes });
        }
        let pattern = Pattern::read(&card, &recipe)?;
        notes.extend(pattern.left_over(lab.graph));
        let plan = plan(lab, source, pattern).await?;
        let sequential = wish.is_some_and(|wish| wish.sequential);
        let (masks, scores) =
            if sequential { block_by_block(lab, source, &plan).await? } else { at_once(lab, source, &plan).await? };
        Ok(Outcome { masks, removal: Removal::new(), statistics: Statistics::default(), scores, notes })
    }
}

/// Every layer by the scores of the dense model.
async fn at_once(lab: &mut Lab<'_>, source: Source, plan: &Plan) -> Result<(Masks, Scores), MethodError> {
    let mut masks = Masks::default();
    for (done, (id, cut)) in plan.iter().enumerate() {
        let scores = lab.score(source, *id).await?;
        lab.tick(done, plan.len(), Unit::Layers).await?;
        select(lab, *id, *cut, scores, &mut masks).await?;
    }
    Ok((masks, lab.dense(source).await?))
}

/// Each block by scores that see the pruning of the blocks before it.
async fn block_by_block(lab: &Lab<'_>, source: Source, plan: &Plan) -> Result<(Masks, Scores), MethodError> {
    let Source { criterion, seed, samples } = source;
    let mut statistics = Sums::new();
    let calibration = lab.calibration_on(samples.count)?;
    let visit = async |_: u32, sums: &Sums| {
        let mut masks = Masks::default();
        for (id, sum) in sums {
            let act_sq = mean(sum, samples.count);
            let scores = criterion.score(lab.compute, lab.graph, lab.params, *id, seed, Some(&act_sq)).await?;
            select(lab, *id, plan[id], scores, &mut masks).await?;
            statistics.insert(*id, act_sq);
        }
        Ok::<_, MethodError>(masks)
    };
    let masks = calibrate(lab.compute, lab.graph, lab.params, calibration, true, lab.meter, visit).await?;
    if let Some(id) = plan.keys().find(|id| !statistics.contains_key(id)) {
        return Err(MethodError::NoStatistics { name: lab.graph.param(*id).name.clone() });
    }
    Ok((masks, Scores { criterion, seed, statistics: Rc::new(statistics) }))
}

async fn select(lab: &Lab<'_>, id: ParamId, cut: Cut, scores: Tensor<2>, masks: &mut Masks) -> Result<(), MethodError> {
    let mask = cut.apply(scores).await?;
    lab.compute.check()?;
    Ok(masks.set(lab.graph, id, mask)?)
}
