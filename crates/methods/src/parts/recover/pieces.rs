//! Recovery block by block: each learns to answer as the dense one does, from what the recovered ones before it give
//! (Zimmer et al., 2023, "reconstruction").

use std::collections::{BTreeMap, BTreeSet};

use secateur_exec::train::{Course, Seen, Target, mean_loss};
use secateur_exec::{Compute, ExecError, Gates, Inputs, Params, Value, forward};
use secateur_graph::{Graph, Masks, ParamId, Piece};

use super::{Alone, Learned, Recovered, Recovery, told};
use crate::{Cache, Lab, Look, MethodError, Steer, Watch};

/// What enters a piece, and what the dense one answers: one of each for every batch.
struct Answers {
    batches: Vec<(Inputs, Value)>,
}

impl Course for Answers {
    fn batch(&self, _: &Compute, _: &Graph, at: u64) -> Result<(Inputs, Target), ExecError> {
        let (inputs, answer) = &self.batches[at as usize % self.batches.len()];
        Ok((inputs.clone(), Target::Values(answer.clone())))
    }
}

/// Recovers piece after piece on the calibration samples; pieces that lost nothing stay as they are.
pub(super) async fn recover(
    recovery: &Recovery,
    lab: &Lab<'_>,
    params: Params,
    masks: &Masks,
    seed: u64,
) -> Result<Recovered, MethodError> {
    let mut entering = batches(lab, recovery.batch)?;
    let (mut found, mut notes, mut numbers) = (BTreeMap::new(), Vec::new(), 0);
    let mut errors: Vec<[f64; 2]> = Vec::new();
    let pieces = lab.graph.pieces();
    for piece in &pieces {
        let [dense, cut] = [lab.params, &params].map(|params| params.part(&piece.params));
        let shared = shared(piece, &pieces);
        let lost = lost(piece, &shared, masks)?;
        let mut here = cut.clone();
        if lost.iter().next().is_some() {
            let course = answers(&piece.graph, &dense, &entering)?;
            let alone = Alone { course: &course, shared };
            let before = error(lab, &piece.graph, &cut, &course).await?;
            let watch = Whole(lab.watch);
            let piece_lab = Lab {
                compute: lab.compute,
                graph: &piece.graph,
                params: &dense,
                calibration: lab.calibration,
                vocabulary: lab.vocabulary,
                task: lab.task,
                checkpoints: &[],
                meter: lab.meter,
                watch: &watch,
                now_ms: lab.now_ms,
                cache: &mut Cache::default(),
            };
            let learned = recovery.learn(&piece_lab, cut, &lost, seed, Some(&alone)).await?;
            let Learned { params, numbers: learnt, note } = learned;
            errors.push([before, error(lab, &piece.graph, &params, &course).await?]);
            notes.extend(note);
            numbers += learnt;
            let value = |(here, id): (ParamId, &ParamId)| Ok((*id, params.get(&piece.graph, here)?.clone()));
            found.extend((0..).map(ParamId).zip(&piece.params).map(value).collect::<Result<Vec<_>, ExecError>>()?);
            here = params;
        }
        entering = left(&piece.graph, &here, entering)?;
    }
    let mean = |which: usize| errors.iter().map(|error| error[which]).sum::<f64>() / errors.len().max(1) as f64;
    let (before, after) = (mean(0), mean(1));
    let blocks = format!(
        "Blocks answer as the dense ones on the same inputs but for a mean square of {before:.3e} after the cut, {after:.3e} after \
         recovery, in the mean of {} blocks.",
        errors.len()
    );
    let notes = [told(lab.graph, numbers), blocks].into_iter().chain(notes).collect();
    Ok(Recovered { params: params.with(&found), notes })
}

/// The calibration samples as the whole model takes them, so many at once.
fn batches(lab: &Lab<'_>, batch: usize) -> Result<Vec<Inputs>, MethodError> {
    let calibration = lab.calibration_on(usize::MAX)?;
    let each = calibration.inputs.len() / calibration.samples.max(1);
    let name = lab.graph.inputs().next().map_or("", |node| &node.name);
    let numbers = calibration.inputs.chunks(each * batch.min(calibration.samples).max(1));
    let inputs = numbers.map(|numbers| {
        let mut inputs = Inputs::default();
        inputs.upload(lab.compute, lab.graph, name, numbers.len() / each, numbers.to_vec())?;
        Ok(inputs)
    });
    inputs.collect()
}

/// Parameters of a piece that another one has too.
fn shared(piece: &Piece, pieces: &[Piece]) -> BTreeSet<ParamId> {
    let here = (0..).map(ParamId).zip(&piece.params);
    let pieces_of = |id| pieces.iter().filter(|piece| piece.params.contains(id)).count();
    here.filter(|(_, id)| pieces_of(id) > 1).map(|(here, _)| here).collect()
}

/// The masks of what learns in a piece.
fn lost(piece: &Piece, shared: &BTreeSet<ParamId>, masks: &Masks) -> Result<Masks, MethodError> {
    let mut lost = Masks::default();
    let own = (0..).map(ParamId).zip(&piece.params).filter(|(here, _)| !shared.contains(here));
    for (here, id) in own {
        if let Some(mask) = masks.get(*id) {
            lost.set(&piece.graph, here, mask.clone())?;
        }
    }
    Ok(lost)
}

fn answers(graph: &Graph, dense: &Params, entering: &[Inputs]) -> Result<Answers, ExecError> {
    let answer = |inputs: &Inputs| Ok((inputs.clone(), forward(graph, dense, inputs.clone(), &mut ())?));
    Ok(Answers { batches: entering.iter().map(answer).collect::<Result<_, ExecError>>()? })
}

/// What enters the next piece: the model's own inputs, and what this one answers.
fn left(graph: &Graph, params: &Params, entering: Vec<Inputs>) -> Result<Vec<Inputs>, ExecError> {
    let name = &graph.node(graph.output()).name;
    entering.into_iter().map(|inputs| Ok(inputs.with(name, forward(graph, params, inputs.clone(), &mut ())?))).collect()
}

/// The mean over all batches of squared differences to the dense answers.
async fn error(lab: &Lab<'_>, graph: &Graph, params: &Params, course: &Answers) -> Result<f64, MethodError> {
    let seen = Seen { params: params.clone(), gates: Gates::default(), penalty: None };
    Ok(mean_loss(lab.compute, graph, &seen, course, course.batches.len() as u64, lab.meter).await?)
}

/// Somebody who looks at the whole model's learning sees that of a piece, but cannot try it out.
struct Whole<'a>(&'a dyn Watch);

impl Watch for Whole<'_> {
    fn due(&self) -> bool {
        self.0.due()
    }

    fn look(&self, look: Look) {
        self.0.look(look);
    }

    fn steer(&self) -> Steer {
        self.0.steer()
    }
}
