//! Pictures that both models draw from the same noise.

use leptos::prelude::*;

use crate::fields::{self, NumberField};
use crate::state::App;
use crate::wishes::{self, Range, Sketch};

mod gallery;

/// More classes than these are chosen by number.
const MOST_CHIPS: u32 = 24;

pub fn view(app: App) -> impl IntoView {
    let held = RwSignal::new(None::<u32>);
    view! {
        <Show when=move || app.draws() fallback=move || missing(app)>
            <div class="studio">{form(app, held)} <div class="outcome">{gallery::view(app, held)}</div></div>
        </Show>
    }
}

fn missing(app: App) -> impl IntoView {
    let words = move || {
        if app.follows_a_text() {
            "It draws what a text says, and the network that reads the text is not in its file: it can be cut, but not asked to draw."
        } else if app.needs_a_decoder() {
            "What it draws only a decoder turns into pictures, which is not in its file: it can be cut, but not asked to draw."
        } else {
            "Drop its scheduler_config.json here, alone or together with the weights, to let it draw."
        }
    };
    view! { <p class="missing" data-testid="drawing-missing">{words}</p> }
}

/// `held` is the step to stay at; a new drawing is followed to its end.
fn form(app: App, held: RwSignal<Option<u32>>) -> impl IntoView {
    view! {
        <form
            class="wish"
            novalidate
            on:submit=move |event| {
                event.prevent_default();
                held.set(None);
                app.paint();
            }
        >
            {move || classes(app, app.classes())}
            {settings(app)}
            <button class="tool main" type="submit" data-testid="paint" disabled=move || !app.is_live()>
                "Draw"
            </button>
        </form>
    }
}

/// Chips to choose a class from, or a field where there are too many.
fn classes(app: App, count: u32) -> Option<AnyView> {
    let sketch = app.inputs.sketch;
    match count {
        0 => None,
        1..=MOST_CHIPS => {
            let chips = (0..count).map(Some).chain([None]).map(|label| chip(app, count, label)).collect_view();
            Some(view! { <fieldset class="chips"><legend>"Which one?"</legend>{chips}</fieldset> }.into_any())
        }
        _ => {
            let range = Range { min: 0.0, max: f64::from(count - 1), step: 1.0 };
            let field = NumberField { name: "class", help: "Which of its classes to draw.", id: "class", range };
            let value = move || f64::from(sketch.with(|sketch| sketch.label(count)).unwrap_or(0));
            let set = move |label: f64| sketch.update(|sketch| sketch.label = Some(label as u32));
            Some(fields::number(app, field, value, set).into_any())
        }
    }
}

fn chip(app: App, count: u32, label: Option<u32>) -> impl IntoView {
    let sketch = app.inputs.sketch;
    let name = label.map_or("no class".to_string(), |label| app.class_name(label as usize));
    let id = label.map_or("class-none".to_string(), |label| format!("class-{label}"));
    view! {
        <label class="chip">
            <input
                type="radio"
                name="class"
                data-testid=id
                prop:checked=move || sketch.with(|sketch| sketch.label(count)) == label
                on:change=move |_| sketch.update(|sketch| sketch.label = label)
            />
            <span>{name}</span>
        </label>
    }
}

fn settings(app: App) -> impl IntoView {
    let sketch = app.inputs.sketch;
    let number = move |name, id, range, help, get: fn(&Sketch) -> f64, set: fn(&mut Sketch, f64)| {
        let field = NumberField { name, help, id, range };
        fields::number(app, field, move || sketch.with(get), move |number| sketch.update(|all| set(all, number)))
    };
    let count = "Pictures of each model.";
    let steps = "Steps from noise to picture: more are finer and take longer.";
    let guidance = "1 follows the class as it was learnt, more exaggerates it and takes twice the time.";
    let seed = "Decides the noise; dense and pruned start from the same.";
    view! {
        <div class="fields">
            {number("pictures", "count", wishes::COUNT, count, |s| s.count.into(), |s, n| s.count = n as u32)}
            {number("steps", "steps", wishes::STEPS, steps, |s| s.steps.into(), |s, n| s.steps = n as u32)}
            <Show when=move || app.classes() != 0>
                {number("guidance", "guidance", wishes::GUIDANCE, guidance, |s| s.guidance, |s, n| s.guidance = n)}
            </Show>
            {sampler(app)}
            {number("seed", "draw-seed", wishes::SEED, seed, |s| s.seed.into(), |s, n| s.seed = n as u32)}
        </div>
    }
}

fn sampler(app: App) -> impl IntoView {
    let sketch = app.inputs.sketch;
    let option = move |(sampler, word): (_, &'static str)| {
        let chosen = move || sketch.with(|sketch| sketch.sampler == sampler);
        view! { <option value=word prop:selected=chosen>{word.to_uppercase()}</option> }
    };
    let choose = move |word: String| sketch.update(|sketch| sketch.choose_sampler(&word));
    view! {
        <label class="field">
            <span>"sampler"</span>
            <select data-testid="sampler" on:change:target=move |event| choose(event.target().value())>
                {wishes::SAMPLERS.into_iter().map(option).collect_view()}
            </select>
            <small>"DDPM adds fresh noise in every step, DDIM none."</small>
        </label>
    }
}
