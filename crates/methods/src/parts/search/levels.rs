use std::collections::BTreeMap;

use ndarray::Array2;
use secateur_exec::rng::Rng;
use secateur_exec::{Change, Gathered, Grams, Value, calibrate};
use secateur_graph::{Graph, Mask, ParamId};
use secateur_protocol::Unit;

use crate::lab::{Samples, Source};
use crate::parts::Cut;
use crate::parts::allocate::share;
use crate::parts::compensate::{Chosen, Inverse, Swept, sweep};
use crate::{Lab, MethodError};

/// Numbers that layers with changed weights may take at all levels together: 2 GB.
const MOST: u64 = 1 << 29;

/// How a layer is pruned to a level.
pub(crate) enum Compressor<'a> {
    /// The lowest scores go.
    Scores(&'a Source),
    /// SparseGPT's sweep: what stays makes up for what goes. On inputs of the dense model.
    Sweep(Samples),
}

/// Every layer pruned to several levels. A level more is the same number of weights fewer in every layer, so that levels that
/// add up to 0 are a cut of just as many weights as the same share of every layer (Sieberling et al., 2024, section 3).
pub(crate) struct Levels(Vec<Layer>);

struct Layer {
    id: ParamId,
    /// How many weights go at each level.
    gone: BTreeMap<i32, usize>,
    made: BTreeMap<i32, (Mask, Option<Value>)>,
}

/// Up to `most` levels each way around the share `sparsity` of every layer, `step` weights apart. A `step` of 0: as much as
/// half of what is nearer, all or nothing, in a layer of the mean size.
fn planned(graph: &Graph, sparsity: f64, most: usize, step: usize) -> Vec<Layer> {
    let sizes: Vec<usize> = graph.prunable().map(|id| graph.param(id).len()).collect();
    let mean = sizes.iter().sum::<usize>() as f64 / sizes.len().max(1) as f64;
    let usual = 0.5 * sparsity.min(1.0 - sparsity) / most.max(1) as f64 * mean;
    let step = if step == 0 { usual as usize } else { step };
    let layer = |(id, size): (ParamId, usize)| {
        let base = share(sparsity, size);
        let room = |weights: usize| weights.checked_div(step).unwrap_or(0).min(most) as i32;
        let levels = -room(base)..=room(size - base);
        let gone = levels.map(|level| (level, base.saturating_add_signed(level as isize * step as isize))).collect();
        Layer { id, gone, made: BTreeMap::new() }
    };
    graph.prunable().zip(sizes).map(layer).collect()
}

impl Levels {
    /// See [`planned`] for the numbers.
    pub async fn new(
        lab: &mut Lab<'_>,
        (sparsity, most, step): (f64, usize, usize),
        compressor: Compressor<'_>,
    ) -> Result<Self, MethodError> {
        let mut layers = planned(lab.graph, sparsity, most, step);
        match compressor {
            Compressor::Scores(source) => scored(lab, source, &mut layers).await?,
            Compressor::Sweep(samples) => swept(lab, samples, &mut layers).await?,
        }
        match layers.iter().find(|layer| layer.made.is_empty()) {
            Some(layer) => Err(MethodError::NoStatistics { name: lab.graph.param(layer.id).name.clone() }),
            None => Ok(Self(layers)),
        }
    }

    /// The same share of every layer.
    pub fn uniform(&self) -> Vec<i32> {
        vec![0; self.0.len()]
    }

    /// What becomes of the model when each layer is at its level.
    pub fn change(&self, graph: &Graph, levels: &[i32]) -> Result<Change, MethodError> {
        let mut change = Change::default();
        for (layer, level) in self.0.iter().zip(levels) {
            let (mask, value) = &layer.made[level];
            change.masks.set(graph, layer.id, mask.clone())?;
            change.values.extend(value.clone().map(|value| (layer.id, value)));
        }
        Ok(change)
    }

    /// One to three times one layer down a level and one up, both by chance among those that can; the smaller of two draws
    /// says how often.
    pub fn mutate(&self, levels: &[i32], rng: &mut Rng) -> Vec<i32> {
        let mut levels = levels.to_vec();
        for _ in 0..(1 + rng.below(3)).min(1 + rng.below(3)) {
            let now = &levels;
            let can = |by| (0..now.len()).filter(move |at| self.0[*at].gone.contains_key(&(now[*at] + by)));
            let (down, up): (Vec<usize>, Vec<usize>) = (can(-1).collect(), can(1).collect());
            if !down.is_empty() && !up.is_empty() {
                levels[down[rng.below(down.len())]] -= 1;
                levels[up[rng.below(up.len())]] += 1;
            }
        }
        levels
    }
}

async fn scored(lab: &mut Lab<'_>, source: &Source, layers: &mut [Layer]) -> Result<(), MethodError> {
    let count = layers.len();
    for (done, layer) in layers.iter_mut().enumerate() {
        lab.tick(done, count, Unit::Layers).await?;
        let scores = lab.score(source, layer.id).await?;
        for (level, k) in &layer.gone {
            layer.made.insert(*level, (Cut::Lowest { k: *k }.apply(scores.clone()).await?, None));
        }
        lab.compute.check()?;
    }
    Ok(())
}

async fn swept(lab: &Lab<'_>, samples: Samples, layers: &mut [Layer]) -> Result<(), MethodError> {
    let numbers: u64 = layers.iter().map(|layer| (layer.gone.len() * lab.graph.param(layer.id).len()) as u64).sum();
    if numbers > MOST {
        let why = format!(
            "all levels of its layers would take {} GB; choose fewer levels, or a compressor that changes no weights",
            numbers * 4 / 1_000_000_000
        );
        return Err(MethodError::Unfit { why });
    }
    let visit = async |_: u32, grams: &Gathered<Grams>| {
        let inverses = Inverse::of_all(lab.graph, grams, samples.count).await?;
        for layer in layers.iter_mut().filter(|layer| inverses.contains_key(&layer.id)) {
            make(lab, layer, &inverses[&layer.id]).await?;
        }
        Ok::<_, MethodError>(Change::default())
    };
    let calibration = lab.calibration_on(samples.count)?;
    calibrate::<Grams, _>(lab.compute, lab.graph, lab.params, calibration, false, lab.meter, visit).await?;
    Ok(())
}

/// One layer swept to each of its levels.
async fn make(lab: &Lab<'_>, layer: &mut Layer, inverse: &Inverse) -> Result<(), MethodError> {
    let param = lab.graph.param(layer.id);
    let numbers = lab.params.get(lab.graph, layer.id)?.read().await?;
    let weight =
        Array2::from_shape_vec(param.matrix(), numbers).expect("a parameter has as many entries as its matrix");
    for (done, (level, k)) in layer.gone.iter().enumerate() {
        lab.tick(done, layer.gone.len(), Unit::Steps).await?;
        let wrong = |error| MethodError::Layer { name: param.name.clone(), error };
        let chosen = Chosen::OnTheWay(Cut::Lowest { k: *k });
        let Swept { mask, weight, .. } = sweep(weight.clone(), inverse, chosen).map_err(wrong)?;
        let value = Value::upload(lab.compute, &param.shape(), weight.into_raw_vec_and_offset().0)?;
        layer.made.insert(*level, (mask, Some(value)));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::world::lenet;

    #[test]
    fn levels_that_add_up_to_nothing_are_as_many_weights() {
        let graph = lenet().unwrap();
        for (sparsity, most, step) in [(0.7, 6, 0), (0.5, 3, 10), (0.1, 4, 37), (0.0, 2, 0)] {
            let levels = Levels(planned(&graph, sparsity, most, step));
            let gone =
                |state: &[i32]| levels.0.iter().zip(state).map(|(layer, level)| layer.gone[level]).sum::<usize>();
            let uniform = levels.uniform();
            let mut state = uniform.clone();
            for draw in 0..200 {
                state = levels.mutate(&state, &mut Rng::keyed(draw, "test", 0, ""));
                assert_eq!(gone(&state), gone(&uniform));
                assert!(state.iter().all(|level| level.unsigned_abs() as usize <= most));
            }
            assert_eq!(state == uniform, sparsity == 0.0, "there is nothing to swap where nothing goes");
        }
    }
}
