//! A beginning that both models go on with.

use leptos::prelude::*;
use web_sys::KeyboardEvent;

use crate::fields::{self, NumberField};
use crate::state::App;
use crate::wishes::{self, Range, Writing};

mod answer;
mod questions;

pub fn view(app: App) -> impl IntoView {
    let missing = || {
        view! {
            <p class="missing" data-testid="text-missing">
                "Drop its tokenizer.json here, alone or together with the weights, to let it write."
            </p>
        }
    };
    view! {
        <Show when=move || app.writes() fallback=missing>
            <div class="studio">{form(app)} <div class="outcome">{answer::view(app)}</div></div>
            {questions::view(app)}
        </Show>
    }
}

fn form(app: App) -> impl IntoView {
    view! {
        <form
            class="wish"
            novalidate
            on:submit=move |event| {
                event.prevent_default();
                app.write();
            }
        >
            <label class="beginning">
                <span>"The beginning of a text"</span>
                {prompt(app)}
            </label>
            {examples(app)}
            {settings(app)}
            <button class="tool main" type="submit" data-testid="continue" disabled=move || !app.is_live()>
                "Continue"
            </button>
        </form>
    }
}

fn prompt(app: App) -> impl IntoView {
    let writing = app.inputs.writing;
    let keyed = move |event: KeyboardEvent| {
        let go = event.key() == "Enter" && (event.ctrl_key() || event.meta_key());
        if go && untrack(|| app.is_live()) {
            app.write();
        }
    };
    view! {
        <textarea
            rows="3"
            title="Ctrl+Enter continues"
            data-testid="prompt"
            prop:value=move || writing.with(|writing| writing.prompt.clone())
            on:input:target=move |event| writing.update(|writing| writing.prompt = event.target().value())
            on:keydown=keyed
        ></textarea>
    }
}

fn examples(app: App) -> impl IntoView {
    let example = move |(at, text): (usize, &'static str)| {
        let take = move |_| app.inputs.writing.update(|writing| writing.prompt = text.into());
        view! {
            <button class="chip" type="button" data-testid=format!("prompt-{at}") on:click=take>
                {text}
            </button>
        }
    };
    view! {
        <p class="chips" role="group" aria-label="Examples">
            {wishes::EXAMPLES.into_iter().enumerate().map(example).collect_view()}
        </p>
    }
}

fn settings(app: App) -> impl IntoView {
    let writing = app.inputs.writing;
    let number = move |name, id, range: Range, help, get: fn(&Writing) -> f64, set: fn(&mut Writing, f64)| {
        let field = NumberField { name, help, id, range };
        fields::number(app, field, move || writing.with(get), move |number| writing.update(|all| set(all, number)))
    };
    let length = "New tokens, at most; the model may end before.";
    let temperature = "Below 1 the likely tokens get likelier still, above 1 the others do.";
    let top_k = "Only so many of the likeliest tokens; 0 takes all.";
    let top_p = "Only the likeliest tokens that reach this probability together; 1 takes all.";
    let seed = "The same seed, the same luck: dense and pruned draw alike.";
    view! {
        <div class="fields">
            {number("tokens", "length", wishes::LENGTH, length, |w| w.length.into(), |w, n| w.length = n as u32)}
            {greedy(app)}
            <Show when=move || !writing.with(|writing| writing.greedy)>
                {number(
                    "temperature",
                    "temperature",
                    wishes::TEMPERATURE,
                    temperature,
                    |w| w.temperature,
                    |w, n| w.temperature = n,
                )}
                {number("top-k", "top-k", wishes::TOP_K, top_k, |w| w.top_k.into(), |w, n| w.top_k = n as u32)}
                {number("top-p", "top-p", wishes::TOP_P, top_p, |w| w.top_p, |w, n| w.top_p = n)}
                {number("seed", "text-seed", wishes::SEED, seed, |w| w.seed.into(), |w, n| w.seed = n as u32)}
            </Show>
        </div>
    }
}

fn greedy(app: App) -> impl IntoView {
    let writing = app.inputs.writing;
    view! {
        <label class="field">
            <span>"greedy"</span>
            <input
                type="checkbox"
                data-testid="greedy"
                prop:checked=move || writing.with(|writing| writing.greedy)
                on:change:target=move |event| writing.update(|writing| writing.greedy = event.target().checked())
            />
            <small>"Always the likeliest token, and no luck."</small>
        </label>
    }
}
