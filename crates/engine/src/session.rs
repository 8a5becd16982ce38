use std::rc::Rc;

use secateur_data::digits::Digits;
use secateur_exec::text::{Perplexity, Windows};
use secateur_exec::{Compute, Params};
use secateur_formats::ReadAt;
use secateur_graph::surgery::Removal;
use secateur_graph::{Mask, Masks, ParamId};
use secateur_methods::{Cache, Scores};
use secateur_models::Model;
use secateur_protocol::{Gone, LayerLevel, Level, Timing, Written, masks_digest};

use crate::checkpoint::Checkpoint;
use crate::history::{Cut, History};
use crate::jobs::draw::Drawn;
use crate::stop::Stop;
use crate::vocabulary::Left;
use crate::{Asset, Host};

/// What outlives a job. Jobs change it in their last step only.
pub(crate) struct Session<F> {
    pub compute: Option<Compute>,
    pub open: Option<Open<F>>,
    digits: Option<Rc<Digits>>,
}

/// The open model.
pub(crate) struct Open<F> {
    pub checkpoint: Checkpoint<F>,
    pub history: History,
    /// Of the latest cut's criterion.
    pub scores: Option<Scores>,
    /// None while no device holds them.
    pub weights: Option<Weights>,
}

/// The model on a device, and what was computed from it there.
pub(crate) struct Weights {
    pub dense: Params,
    /// What the cut that holds now makes of the model.
    pub pruned: Option<Pruned>,
    pub cache: Cache,
    /// Logits of the dense model on the test pictures.
    pub dense_logits: Option<Vec<f32>>,
    /// Of the dense model on the text that was last asked for.
    pub dense_perplexity: Option<Measured>,
}

/// A model with its numbers, as it is run.
pub(crate) struct Runnable {
    pub model: Model,
    pub params: Params,
    /// Nothing is cut.
    pub dense: bool,
    /// The tokens that are left, where some went.
    pub left: Option<Left>,
}

/// The pruned model, and what was measured on it.
pub(crate) struct Pruned {
    runnable: Rc<Runnable>,
    /// As [`Weights::dense_logits`].
    pub logits: Option<Vec<f32>>,
    /// As [`Weights::dense_perplexity`].
    pub perplexity: Option<Measured>,
    pub told: Told,
}

/// What was last told of the pruned model beside the dense one, to be told again in a report.
#[derive(Clone, Default)]
pub(crate) struct Told {
    pub timing: Option<Timing>,
    pub written: Option<Written>,
    pub drawn: Option<Drawn>,
}

/// A perplexity and what it was measured on.
#[derive(Clone, Copy)]
pub(crate) struct Measured {
    /// FNV-1a of the text's tokens, and how they were cut.
    pub on: (u64, Windows),
    pub perplexity: Perplexity,
}

impl<F> Default for Session<F> {
    fn default() -> Self {
        Self { compute: None, open: None, digits: None }
    }
}

impl<F: ReadAt> Session<F> {
    pub fn compute(&self) -> Result<&Compute, Stop> {
        self.compute.as_ref().ok_or_else(no_device)
    }

    /// The device and the open model on it.
    pub fn ready(&mut self) -> Result<(&Compute, &mut Open<F>), Stop> {
        let compute = self.compute.as_ref().ok_or_else(no_device)?;
        Ok((compute, self.open.as_mut().ok_or_else(no_model)?))
    }

    pub fn open(&mut self) -> Result<&mut Open<F>, Stop> {
        self.open.as_mut().ok_or_else(no_model)
    }

    /// The digits, read on first use.
    pub async fn digits<H: Host<File = F>>(&mut self, host: &H) -> Result<Rc<Digits>, Stop> {
        if let Some(digits) = &self.digits {
            return Ok(digits.clone());
        }
        let images = read_all(host, "digits/images.idx3.gz").await?;
        let labels = read_all(host, "digits/labels.idx1.gz").await?;
        let digits = Rc::new(Digits::parse(&images, &labels).map_err(Stop::because)?);
        Ok(self.digits.insert(digits).clone())
    }

    /// Forgets what was on the device; model, masks and history stay.
    pub fn lose_device(&mut self) {
        self.compute = None;
        if let Some(open) = &mut self.open {
            open.weights = None;
        }
    }
}

fn no_device() -> Stop {
    Stop::because("there is no device to compute on; choose one (say hello, or switch to the CPU)")
}

fn no_model() -> Stop {
    Stop::because("no model is open; load one first")
}

async fn read_all<H: Host>(host: &H, path: &str) -> Result<Vec<u8>, Stop> {
    let file = host.open(Asset::BuiltIn(path)).await.map_err(Stop::because)?;
    file.read(0..file.len()).await.map_err(Stop::because)
}

impl<F> Open<F> {
    pub fn cut(&self) -> Option<&Rc<Cut>> {
        self.history.current()
    }

    /// The mask that holds now; none keeps everything.
    pub fn mask(&self, id: ParamId) -> Option<&Mask> {
        self.cut()?.masks.get(id)
    }

    /// The model and its numbers on the device.
    pub fn parts(&mut self) -> Result<(&Model, &mut Weights), Stop> {
        let (checkpoint, weights) = self.whole()?;
        Ok((&checkpoint.model, weights))
    }

    /// The model with all that came with it, and its numbers on the device.
    pub fn whole(&mut self) -> Result<(&Checkpoint<F>, &mut Weights), Stop> {
        Ok((&self.checkpoint, self.weights.as_mut().ok_or_else(no_device)?))
    }

    /// The history moved: what was computed under the old masks is void.
    pub fn moved(&mut self) {
        if let Some(weights) = &mut self.weights {
            weights.pruned = None;
        }
    }

    /// The model as the cut that holds now leaves it.
    pub async fn pruned(&mut self, compute: &Compute) -> Result<Rc<Runnable>, Stop> {
        if let Some(pruned) = &self.parts()?.1.pruned {
            return Ok(pruned.runnable.clone());
        }
        let cut = self.cut().cloned();
        let runnable = self.runnable(compute, cut.as_deref()).await?;
        self.exchange(Some(runnable.clone()))?;
        Ok(runnable)
    }

    /// What a cut leaves of the model: a smaller one where whole units go, else one with zeros.
    pub async fn runnable(&mut self, compute: &Compute, cut: Option<&Cut>) -> Result<Rc<Runnable>, Stop> {
        let (model, weights) = (&self.checkpoint.model, self.weights.as_ref().ok_or_else(no_device)?);
        let graph = &model.graph;
        let mut dense = weights.dense.clone();
        for (id, values) in cut.iter().flat_map(|cut| cut.changed.iter()) {
            dense.upload(compute, graph, *id, values.clone())?;
        }
        let (graph, params) = match cut {
            None => (graph.clone(), dense),
            Some(cut) if cut.removal.is_empty() => {
                let params = dense.masked(compute, graph, &cut.masks)?.packed(compute, graph, &cut.masks).await?;
                (graph.clone(), params)
            }
            Some(cut) => {
                let surgery = cut.surgery(graph)?;
                let (params, left) = (dense.cut(compute, &surgery)?, Left::of(&self.checkpoint, &surgery)?);
                let smaller = self.checkpoint.model.smaller(&surgery);
                return Ok(Rc::new(Runnable { model: smaller, params, dense: false, left }));
            }
        };
        Ok(Rc::new(Runnable { model: Model { graph, ..model.clone() }, params, dense: cut.is_none(), left: None }))
    }

    /// Lets another model be taken for the pruned one; gives back what was.
    pub fn exchange(&mut self, runnable: Option<Rc<Runnable>>) -> Result<Option<Pruned>, Stop> {
        let fresh = |runnable| Pruned { runnable, logits: None, perplexity: None, told: Told::default() };
        Ok(std::mem::replace(&mut self.parts()?.1.pruned, runnable.map(fresh)))
    }

    /// Keeps what is told of the pruned model for as long as the cut holds.
    pub fn note(&mut self, note: impl FnOnce(&mut Told)) {
        if let Some(pruned) = self.weights.as_mut().and_then(|weights| weights.pruned.as_mut()) {
            note(&mut pruned.told);
        }
    }

    /// What was told of the cut that holds now.
    pub fn told(&self) -> Told {
        let pruned = self.weights.as_ref().and_then(|weights| weights.pruned.as_ref());
        pruned.map(|pruned| pruned.told.clone()).unwrap_or_default()
    }

    /// Undoes [`Open::exchange`].
    pub fn put_back(&mut self, pruned: Option<Pruned>) {
        if let Some(weights) = &mut self.weights {
            weights.pruned = pruned;
        }
    }

    pub fn level(&self) -> Level {
        let graph = &self.checkpoint.model.graph;
        let layer = |id: ParamId| {
            let of = graph.param(id).len() as u64;
            LayerLevel { param: id.0, kept: self.mask(id).map_or(of, |mask| mask.count_kept() as u64), of }
        };
        let (undo, redo) = self.history.reach();
        Level {
            recipe: self.cut().map(|cut| cut.recipe.clone()),
            layers: graph.prunable().map(layer).collect(),
            removed: self.cut().map(|cut| gone(&cut.removal)).unwrap_or_default(),
            undo,
            redo,
            notes: self.cut().map(|cut| cut.notes.clone()).unwrap_or_default(),
            digest: self.digest(),
        }
    }

    /// Names the masks that hold now.
    pub fn digest(&self) -> String {
        let none = Masks::default();
        masks_digest(&self.checkpoint.model.graph, self.cut().map_or(&none, |cut| &cut.masks))
    }
}

fn gone(removal: &Removal) -> Vec<Gone> {
    removal.iter().map(|(group, units)| Gone { group: *group as u32, units: units.clone() }).collect()
}

impl Weights {
    pub fn new(dense: Params) -> Self {
        Self { dense, pruned: None, cache: Cache::default(), dense_logits: None, dense_perplexity: None }
    }
}
