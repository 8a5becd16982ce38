//! A sheet to draw a digit on, with a pointer or with arrow keys.

use leptos::html::Canvas;
use leptos::prelude::*;
use wasm_bindgen::JsCast;
use web_sys::{CanvasRenderingContext2d, HtmlCanvasElement, KeyboardEvent, PointerEvent};

use super::best;
use crate::pen::{self, Point};
use crate::picture::digit_canvas;
use crate::state::App;
use crate::{figures, frames};

/// Side of the sheet in its own units.
const SIDE: f32 = 280.0;
/// How far an arrow key moves the pen.
const STEP: f32 = 10.0;
const NEAR: f32 = 3.0;

pub fn view(app: App) -> impl IntoView {
    let strokes = app.inputs.strokes;
    let down = RwSignal::new(false);
    let caret = RwSignal::new(None::<Point>);
    let begin = move |event: PointerEvent| {
        let Some(point) = place(&event) else { return };
        event.prevent_default();
        if let Some(sheet) = event.target().and_then(|t| t.dyn_into::<web_sys::Element>().ok()) {
            // Without capture the stroke ends at the sheet's edge: no reason to refuse it.
            let _ = sheet.set_pointer_capture(event.pointer_id());
        }
        down.set(true);
        caret.set(None);
        app.inputs.picked.set(None);
        strokes.update(|strokes| strokes.push(vec![point]));
    };
    let go_on = move |event: PointerEvent| {
        if let (true, Some(point)) = (down.get_untracked(), place(&event)) {
            extend(strokes, point);
            app.predict_drawn();
        }
    };
    let end = move |_| {
        if down.get_untracked() {
            down.set(false);
            app.predict_drawn();
        }
    };
    let keyed = move |event: KeyboardEvent| {
        if key(app, &event.key(), down, caret) {
            event.prevent_default();
        }
    };
    let clear = move |_| {
        strokes.set(Vec::new());
        caret.set(None);
        down.set(false);
        app.predict_drawn();
    };
    let empty = move || strokes.with(Vec::is_empty);
    view! {
        <div class="drawing">
            <p class="draw-head">
                <span id="draw-label">"Draw a digit"</span>
                <button class="quiet" data-testid="draw-clear" disabled=empty on:click=clear>"Clear"</button>
            </p>
            <div class="sheet-row">
                <div class="paper">
                    {sheet(app, caret, begin, go_on, end, keyed)}
                    <Show when=empty><p class="ghost" aria-hidden="true">"draw here"</p></Show>
                </div>
                <div class="seen">
                    {digit_canvas(app, move || strokes.with(|strokes| pen::paint(strokes).or(Some(vec![0; 784]))))}
                    <small>"what the models see"</small>
                    <p class="answer dense">"dense " <b data-testid="drawn-dense">{move || answer(app, false)}</b></p>
                    <p class="answer pruned">"pruned " <b data-testid="drawn-pruned">{move || answer(app, true)}</b></p>
                </div>
            </div>
        </div>
    }
}

fn answer(app: App, pruned: bool) -> String {
    let item = app.facts.drawn.with(|drawn| drawn.as_ref()?.items.first().cloned());
    let said = item.and_then(|item| best(if pruned { &item.pruned } else { &item.dense }));
    said.map_or("–".into(), |(class, sure)| format!("{} · {}", app.class_name(class), figures::percent(sure.into(), 0)))
}

fn sheet(
    app: App,
    caret: RwSignal<Option<Point>>,
    begin: impl FnMut(PointerEvent) + 'static,
    go_on: impl FnMut(PointerEvent) + 'static,
    end: impl FnMut(PointerEvent) + Clone + 'static,
    keyed: impl FnMut(KeyboardEvent) + 'static,
) -> impl IntoView {
    let canvas = NodeRef::<Canvas>::new();
    let frame = frames::key();
    Effect::new(move |_| {
        let (strokes, caret, dark) = (app.inputs.strokes.get(), caret.get(), app.dark.get());
        let Some(canvas) = canvas.get() else { return };
        frames::later(frame, move || ink(&canvas, &strokes, caret, dark));
    });
    view! {
        <canvas
            class="sheet-canvas"
            width="560"
            height="560"
            tabindex="0"
            role="application"
            aria-labelledby="draw-label"
            aria-description="Arrow keys move the pen, space lowers and lifts it, Delete clears."
            data-testid="draw"
            node_ref=canvas
            on:pointerdown=begin
            on:pointermove=go_on
            on:pointerup=end.clone()
            on:pointercancel=end
            on:keydown=keyed
        ></canvas>
    }
}

fn place(event: &PointerEvent) -> Option<Point> {
    let sheet = event.target()?.dyn_into::<web_sys::HtmlElement>().ok()?;
    let scale = SIDE / (sheet.client_width() as f32).max(1.0);
    Some((event.offset_x() as f32 * scale, event.offset_y() as f32 * scale))
}

/// Points closer together than the pen can show are left out.
fn extend(strokes: RwSignal<Vec<Vec<Point>>>, (x, y): Point) {
    let near = |last: &Point| (last.0 - x).hypot(last.1 - y) < NEAR;
    if strokes.with_untracked(|strokes| strokes.last().and_then(|stroke| stroke.last()).is_some_and(near)) {
        return;
    }
    strokes.update(|strokes| match strokes.last_mut() {
        Some(stroke) => stroke.push((x, y)),
        None => strokes.push(vec![(x, y)]),
    });
}

/// Drawing by keyboard; whether the key meant something.
fn key(app: App, key: &str, down: RwSignal<bool>, caret: RwSignal<Option<Point>>) -> bool {
    let (x, y) = caret.get_untracked().unwrap_or((SIDE / 2.0, SIDE / 2.0));
    let (dx, dy) = match key {
        "ArrowLeft" => (-STEP, 0.0),
        "ArrowRight" => (STEP, 0.0),
        "ArrowUp" => (0.0, -STEP),
        "ArrowDown" => (0.0, STEP),
        " " => {
            down.update(|down| *down = !*down);
            if down.get_untracked() {
                app.inputs.strokes.update(|strokes| strokes.push(vec![(x, y)]));
            }
            app.predict_drawn();
            return true;
        }
        "Delete" | "Backspace" => {
            app.inputs.strokes.set(Vec::new());
            down.set(false);
            app.predict_drawn();
            return true;
        }
        _ => return false,
    };
    let next = ((x + dx).clamp(0.0, SIDE), (y + dy).clamp(0.0, SIDE));
    caret.set(Some(next));
    if down.get_untracked() {
        extend(app.inputs.strokes, next);
        app.predict_drawn();
    }
    true
}

fn ink(canvas: &HtmlCanvasElement, strokes: &[Vec<Point>], caret: Option<Point>, dark: bool) {
    let context = canvas.get_context("2d").ok().flatten().map(JsCast::unchecked_into::<CanvasRenderingContext2d>);
    let Some(context) = context else { return };
    let scale = f64::from(canvas.width()) / f64::from(SIDE);
    context.clear_rect(0.0, 0.0, canvas.width().into(), canvas.height().into());
    let colour = if dark { "#eceae2" } else { "#1a221f" };
    context.set_stroke_style_str(colour);
    context.set_fill_style_str(colour);
    context.set_line_width(22.0 * scale);
    context.set_line_cap("round");
    context.set_line_join("round");
    for stroke in strokes {
        context.begin_path();
        for (at, (x, y)) in stroke.iter().enumerate() {
            let (x, y) = (f64::from(*x) * scale, f64::from(*y) * scale);
            // A single point is a dot: a line to itself with round ends.
            if at == 0 {
                context.move_to(x, y);
            }
            context.line_to(x, y);
        }
        context.stroke();
    }
    if let Some((x, y)) = caret {
        context.set_line_width(2.0 * scale);
        context.set_stroke_style_str("#d55e00");
        context.stroke_rect(f64::from(x - 9.0) * scale, f64::from(y - 9.0) * scale, 18.0 * scale, 18.0 * scale);
    }
}
