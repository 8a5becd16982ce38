//! Every layer's share of what both cuts remove and what only one does, and a picture of one layer.

use leptos::prelude::*;

use crate::contrast::{self, Layer};
use crate::state::App;
use crate::{atlas, figures, picture};

pub fn view(app: App, picked: RwSignal<Option<u32>>) -> impl IntoView {
    let told = Memo::new(move |_| {
        app.facts.contrast.with(|told| told.layers.iter().map(|layer| layer.told.param).collect::<Vec<_>>())
    });
    let shown = Memo::new(move |_| picked.get().or_else(|| app.facts.contrast.with(|told| told.least_alike())));
    let empty = || view! { <p class="missing">"Every layer will stand here with what both cuts remove, and what only one of them does."</p> };
    view! {
        <Show when=move || told.with(|told| !told.is_empty()) fallback=empty>
            {legend(app)}
            {picture_of(app, shown)}
            <table class="contrast-table" data-testid="contrast-table">
                <thead>
                    <tr>
                        <th scope="col">"layer"</th>
                        <th scope="col">"both, only one, only the other"</th>
                        <th scope="col">"overlap"</th>
                    </tr>
                </thead>
                <tbody>{move || told.get().into_iter().map(|param| row(app, param, shown, picked)).collect_view()}</tbody>
            </table>
        </Show>
    }
}

fn name(app: App, param: u32) -> String {
    app.facts.loaded.with(|loaded| {
        let params = loaded.as_ref().map(|loaded| &loaded.graph.params);
        params.and_then(|params| params.get(param as usize)).map_or_else(String::new, |param| param.name.clone())
    })
}

fn legend(app: App) -> impl IntoView {
    let side = move |of: fn(&contrast::Contrast) -> String| app.facts.contrast.with(of);
    view! {
        <p class="legend">
            <i class="swatch both" aria-hidden="true"></i><span>"both"</span>
            <i class="swatch only-a" aria-hidden="true"></i><span>"only " {move || side(|told| told.a.clone())}</span>
            <i class="swatch only-b" aria-hidden="true"></i><span>"only " {move || side(|told| told.b.clone())}</span>
        </p>
    }
}

fn row(app: App, param: u32, shown: Memo<Option<u32>>, picked: RwSignal<Option<u32>>) -> impl IntoView {
    let told = app.facts.contrast.with_untracked(|all| all.of(param).map(|layer| layer.told))?;
    let full = name(app, param);
    let of = told.of.max(1) as f64;
    let part = |count: u64| format!("width: {:.3}%", count as f64 / of * 100.0);
    let count = figures::count;
    let spoken = format!(
        "both remove {} of {}, only the first {}, only the second {}",
        count(told.both),
        count(told.of),
        count(told.only_a),
        count(told.only_b)
    );
    let overlap = contrast::overlap(&told).map_or_else(|| "–".into(), |overlap| figures::percent(overlap, 1));
    Some(view! {
        <tr class:picked=move || shown.get() == Some(param) data-testid=format!("contrast-{param}") title=spoken.clone()>
            <th scope="row">
                <button
                    class="quiet"
                    title=full.clone()
                    aria-pressed=move || (shown.get() == Some(param)).to_string()
                    on:click=move |_| picked.set(Some(param))
                >
                    {atlas::place(&full)}
                </button>
            </th>
            <td>
                <span class="hidden">{spoken.clone()}</span>
                <div class="stack" aria-hidden="true">
                    <i class="both" style=part(told.both)></i>
                    <i class="only-a" style=part(told.only_a)></i>
                    <i class="only-b" style=part(told.only_b)></i>
                </div>
            </td>
            <td class="number">{overlap}</td>
        </tr>
    })
}

/// Where the two part in the layer that is looked at.
fn picture_of(app: App, shown: Memo<Option<u32>>) -> impl IntoView {
    /// Pixels of a cell, so that a small matrix is no dot.
    const LEAST: usize = 384;
    let full = move || shown.get().map(|param| name(app, param)).unwrap_or_default();
    let paint = move || {
        let dark = app.dark.get();
        let scale = |layer: &Layer| (LEAST / layer.longer_side().max(1)).clamp(4, 24);
        app.facts
            .contrast
            .with(|told| shown.get().and_then(|param| told.of(param)).map(|layer| layer.paint(dark, scale(layer))))
    };
    view! {
        <figure class="contrast-picture" data-testid="contrast-picture">
            {picture::raster(move || format!("Where the two cuts part in {}", full()), paint)}
            <figcaption><b>{move || atlas::place(&full())}</b> " " <code>{full}</code></figcaption>
        </figure>
    }
}
