use secateur_exec::{Sums, calibrate};
use secateur_graph::{MaskError, Masks, ParamId};
use secateur_protocol::{Card, Recipe, Unit};
use std::collections::BTreeMap;

use super::fields::{Allocation, Calibration, Pattern};
use super::{Criterion, Cut, allocate, pattern};
use crate::lab::{Source, mean};
use crate::{Lab, Method, MethodError, Outcome, Run, Scores};

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

/// What each prunable parameter loses.
type Plan = BTreeMap<ParamId, Cut>;

impl OneShot {
    async fn cut(&self, lab: &mut Lab<'_>, recipe: &Recipe) -> Result<Outcome, MethodError> {
        let card = self.card();
        let recipe = recipe.clone().checked(&card)?;
        let pattern = Pattern::read(&card, &recipe)?;
        let mut notes = Vec::new();
        if let Pattern::NOfM { n, m } = pattern {
            notes.extend(pattern::left_over(lab.graph, n, m));
        }
        let mut source = Source { criterion: self.criterion, seed: recipe.seed, samples: 0 };
        let mut sequential = false;
        if self.criterion.needs_activations() {
            let wish = Calibration::read(&card, &recipe)?;
            sequential = wish.sequential;
            source.samples = wish.samples.min(lab.calibration.samples);
            if source.samples < wish.samples {
                notes.push(format!("Calibrated on all {} samples there are.", source.samples));
            }
        }
        let plan = plan(lab, source, pattern).await?;
        let (masks, scores) =
            if sequential { block_by_block(lab, source, &plan).await? } else { at_once(lab, source, &plan).await? };
        Ok(Outcome { masks, scores, notes })
    }
}

/// Turns shares into counts. Dense statistics decide where scores of different layers are compared.
async fn plan(lab: &mut Lab<'_>, source: Source, pattern: Pattern) -> Result<Plan, MethodError> {
    let graph = lab.graph;
    let ids: Vec<ParamId> = graph.prunable().collect();
    let (sparsity, allocation) = match pattern {
        Pattern::NOfM { n, m } => return Ok(ids.into_iter().map(|id| (id, Cut::NOfM { n, m })).collect()),
        Pattern::Unstructured { sparsity, allocation } => (sparsity, allocation),
    };
    let shapes: Vec<Vec<usize>> = ids.iter().map(|id| graph.param(*id).shape()).collect();
    let sizes: Vec<usize> = ids.iter().map(|id| graph.param(*id).len()).collect();
    let total: usize = sizes.iter().sum();
    let k = allocate::share(sparsity, total);
    let counts = match allocation {
        Allocation::Row => {
            let per_row = |id| Cut::PerRow { k: allocate::per_row(sparsity, graph.param(id).matrix().1) };
            return Ok(ids.into_iter().map(|id| (id, per_row(id))).collect());
        }
        Allocation::Uniform => sizes.iter().map(|size| allocate::share(sparsity, *size)).collect(),
        Allocation::Erk => allocate::erk(&shapes, k),
        Allocation::Lamp => allocate::global(lab.lamp().await?.iter().map(AsRef::as_ref), k)?,
        Allocation::Global { floor } => {
            let scores = lab.scores(source).await?;
            let counts = allocate::global(scores.values().map(AsRef::as_ref), k).map_err(|error| named(lab, error))?;
            allocate::with_floor(&counts, &sizes, (total as f64 * floor / 100.0) as usize)?
        }
    };
    Ok(ids.into_iter().zip(counts).map(|(id, k)| (id, Cut::Lowest { k })).collect())
}

/// Every layer by the scores of the dense model.
async fn at_once(lab: &mut Lab<'_>, source: Source, plan: &Plan) -> Result<(Masks, Scores), MethodError> {
    let scores = lab.scores(source).await?;
    let mut masks = Masks::default();
    for (done, (id, cut)) in plan.iter().enumerate() {
        lab.tick(done, plan.len(), Unit::Layers).await?;
        select(lab, *id, *cut, &scores[id], &mut masks)?;
    }
    Ok((masks, scores))
}

/// Each block by scores that see the pruning of the blocks before it.
async fn block_by_block(lab: &Lab<'_>, source: Source, plan: &Plan) -> Result<(Masks, Scores), MethodError> {
    let mut scores = Scores::new();
    let samples = lab.samples(source.samples)?;
    let visit = async |_: u32, sums: &Sums| {
        let mut masks = Masks::default();
        for (id, sum) in sums {
            let layer = source.criterion.score(lab, *id, source.seed, Some(&mean(sum, source.samples))).await?;
            select(lab, *id, plan[id], &layer, &mut masks)?;
            scores.insert(*id, layer);
        }
        Ok::<_, MethodError>(masks)
    };
    let masks = calibrate(lab.compute, lab.graph, lab.params, samples, true, lab.meter, visit).await?;
    Ok((masks, scores))
}

fn select(lab: &Lab<'_>, id: ParamId, cut: Cut, scores: &[f32], masks: &mut Masks) -> Result<(), MethodError> {
    let param = lab.graph.param(id);
    let mask = cut.apply(param, scores).map_err(|error| MethodError::Layer { name: param.name.clone(), error })?;
    Ok(masks.set(lab.graph, id, mask)?)
}

/// Selection over all layers counts them; people know them by name.
fn named(lab: &Lab<'_>, error: MaskError) -> MethodError {
    match error {
        MaskError::NotANumberIn { layer, at } => {
            let name = lab.graph.prunable().nth(layer).map(|id| lab.graph.param(id).name.clone()).unwrap_or_default();
            MethodError::Layer { name, error: MaskError::NotANumber { at } }
        }
        other => other.into(),
    }
}
