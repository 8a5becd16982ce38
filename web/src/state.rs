//! All state of the page. Inputs and the engine's facts are stored; everything else is a memo of them.

use std::collections::BTreeSet;
use std::sync::Arc;

use leptos::prelude::*;
use secateur_protocol::{Card, DeviceChoice, HeatKind, Recipe, RecipeError, Steer, Unit, Value, Values};

use crate::atlas::{self, Region};
use crate::conductor::Desk;
use crate::facts::Facts;
use crate::gallery::Browse;
use crate::lanes::Job;
use crate::pen::Point;
use crate::plan;
use crate::results::ResultsFile;
use crate::share::{self, Page};
use crate::structure::Structure;
use crate::theme::Theme;
use crate::unfinished::Unfinished;
use crate::wishes::{Sketch, Writing};

/// Where the engine stands.
#[derive(Clone, Debug, PartialEq)]
pub enum Engine {
    Starting,
    Ready,
    /// It will not come back by itself; why, in a sentence.
    Down(String),
}

/// A job that lasts.
#[derive(Clone, Debug, PartialEq)]
pub struct Progress {
    pub id: u32,
    pub what: &'static str,
    pub done: u64,
    pub total: u64,
    pub unit: Option<Unit>,
}

/// Settings of the controls.
#[derive(Clone, Copy)]
pub struct Inputs {
    /// `builtin:digits-vit`, or the name of a dropped file.
    pub model: RwSignal<String>,
    pub method: RwSignal<String>,
    /// Values of all methods; a recipe takes those its card knows.
    pub values: RwSignal<Values>,
    pub seed: RwSignal<u64>,
    pub device: RwSignal<DeviceChoice>,
    pub view: RwSignal<HeatKind>,
    /// The enlarged matrix, by name.
    pub matrix: RwSignal<Option<String>>,
    /// First of the test digits shown, and which of them is looked at.
    pub first_digit: RwSignal<u32>,
    pub picked: RwSignal<Option<usize>>,
    pub strokes: RwSignal<Vec<Vec<Point>>>,
    pub writing: RwSignal<Writing>,
    pub sketch: RwSignal<Sketch>,
    pub browse: RwSignal<Browse>,
    /// How the method that learns is to go on.
    pub steer: RwSignal<Steer>,
    /// Learning ends when the loss rises above this.
    pub line: RwSignal<Option<f64>>,
    pub theme: RwSignal<Theme>,
}

/// Everything a panel needs.
#[derive(Clone, Copy)]
pub struct App {
    pub inputs: Inputs,
    pub facts: Facts,
    pub engine: RwSignal<Engine>,
    pub progress: RwSignal<Option<Progress>>,
    pub error: RwSignal<Option<String>>,
    /// A short word for screen readers and the status line, e.g. after copying the link.
    pub notice: RwSignal<Option<String>>,
    /// Counts changes of the window's size: canvases are as sharp as the screen.
    pub resized: RwSignal<u32>,
    pub desk: StoredValue<Desk, LocalStorage>,
    /// What the engine is asked for at the moment.
    pub busy: RwSignal<BTreeSet<Job>>,
    /// A sweep's results that are looked at instead of the page's own.
    pub results: RwSignal<Option<ResultsFile>>,
    /// A training that an earlier visit did not see the end of.
    pub unfinished: RwSignal<Option<Unfinished>>,

    /// The chosen method's card.
    pub card: Memo<Option<Card>>,
    /// What the controls ask for.
    pub recipe: Memo<Option<Result<Recipe, RecipeError>>>,
    pub regions: Memo<Arc<Vec<Region>>>,
    pub structure: Structure,
    /// Parameter of the enlarged matrix.
    pub zoomed: Memo<Option<u32>>,
    pub dark: Memo<bool>,
}

impl App {
    pub fn new(page: Page, recipe: Option<Recipe>) -> Self {
        let theme = Theme::stored();
        let recipe = recipe.unwrap_or_else(first_recipe);
        let inputs = Inputs {
            model: RwSignal::new(page.model),
            method: RwSignal::new(recipe.method),
            values: RwSignal::new(recipe.values),
            seed: RwSignal::new(recipe.seed),
            device: RwSignal::new(page.device),
            view: RwSignal::new(page.view),
            matrix: RwSignal::new(page.matrix),
            first_digit: RwSignal::new(page.digits),
            picked: RwSignal::new(None),
            strokes: RwSignal::new(Vec::new()),
            writing: RwSignal::new(page.writing),
            sketch: RwSignal::new(page.sketch),
            browse: RwSignal::new(page.browse),
            steer: RwSignal::new(Steer { sample: Some(String::new()), ..Steer::default() }),
            line: RwSignal::new(None),
            theme: RwSignal::new(theme),
        };
        let facts = Facts::new();
        let card = Memo::new(move |_| {
            let method = inputs.method.get();
            facts.ready.with(|ready| ready.as_ref()?.methods.iter().find(|card| card.id == method).cloned())
        });
        let wanted = Memo::new(move |_| {
            let seed = inputs.seed.get();
            inputs.values.with(|values| card.with(|card| Some(plan::recipe(card.as_ref()?, values, seed))))
        });
        let regions = Memo::new(move |_| {
            facts.loaded.with(|loaded| Arc::new(loaded.as_ref().map_or_else(Vec::new, |l| atlas::regions(&l.graph))))
        });
        let zoomed = Memo::new(move |_| {
            let name = inputs.matrix.get()?;
            facts.loaded.with(|loaded| loaded.as_ref()?.graph.find_param(&name)).map(|id| id.0)
        });
        Self {
            inputs,
            facts,
            engine: RwSignal::new(Engine::Starting),
            progress: RwSignal::new(None),
            error: RwSignal::new(None),
            notice: RwSignal::new(None),
            resized: RwSignal::new(0),
            desk: StoredValue::new_local(Desk::default()),
            busy: RwSignal::new(BTreeSet::new()),
            results: RwSignal::new(None),
            unfinished: RwSignal::new(Unfinished::stored()),
            card,
            recipe: wanted,
            regions,
            structure: Structure::new(inputs, facts, card),
            zoomed,
            dark: inputs.theme.get_untracked().is_dark(inputs.theme),
        }
    }

    /// The fraction the controls ask to remove; none when a pattern decides it.
    pub fn sparsity(&self) -> Option<f64> {
        let values = self.inputs.values.get();
        match self.card.get() {
            Some(card) => plan::sparsity(&card, &values),
            None => match values.get(plan::SPARSITY) {
                Some(Value::Number(number)) => Some(*number),
                _ => Some(0.5),
            },
        }
    }

    /// The controls cut whole units.
    pub fn cuts_units(&self) -> bool {
        self.inputs
            .values
            .with(|values| self.card.with(|card| card.as_ref().is_some_and(|card| plan::cuts_units(card, values))))
    }

    /// The engine is up and what is shown comes from it: it can be asked for more.
    pub fn is_live(&self) -> bool {
        self.engine.get() == Engine::Ready && !self.facts.recorded.get()
    }

    /// Puts the controls where a recipe has them; none is the dense model.
    pub fn follow(&self, recipe: Option<&Recipe>) {
        let Some(recipe) = recipe else {
            self.inputs.values.set([(plan::SPARSITY.to_string(), Value::Number(0.0))].into());
            return;
        };
        let card = self.facts.ready.with_untracked(|ready| {
            ready.as_ref().and_then(|ready| ready.methods.iter().find(|card| card.id == recipe.method).cloned())
        });
        self.inputs.values.update(|values| {
            for field in card.iter().flat_map(|card| &card.fields) {
                values.remove(field.key.as_ref());
            }
            values.extend(recipe.values.clone());
        });
        self.inputs.seed.set(recipe.seed);
        self.inputs.method.set(recipe.method.clone());
    }

    /// The link's fragment for what is on the controls now; none before the methods are known.
    pub fn fragment(&self) -> Option<String> {
        let recipe = self.recipe.get()?.ok()?;
        let page = Page {
            model: self.inputs.model.get(),
            view: self.inputs.view.get(),
            matrix: self.inputs.matrix.get(),
            digits: self.inputs.first_digit.get(),
            device: self.inputs.device.get(),
            writing: self.inputs.writing.get(),
            sketch: self.inputs.sketch.get(),
            browse: self.inputs.browse.get(),
        };
        Some(share::fragment(&recipe, &page))
    }
}

/// What a first visit shows.
pub fn first_recipe() -> Recipe {
    let values = [(plan::SPARSITY.to_string(), Value::Number(0.5))];
    Recipe { method: "wanda".into(), values: values.into(), seed: 0 }
}
