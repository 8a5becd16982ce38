//! The numbers of a training over its steps: the loss large, with the line that ends it, the others small.

use leptos::prelude::*;
use wasm_bindgen::JsCast;
use web_sys::{Element, PointerEvent};

use crate::chart::{self, Axis};
use crate::figures;
use crate::state::App;
use crate::training::{Curve, LOSS};

const WIDTH: f64 = 600.0;
const HEIGHT: f64 = 150.0;

pub fn view(app: App) -> impl IntoView {
    let names = Memo::new(move |_| {
        app.facts.training.with(|training| training.curves.iter().map(|curve| curve.name.clone()).collect::<Vec<_>>())
    });
    view! { <div class="curves">{move || names.get().into_iter().map(|name| plot(app, name)).collect_view()}</div> }
}

/// Reads something of one curve.
fn of<T>(app: App, name: &str, read: impl FnOnce(&Curve) -> T) -> Option<T> {
    app.facts.training.with(|training| training.curves.iter().find(|curve| curve.name == name).map(read))
}

fn plot(app: App, name: String) -> AnyView {
    let is_loss = name == LOSS;
    let axis = {
        let name = name.clone();
        Memo::new(move |_| {
            let line = if is_loss { app.inputs.line.get() } else { None };
            let axis = |curve: &Curve| {
                let values = curve.points.iter().map(|(_, value)| *value).chain(line);
                if is_loss { Axis::of(values) } else { Axis::linear(values) }
            };
            of(app, &name, axis).unwrap_or(Axis::from_to(0.0, 1.0))
        })
    };
    let points = {
        let name = name.clone();
        move || {
            let (first, last) = app.facts.training.with(|training| training.span());
            let steps = Axis::from_to(first, last);
            of(app, &name, |curve| chart::line(curve.points.iter().copied(), steps, axis.get(), WIDTH, HEIGHT))
        }
    };
    let newest = {
        let name = name.clone();
        move || of(app, &name, Curve::newest).flatten().map(figures::three_digits)
    };
    let spoken = {
        let (name, newest) = (name.clone(), newest.clone());
        move || format!("{name} over the steps, now {}", newest().unwrap_or_else(|| "unknown".into()))
    };
    let line = move || app.inputs.line.get().filter(|_| is_loss).map(|line| (1.0 - axis.get().place(line)) * HEIGHT);
    view! {
        <figure class="plot-figure" class:large=is_loss data-testid=format!("curve-{}", name.replace(' ', "-"))>
            <figcaption>{name.clone()} " " <b>{newest}</b></figcaption>
            <div class="plot-frame">
                <svg
                    viewBox=format!("0 0 {WIDTH} {HEIGHT}")
                    preserveAspectRatio="none"
                    role="img"
                    aria-label=spoken
                    class:drawable=is_loss
                    on:pointerdown=move |event| if is_loss { draw_line(app, axis, &event) }
                    on:pointermove=move |event| if is_loss && event.buttons() == 1 { draw_line(app, axis, &event) }
                >
                    <polyline points=points />
                    {move || line().map(|y| view! { <line class="limit" x1="0" x2=WIDTH y1=y y2=y /> })}
                </svg>
                {move || {
                    let [low, middle, high] = axis.get().ends();
                    view! { <p class="scale-words" aria-hidden="true"><span>{high}</span><span>{middle}</span><span>{low}</span></p> }
                }}
            </div>
        </figure>
    }
    .into_any()
}

/// The line goes where the pointer is.
fn draw_line(app: App, axis: Memo<Axis>, event: &PointerEvent) {
    let Some(svg) = event.current_target().and_then(|target| target.dyn_into::<Element>().ok()) else { return };
    event.prevent_default();
    let frame = svg.get_bounding_client_rect();
    let down = (f64::from(event.client_y()) - frame.top()) / frame.height().max(1.0);
    app.inputs.line.set(Some(axis.get_untracked().at(1.0 - down)));
}
