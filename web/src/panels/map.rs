//! The whole model as a map of heat maps, and one matrix enlarged.

use leptos::prelude::*;
use secateur_protocol::HeatKind;
use wasm_bindgen::JsCast;
use web_sys::{HtmlElement, KeyboardEvent};

use crate::atlas::{Region, Tile};
use crate::picture::{heat_canvas, unit_bands};
use crate::state::App;
use crate::{figures, heat, share};

mod zoom;

/// So many matrices are drawn larger.
const FEW: usize = 8;

pub fn view(app: App) -> impl IntoView {
    let few = move || app.regions.get().iter().map(|region| region.tiles.len()).sum::<usize>() <= FEW;
    view! {
        <div class="map-head">{views(app)} {legend(app)}</div>
        {zoom::view(app)}
        <div class="regions" class:few=few on:keydown=move |event| walk(app, event)>
            {move || app.regions.get().iter().map(|r| region(app, r)).collect_view()}
        </div>
    }
}

fn views(app: App) -> impl IntoView {
    let choose = move |kind| {
        app.inputs.view.set(kind);
        app.picture_values();
        app.picture_zoomed();
    };
    let one = move |(kind, word): (HeatKind, &'static str)| {
        view! {
            <label>
                <input
                    type="radio"
                    name="view"
                    data-testid=format!("view-{word}")
                    prop:checked=move || app.inputs.view.get() == kind
                    on:change=move |_| choose(kind)
                />
                <span>{word}</span>
            </label>
        }
    };
    view! { <fieldset class="segments"><legend class="hidden">"Show"</legend>{share::VIEWS.map(one).to_vec()}</fieldset> }
}

fn legend(app: App) -> impl IntoView {
    let ramp = move || {
        let palette = if app.dark.get() { &heat::DARK } else { &heat::LIGHT };
        format!("background: {}", palette.css())
    };
    let what = move || match app.inputs.view.get() {
        HeatKind::Importance => Some(("unimportant", "important")),
        HeatKind::Weight => Some(("small", "large")),
        HeatKind::Mask => None,
    };
    view! {
        <p class="legend">
            {move || what().map(|(low, high)| view! { <span>{low}</span><i class="ramp" style=ramp></i><span>{high}</span> })}
            <i class="swatch-cut"></i>
            <span>"cut"</span>
            <small>
                {move || match app.inputs.view.get() {
                    HeatKind::Mask => "kept cells are plain",
                    _ => "each matrix up to its own largest value",
                }}
            </small>
        </p>
    }
}

fn region(app: App, region: &Region) -> impl IntoView + use<> {
    let tiles = region.tiles.iter().map(|one| tile(app, one.clone(), region.title.clone())).collect_view();
    view! { <div class="region" role="group" aria-label=region.title.clone()><h3>{region.title.clone()}</h3><div class="tiles">{tiles}</div></div> }
}

fn tile(app: App, tile: Tile, region: String) -> impl IntoView {
    let Tile { param, label, name, rows, cols, width, height } = tile;
    let kept = Memo::new(move |_| {
        let level = app.facts.level.get();
        let layer = level.as_ref().and_then(|level| level.layers.iter().find(|layer| layer.param == param));
        layer.map_or(1.0, |layer| layer.kept as f64 / layer.of.max(1) as f64)
    });
    let left = Memo::new(move |_| app.structure.left(param).map(|left| left.sizes()));
    let spoken = {
        let label = label.clone();
        move || {
            let now = left.get().map_or(String::new(), |(down, across)| {
                let now = |share: f64, of: usize| (share * of as f64).round();
                format!(", now {} by {}", now(down, rows), now(across, cols))
            });
            format!("{label}, {region}: {rows} by {cols}{now}, {} kept", figures::percent(kept.get(), 0))
        }
    };
    let shrunk = move || left.get().map(|(down, across)| format!("--down: {down}; --across: {across}"));
    let open = {
        let name = name.clone();
        move |_| {
            let again = app.inputs.matrix.get_untracked().as_ref() == Some(&name);
            app.inputs.matrix.set((!again).then(|| name.clone()));
            app.picture_zoomed();
        }
    };
    let pressed = move || (app.inputs.matrix.get().as_ref() == Some(&name)).to_string();
    view! {
        <button
            class="tile"
            style=format!("--w: {width:.3}; --h: {height:.3}")
            data-testid=format!("map-tile-{param}")
            aria-label=spoken.clone()
            aria-pressed=pressed
            title=spoken
            on:click=open
        >
            <span class="plot" class:smaller=move || left.get().is_some() style=shrunk>
                <span class="live">{heat_canvas(app, param, false)} {unit_bands(app, param, false)}</span>
            </span>
            <span class="kept" style=move || format!("--kept-part: {}", kept.get())></span>
            <span class="caption number">{move || figures::percent(kept.get(), 0)}</span>
            <span class="caption name">{label}</span>
        </button>
    }
}

/// Arrow keys walk from tile to tile, Home and End to the ends; Escape closes the enlarged one.
fn walk(app: App, event: KeyboardEvent) {
    if event.key() == "Escape" {
        app.inputs.matrix.set(None);
    }
    let Some(here) = event.target().and_then(|target| target.dyn_into::<HtmlElement>().ok()) else { return };
    let Ok(tiles) = document().query_selector_all(".regions .tile") else { return };
    let at = |n: u32| tiles.item(n).and_then(|node| node.dyn_into::<HtmlElement>().ok());
    let Some(now) = (0..tiles.length()).find(|n| at(*n).as_ref() == Some(&here)) else { return };
    let last = tiles.length().saturating_sub(1);
    let to = match event.key().as_str() {
        "ArrowRight" | "ArrowDown" => (now + 1).min(last),
        "ArrowLeft" | "ArrowUp" => now.saturating_sub(1),
        "Home" => 0,
        "End" => last,
        _ => return,
    };
    event.prevent_default();
    if let Some(tile) = at(to) {
        // A tile that cannot take the focus leaves it where it is.
        let _ = tile.focus();
    }
}
