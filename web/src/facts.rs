//! What the engine has said, folded from its events. The recorded run and the live engine both end up here.

use std::collections::HashMap;
use std::sync::Arc;

use leptos::prelude::*;
use secateur_protocol::{
    Adapter, Asked, BlobId, BuiltIn, Card, Event, HeatKind, Level, Loaded, Prediction, Products, Report, Timing,
    VERSION, Verdict, Written,
};

use crate::contrast::Contrast;
use crate::drawings::{Drawings, Sizes};
use crate::heat::Heat;
use crate::pen::SIDE;
use crate::results::Run;
use crate::sensitivity::Sweep;
use crate::training::{Training, Trial};

/// Heat maps of at most this many cells each way belong on the map; finer ones to the enlarged matrix.
pub const TILE_CELLS: u32 = 48;
pub const FINE_CELLS: u32 = 256;

/// The engine's side of the handshake.
#[derive(Clone, Debug, PartialEq)]
pub struct Ready {
    pub adapter: Adapter,
    pub methods: Vec<Card>,
    pub models: Vec<BuiltIn>,
}

/// Pictures with what both models make of them.
#[derive(Clone, Debug, PartialEq)]
pub struct Digits {
    pub items: Vec<Prediction>,
    /// 28 x 28 grey values for each item.
    pub pixels: Vec<u8>,
}

impl Digits {
    /// # Errors
    /// A sentence when there are more or fewer pixels than pictures.
    pub fn new(items: Vec<Prediction>, pixels: &[u8]) -> Result<Self, String> {
        if pixels.len() != items.len() * SIDE * SIDE {
            return Err(format!("{} pictures came with {} pixels; they were left out.", items.len(), pixels.len()));
        }
        Ok(Self { items, pixels: pixels.to_vec() })
    }

    /// Grey values of one picture.
    pub fn picture(&self, at: usize) -> Option<Vec<u8>> {
        Some(self.pixels.get(at * SIDE * SIDE..(at + 1) * SIDE * SIDE)?.to_vec())
    }
}

/// A picture of one parameter, small or fine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct HeatKey {
    pub param: u32,
    pub kind: HeatKind,
    pub fine: bool,
}

pub type Heats = HashMap<HeatKey, Arc<Heat>>;

/// The newest fact of each kind; none until it has been told.
#[derive(Clone, Copy)]
pub struct Facts {
    /// What is shown comes from the recorded run.
    pub recorded: RwSignal<bool>,
    pub ready: RwSignal<Option<Arc<Ready>>>,
    pub loaded: RwSignal<Option<Arc<Loaded>>>,
    pub level: RwSignal<Option<Arc<Level>>>,
    pub digits: RwSignal<Option<Arc<Digits>>>,
    pub drawn: RwSignal<Option<Arc<Digits>>>,
    pub report: RwSignal<Option<Arc<Report>>>,
    /// With the name of the cut that was timed.
    pub timing: RwSignal<Option<(String, Timing)>>,
    pub products: RwSignal<Option<Arc<Products>>>,
    /// With the name of the cut under which it was written.
    pub written: RwSignal<Option<(String, Arc<Written>)>>,
    /// What both models know of stories, with the name of the cut.
    pub asked: RwSignal<Option<(String, Arc<Vec<Asked>>)>>,
    pub drawings: RwSignal<Option<Drawings>>,
    pub sweep: RwSignal<Sweep>,
    /// Of the method that learns or has learnt last.
    pub training: RwSignal<Training>,
    pub contrast: RwSignal<Contrast>,
    /// Cuts that were measured on this page, of all models.
    pub runs: RwSignal<Vec<Run>>,
    /// With the name of the cut that they are about.
    pub verdicts: RwSignal<Option<(String, Arc<Vec<Verdict>>)>>,
    /// How an export turned out when it was opened again.
    pub exported: RwSignal<Option<Arc<Report>>>,
    pub heats: RwSignal<Heats>,
}

impl Facts {
    pub fn new() -> Self {
        Self {
            recorded: RwSignal::new(true),
            ready: RwSignal::new(None),
            loaded: RwSignal::new(None),
            level: RwSignal::new(None),
            digits: RwSignal::new(None),
            drawn: RwSignal::new(None),
            report: RwSignal::new(None),
            timing: RwSignal::new(None),
            products: RwSignal::new(None),
            written: RwSignal::new(None),
            asked: RwSignal::new(None),
            drawings: RwSignal::new(None),
            sweep: RwSignal::new(Sweep::default()),
            training: RwSignal::new(Training::default()),
            contrast: RwSignal::new(Contrast::default()),
            runs: RwSignal::new(Vec::new()),
            verdicts: RwSignal::new(None),
            exported: RwSignal::new(None),
            heats: RwSignal::new(Heats::new()),
        }
    }

    /// Takes in an event; those that tell nothing lasting are left alone.
    ///
    /// # Errors
    /// A sentence when the event and its buffers do not fit together.
    pub fn apply(&self, event: Event, blobs: &[Vec<u8>]) -> Result<(), String> {
        match event {
            Event::Ready { version, adapter, methods, models } => {
                if version != VERSION {
                    return Err(format!(
                        "The page speaks version {VERSION} of the protocol and the engine version {version}; reload the page to get matching ones."
                    ));
                }
                self.ready.set(Some(Arc::new(Ready { adapter, methods, models })));
            }
            Event::Loaded(loaded) => self.open(*loaded),
            Event::Level(level) => self.level.set(Some(Arc::new(*level))),
            Event::Predictions { items, pixels } => {
                let to = if items.iter().all(|item| item.test.is_none()) { self.drawn } else { self.digits };
                to.set(Some(Arc::new(Digits::new(items, blob(blobs, pixels)?)?)));
            }
            Event::Report(report) => {
                self.collect(&report);
                self.report.set(Some(Arc::new(report)));
            }
            Event::Timing(timing) => self.timing.set(Some((self.cut(), timing))),
            Event::Products(products) => self.products.set(Some(Arc::new(products))),
            Event::Written(written) => self.written.set(Some((self.cut(), Arc::new(*written)))),
            Event::Asked { items } => self.asked.set(Some((self.cut(), Arc::new(items)))),
            Event::Drawn { step, steps, count, height, width, channels, pixels } => {
                let sizes = Sizes::new(steps, [count, height, width, channels]);
                let pixels = blob(blobs, pixels)?;
                let take = |drawings: &mut _| Drawings::take(drawings, sizes, step, pixels, self.cut());
                self.drawings.try_update(take).unwrap_or(Ok(()))?;
            }
            Event::Learning { step, steps, loss, rate, curves } => {
                self.training.update(|training| training.take(step, steps, rate, loss, curves));
            }
            Event::Gates { rows, open, .. } => {
                let open = blob(blobs, open)?;
                self.training.try_update(|training| training.take_gates(&rows, open)).unwrap_or(Ok(()))?;
            }
            Event::Contrasted { contrast: told, rows, cols, data } => {
                let shares = blob(blobs, data)?;
                self.contrast.try_update(|all| all.take(told, rows, cols, shares)).unwrap_or(Ok(()))?;
            }
            Event::Swept(point) => self.sweep.update(|sweep| sweep.take(point)),
            Event::Verdicts { items } => self.verdicts.set(Some((self.cut(), Arc::new(items)))),
            Event::Heat { param, kind, rows, cols, data } => {
                let heat = Heat::from_bytes(rows, cols, blob(blobs, data)?)?;
                let key = HeatKey { param, kind, fine: rows.max(cols) > TILE_CELLS };
                self.heats.update(|heats| drop(heats.insert(key, Arc::new(heat))));
            }
            _ => {}
        }
        Ok(())
    }

    /// Takes in what the model answered while a method learns: it is of no cut that holds.
    ///
    /// # Errors
    /// A sentence when the event and its buffers do not fit together.
    pub fn tried(&self, event: Event, blobs: &[Vec<u8>]) -> Result<(), String> {
        let trial = match event {
            Event::Written(written) => Trial::Text(Arc::new(*written)),
            Event::Predictions { items, pixels } => Trial::Digits(Arc::new(Digits::new(items, blob(blobs, pixels)?)?)),
            Event::Drawn { step, steps, count, height, width, channels, pixels } => {
                let (sizes, mut drawn) = (Sizes::new(steps, [count, height, width, channels]), None);
                Drawings::take(&mut drawn, sizes, step, blob(blobs, pixels)?, String::new())?;
                let Some(drawn) = drawn else { return Ok(()) };
                Trial::Pictures(Arc::new(drawn))
            }
            _ => return Ok(()),
        };
        self.training.update(|training| training.trial = Some(trial));
        Ok(())
    }

    /// A model takes the stage. The same model again (recorded, now live) keeps what is on screen.
    fn open(&self, loaded: Loaded) {
        let same = self.loaded.with_untracked(|old| old.as_ref().is_some_and(|old| old.graph == loaded.graph));
        self.timing.set(None);
        if !same {
            self.level.set(None);
            self.digits.set(None);
            self.drawn.set(None);
            self.report.set(None);
            self.products.set(None);
            self.written.set(None);
            self.asked.set(None);
            self.drawings.set(None);
            self.sweep.set(Sweep::default());
            self.training.set(Training::default());
            self.contrast.set(Contrast::default());
            self.verdicts.set(None);
            self.heats.set(Heats::new());
        }
        self.loaded.set(Some(Arc::new(loaded)));
    }

    /// Keeps what the engine has measured of the cut that holds now; measured again, it takes the older one's place.
    fn collect(&self, report: &Report) {
        let recipe = self.level.with_untracked(|level| level.as_ref().and_then(|level| level.recipe.clone()));
        let known = report.metric_pruned.is_finite() && !self.recorded.get_untracked();
        if let Some(recipe) = recipe.filter(|_| known && report.model_left() == self.cut()) {
            let run = Run::made(report, &recipe);
            self.runs.update(|runs| {
                runs.retain(|other| !other.is_again(&run));
                runs.push(run);
            });
        }
    }

    /// Whether something was made of the cut that holds now.
    pub fn is_fresh(&self, cut: &str) -> bool {
        self.level.with(|level| level.as_ref().is_some_and(|level| level.model() == cut))
    }

    /// Names the cut that holds now; empty for none.
    pub fn cut(&self) -> String {
        self.level.with_untracked(|level| level.as_ref().map_or_else(String::new, |level| level.model()))
    }

    /// A parameter's picture, as fine as there is and is asked for. Before a cut has told its scores,
    /// importance is |weight|.
    pub fn heat(&self, param: u32, kind: HeatKind, fine: bool) -> Option<Arc<Heat>> {
        self.heats.with(|heats| {
            let find = |kind| {
                let get = |fine| heats.get(&HeatKey { param, kind, fine });
                get(fine).or_else(|| get(!fine))
            };
            let before = || if kind == HeatKind::Importance { find(HeatKind::Weight) } else { None };
            find(kind).or_else(before).cloned()
        })
    }
}

fn blob(blobs: &[Vec<u8>], id: BlobId) -> Result<&Vec<u8>, String> {
    blobs.get(id.0 as usize).ok_or_else(|| format!("The engine named buffer {} but sent {}.", id.0, blobs.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn prediction(test: Option<(u32, u8)>) -> Prediction {
        Prediction { test, dense: vec![1.0], pruned: vec![1.0] }
    }

    #[test]
    fn test_digits_and_drawn_ones_are_kept_apart() {
        let facts = Facts::new();
        let told = |items| Event::Predictions { items, pixels: BlobId(0) };
        facts.apply(told(vec![prediction(Some((3, 7)))]), &[vec![1; 784]]).unwrap();
        facts.apply(told(vec![prediction(None)]), &[vec![2; 784]]).unwrap();
        assert_eq!(facts.digits.get_untracked().unwrap().pixels[0], 1);
        assert_eq!(facts.drawn.get_untracked().unwrap().pixels[0], 2);
    }

    #[test]
    fn odd_messages_are_sentences_and_change_nothing() {
        let facts = Facts::new();
        let event = Event::Heat { param: 0, kind: HeatKind::Mask, rows: 2, cols: 2, data: BlobId(1) };
        assert!(facts.apply(event.clone(), &[vec![0; 16]]).unwrap_err().contains("buffer 1"));
        assert!(facts.apply(event, &[vec![], vec![0; 15]]).is_err());
        let short = Event::Predictions { items: vec![prediction(None)], pixels: BlobId(0) };
        assert!(facts.apply(short, &[vec![0; 3]]).is_err());
        assert!(facts.heats.with_untracked(Heats::is_empty) && facts.drawn.get_untracked().is_none());
    }

    #[test]
    fn what_was_made_is_of_the_cut_that_held_then() {
        let facts = Facts::new();
        let level = |digest: &str| Level {
            removed: Vec::new(),
            recipe: None,
            layers: vec![],
            undo: 0,
            redo: 0,
            notes: vec![],
            digest: digest.into(),
        };
        let drawn =
            |step, count| Event::Drawn { step, steps: 2, count, height: 1, width: 1, channels: 1, pixels: BlobId(0) };
        facts.apply(Event::Level(Box::new(level("first"))), &[]).unwrap();
        facts.apply(drawn(1, 2), &[vec![1; 4]]).unwrap();
        assert!(facts.apply(drawn(2, 3), &[vec![1; 4]]).is_err() && facts.apply(drawn(2, 2), &[]).is_err());
        facts.apply(drawn(2, 2), &[vec![2; 4]]).unwrap();
        let made = facts.drawings.get_untracked().unwrap();
        assert_eq!((made.last(), made.cut.as_str()), (Some(2), "first"));
        assert!(facts.is_fresh("first"));
        facts.apply(Event::Level(Box::new(level("second"))), &[]).unwrap();
        assert!(!facts.is_fresh(&made.cut));
        let recipe = Some(secateur_protocol::Recipe { method: "perp".into(), values: Default::default(), seed: 0 });
        facts.apply(Event::Level(Box::new(Level { recipe, ..level("first") })), &[]).unwrap();
        assert!(!facts.is_fresh(&made.cut), "weights may be others under the same masks");
    }

    #[test]
    fn a_fine_picture_is_used_where_the_small_one_is_missing() {
        let facts = Facts::new();
        let cells = TILE_CELLS + 1;
        let event = Event::Heat { param: 5, kind: HeatKind::Weight, rows: 1, cols: cells, data: BlobId(0) };
        facts.apply(event, &[vec![0; cells as usize * 4]]).unwrap();
        assert!(facts.heat(5, HeatKind::Weight, false).is_some());
        assert!(facts.heat(5, HeatKind::Importance, false).is_some(), "no scores yet");
        assert!(facts.heat(5, HeatKind::Mask, false).is_none());
    }
}
