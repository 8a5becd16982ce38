//! The page, put together from panels. A panel is a file in `panels/` and a word in the list below.
//!
//! Handles for end-to-end tests, all as `data-testid`:
//! - status: `status` (its `data-phase` is starting, ready or down), `engine-ready` and `recorded` (present while
//!   true), `device` (the select), `adapter`, `progress`, `cancel`, `error`, `error-dismiss`, `notice`
//! - model: `model` (the select), `verdict`, `open` (button), `drop` (the file input; dropping works anywhere)
//! - cut: `slider`, `sparsity`, `method` (radio group), `method-ID` (each radio), `field-KEY`, `seed`, `undo`, `redo`,
//!   `share`, `export` (opens the dialog), `theme`
//! - numbers: `accuracy-dense`, `accuracy-pruned`, `zeros`, `bytes`, `milliseconds`, `measure`, `digest`
//!   (`data-recipe` is the cut it names, in its canonical form), `notes`
//! - export: `export-dialog`, `readers-FORMAT`, `export-FORMAT` (buttons), `export-words`, `export-close`
//! - map: `view-importance|weights|mask` (radios), `map-tile-N` (N = parameter), `zoom`, `zoom-readout`, `zoom-close`
//! - text: `prompt`, `prompt-N` (examples), `length`, `greedy`, `temperature`, `top-k`, `top-p`, `text-seed`, `continue`,
//!   `written-prompt|dense|pruned` (each token has its id as `data-token`), `token-readout`, `parting`, `likelihood`,
//!   `writing-notes`, `speed`, `text-missing`, `ask` (button), `known-KIND`
//! - drawings: `class-N`, `class-none`, `class` (where there are many), `count`, `steps`, `guidance`, `sampler`,
//!   `draw-seed`, `paint` (button), `painted-dense|pruned`, `step` (slider), `step-words`, `drawing-missing`
//! - digits: `digit-N` (N = 0, 1, .., `data-wrong` lists who is wrong), `other-digits`, `draw`, `draw-clear`,
//!   `drawn-dense`, `drawn-pruned`, `probabilities`
//! - units: `units-KIND` (radios), `sweep` (button), `sweep-words`, `params-left`, `macs-left`, `activations-left`; for each
//!   group, by its place in the graph's list: `group-N`, `wall-N` (`data-columns` cells a row), `count-N` (slider), `gone-N`,
//!   `curve-N` (`data-points` of a sweep); for the one that is looked at: `unit-words`, `unit-remove`, `unit-protect`,
//!   `unit-clear`, `unit-why`, `count-clear`
//! - speed: `speed-shape`, `speed-samples` (selects), `speed-measure`, `speed-verdict`, `speed-table` (a `tbody` for each
//!   kernel, with its name as `data-kernel`), `speed-layers` (what each layer of the pruned model got)
//! - training: `learn`, `learn-pause|single|stop|drop|slow|penalty|line|sample`, `training-lead|words`, `curve-NAME`, `trial`,
//!   `trial-dense|pruned` (texts or pictures), `trial-digits`, `gates`, `gates-N` (N = group, `data-open`), `unfinished`,
//!   `learn-again`, `learn-forget`
//! - gallery: `gallery-axis`, `gallery-search`, `gallery-found`, `word-AXIS-WORD` (AXIS = its place), `card-ID` (`data-faded`),
//!   `use-ID`, `demo-ID`, `beside-ID`, `came-of-ID`, `beside` (the table), `beside-clear`
//! - contrast: `contrast-method|seed|samples` (radios), `contrast-other`, `contrast-number` (the seed), `contrast-count`,
//!   `contrast-text`, `contrast` (button), `contrast-why`, `contrast-words`, `contrast-table`, `contrast-N` (N = parameter),
//!   `contrast-picture`
//! - results: `results-words`, `results-close`, `results-MODEL-METRIC`
//! - `layers`, `about`

use leptos::prelude::*;
use wasm_bindgen::JsCast;
use web_sys::{HtmlElement, MouseEvent};

use crate::share::Page;
use crate::state::App;
use crate::{links, share};

mod banner;
mod export;
mod masthead;

/// Lists the panels once, in reading order: the file, its place in the layout, its heading; and of those that are not
/// for every model, what the open one has to be.
macro_rules! panels {
    ($($panel:ident: $title:literal $(if $shown:ident)?),* $(,)?) => {
        $(mod $panel;)*

        fn panels(app: App) -> Vec<AnyView> {
            vec![$(frame(app, stringify!($panel), $title, shown!($($shown)?), |app| $panel::view(app).into_any())),*]
        }
    };
}

macro_rules! shown {
    () => {
        |_| true
    };
    ($shown:ident) => {
        |app| app.$shown()
    };
}

panels! {
    model: "Model",
    cut: "Cut",
    numbers: "Numbers",
    training: "Learning what to cut" if trains,
    text: "How it goes on" if is_for_texts,
    drawings: "What it draws" if is_for_drawing,
    map: "Where it was cut",
    digits: "What it sees" if is_for_looking,
    units: "What goes together" if loses_units,
    layers: "Kept, layer by layer",
    about: "The method",
    gallery: "All methods",
    contrast: "Where two cuts disagree" if cuts,
    results: "Quality against size",
    speed: "Speed on this device" if multiplies,
}

/// A titled landmark, there while it is to be shown; its CSS class is the panel's name.
fn frame(
    app: App,
    name: &'static str,
    title: &'static str,
    shown: fn(&App) -> bool,
    content: fn(App) -> AnyView,
) -> AnyView {
    view! {
        <Show when=move || shown(&app)>
            <section class=format!("panel {name}") id=name aria-labelledby=format!("{name}-title")>
                <h2 id=format!("{name}-title")>{title}</h2>
                {content(app)}
            </section>
        </Show>
    }
    .into_any()
}

/// The whole page.
pub fn page() -> impl IntoView {
    let (shared, broken) = links::at_start();
    let (page, recipe) = shared.map_or((Page::default(), None), |share::Shared { page, recipe }| (page, Some(recipe)));
    let app = App::new(page, recipe);
    app.error.set(broken);
    app.start();
    links::follow(app);
    let _ = window_event_listener(leptos::ev::resize, move |_| app.resized.update(|n| *n = n.wrapping_add(1)));
    let _ = window_event_listener(leptos::ev::keydown, move |event| cut::shortcut(app, &event));
    view! {
        <a class="skip" href="#cut" on:click=skip>"Skip to the slider"</a>
        {masthead::view(app)}
        {banner::view(app)}
        <main class="panels">{panels(app)}</main>
        <footer class="foot">
            <p>
                "Everything runs in this tab, on your machine. Nothing is sent anywhere."
            </p>
        </footer>
        {model::drop_zone(app)}
    }
}

/// The address bar's fragment is the share link, so the jump is made by hand.
fn skip(event: MouseEvent) {
    event.prevent_default();
    if let Some(slider) = document().get_element_by_id("slider") {
        // Fails only where there is no focus to give.
        let _ = slider.unchecked_into::<HtmlElement>().focus();
    }
}
