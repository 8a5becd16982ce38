//! A group's units as cells: a click or the arrow keys pick one.

use leptos::prelude::*;
use wasm_bindgen::JsCast;
use web_sys::{Element, KeyboardEvent, MouseEvent};

use crate::by_hand::Fate;
use crate::state::App;
use crate::structure::Pick;
use crate::wall::{self, Shape};

pub fn view(app: App, at: usize) -> impl IntoView {
    let structure = app.structure;
    let units = structure.groups.with_untracked(|groups| groups.get(at).map_or(0, |group| group.units));
    let (columns, rows) = (wall::columns(units), units.div_ceil(wall::columns(units)).max(1));
    let unit =
        Memo::new(move |_| Some(structure.pick.get()).filter(|pick| pick.group == at).and_then(|pick| pick.unit));
    let cells = Memo::new(move |_| {
        let is_gone = structure.is_gone(at);
        let gone = |unit: u32| is_gone.get(unit as usize) == Some(&true);
        let needed = structure.groups.with(|groups| groups.get(at).map(|group| group.vocabulary.needed.clone()));
        let needed = |unit: u32| needed.as_ref().is_some_and(|needed| needed.contains_key(&unit));
        structure.by_hand.with(|hand| {
            [
                wall::path(units, |unit| !gone(unit), Shape::Cell),
                wall::path(units, gone, Shape::Cell),
                wall::path(units, gone, Shape::Strokes),
                wall::path(units, |unit| hand.fate(at, unit) == Some(Fate::Stays) || needed(unit), Shape::Dot),
            ]
        })
    });
    let path = move |which: usize| move || cells.with(|cells| cells[which].clone());
    let marker = move || {
        let (x, y) = wall::place(unit.get()?, units);
        Some(view! { <rect class="marker-cell" x=x y=y width="1" height="1" /> })
    };
    let pick = move |unit| structure.picked.set(Pick { group: at, unit: Some(unit) });
    let clicked = move |event: MouseEvent| {
        if let Some(unit) = under(&event, units) {
            pick(unit);
        }
    };
    let pressed = move |event: KeyboardEvent| {
        if let Some(unit) = wall::moved(&event.key(), unit.get_untracked(), units) {
            event.prevent_default();
            pick(unit);
        } else if let Some(unit) = unit.get_untracked() {
            command(app, at, unit, &event);
        }
    };
    view! {
        <div
            class="wall-frame"
            tabindex="0"
            role="slider"
            aria-label=move || format!("Unit of {}", name(app, at))
            aria-valuemin="0"
            aria-valuemax=units.saturating_sub(1)
            aria-valuenow=move || unit.get().unwrap_or(0)
            aria-valuetext=move || spoken(app, at, unit.get())
            data-testid=format!("wall-{at}")
            data-columns=columns
            style=format!("--columns: {columns}")
            on:click=clicked
            on:keydown=pressed
        >
            <svg class="wall" viewBox=format!("0 0 {columns} {rows}") aria-hidden="true">
                <path class="kept" d=path(0) />
                <path class="ground" d=path(1) />
                <path class="strokes" d=path(2) />
                <path class="dot" d=path(3) />
                {marker}
            </svg>
        </div>
    }
}

/// One cell as the legend shows it.
pub fn sample(class: &str) -> AnyView {
    let path = |shape| wall::path(1, |_| true, shape);
    match class {
        "gone" => view! { <path class="ground" d=path(Shape::Cell) /><path class="strokes" d=path(Shape::Strokes) /> }
            .into_any(),
        "protected" => {
            view! { <path class="kept" d=path(Shape::Cell) /><path class="dot" d=path(Shape::Dot) /> }.into_any()
        }
        _ => view! { <path class="kept" d=path(Shape::Cell) /> }.into_any(),
    }
}

/// Delete lets the unit go, P protects it; pressed again, each leaves it to the method.
fn command(app: App, at: usize, unit: u32, event: &KeyboardEvent) {
    let wanted = match event.key().as_str() {
        "Delete" | "Backspace" => Fate::Goes,
        "p" | "P" => Fate::Stays,
        _ => return,
    };
    event.prevent_default();
    let now = app.structure.by_hand.with_untracked(|hand| hand.fate(at, unit));
    app.decide(at, unit, (now != Some(wanted)).then_some(wanted));
}

fn under(event: &MouseEvent, units: usize) -> Option<u32> {
    let frame = event.current_target()?.dyn_into::<Element>().ok()?;
    let place = frame.first_element_child()?.get_bounding_client_rect();
    let part = |at: i32, from: f64, size: f64| (f64::from(at) - from) / size.max(1.0);
    let x = part(event.client_x(), place.left(), place.width());
    wall::unit_at(units, x, part(event.client_y(), place.top(), place.height()))
}

pub fn name(app: App, at: usize) -> String {
    app.structure.at(at, |place, _| place.group.name()).unwrap_or_default()
}

/// `head 3 of 6, gone, removed by hand`.
fn spoken(app: App, at: usize, unit: Option<u32>) -> String {
    let Some(unit) = unit else { return "none picked".into() };
    let of = app.structure.at(at, |place, hand| (place.group.kind.one(), place.group.units, hand.fate(at, unit)));
    let Some((one, units, fate)) = of else { return String::new() };
    let state = if app.structure.is_gone(at).get(unit as usize) == Some(&true) { "gone" } else { "kept" };
    let fate = match fate {
        Some(Fate::Goes) => ", removed by hand",
        Some(Fate::Stays) => ", protected",
        None => "",
    };
    format!("{one} {unit} of {units}, {state}{fate}")
}
