//! The big slider, the method and its settings, and the way back.

use leptos::prelude::*;
use secateur_protocol::{Card, Command, Field, Kind, Value};
use wasm_bindgen::JsCast;
use web_sys::{Element, KeyboardEvent};

use crate::fields::{self, NumberField};
use crate::state::App;
use crate::{by_hand, figures, icons, plan, wishes};

pub fn view(app: App) -> impl IntoView {
    view! {
        <div class="blade">
            {slider(app)}
            <div class="steps">{step(app, Command::Undo)}{step(app, Command::Redo)}</div>
        </div>
        {methods(app)}
        <div class="fields">{move || app.card.get().map(|card| fields(app, &card))} {seed(app)}</div>
        {move || {
            let notes = app.facts.level.with(|level| level.as_ref().map_or_else(Vec::new, |level| level.notes.clone()));
            (!notes.is_empty()).then(|| view! { <p class="notes" data-testid="notes">{notes.join(" ")}</p> })
        }}
    }
}

fn slider(app: App) -> impl IntoView {
    let asked = move || app.sparsity();
    let real = move || app.facts.level.with(|level| level.as_ref().map(|level| level.sparsity()));
    let shown = move || asked().or(real()).unwrap_or(0.0);
    let top = move || {
        let card = app.card.get();
        card.as_ref().and_then(|card| plan::range(card.field(plan::SPARSITY)?)).map_or(0.99, |(_, max, _)| max)
    };
    let moved = move |value: String| {
        if let Ok(sparsity) = value.parse::<f64>() {
            app.inputs.values.update(|values| drop(values.insert(plan::SPARSITY.into(), Value::Number(sparsity))));
            app.prune(true);
        }
    };
    let zeros = move || app.facts.level.with(|level| level.as_ref().map(|level| (level.zeros(), level.prunable())));
    view! {
        <label class="amount" for="slider">
            <output data-testid="sparsity">{move || figures::percent(shown(), 0)}</output>
            <span>
                {move || if app.cuts_units() { "of the units cut" } else { "of the weights cut" }}
                <small>
                    {move || {
                        zeros().map(|(zeros, of)| format!("{} of {} are zero", figures::count(zeros), figures::count(of)))
                    }}
                </small>
            </span>
        </label>
        <div class="rail" style=move || format!("--at: {}", shown() / top().max(0.01))>
            <input
                id="slider"
                type="range"
                min="0"
                max=top
                step="0.01"
                data-testid="slider"
                aria-label="Fraction of the prunable weights to cut"
                aria-valuetext=move || figures::percent(shown(), 0)
                disabled=move || asked().is_none()
                prop:value=move || shown().to_string()
                on:input:target=move |event| moved(event.target().value())
                on:change=move |_| app.settle()
            />
            <p class="ends" aria-hidden="true"><span>"dense"</span><span class="hint">{move || hint(app)}</span><span>"bare"</span></p>
        </div>
    }
}

/// One line for a first visit, gone with the first move.
fn hint(app: App) -> Option<&'static str> {
    if app.learns() {
        return Some("this method learns: set how much, then press Learn below");
    }
    if app.sparsity().is_none() {
        return Some("the pattern decides how much is cut");
    }
    let touched = app.facts.level.with(|level| level.as_ref().is_some_and(|level| level.undo > 1));
    let hint = if app.writes() {
        "drag to cut; both models go on with your text below"
    } else if app.draws() {
        "drag to cut; both models draw from the same noise below"
    } else if app.sees_pictures() {
        "drag to cut; both models read the digits below"
    } else {
        "drag to cut"
    };
    (!touched).then_some(hint)
}

fn step(app: App, command: Command) -> impl IntoView {
    let undo = command == Command::Undo;
    let left = move || {
        app.facts.level.with(|level| level.as_ref().map_or(0, |level| if undo { level.undo } else { level.redo }))
    };
    let (word, keys, id) = if undo { ("Undo", "Ctrl+Z", "undo") } else { ("Redo", "Ctrl+Shift+Z", "redo") };
    let title = move || format!("{word} ({keys}); {} to go", left());
    let disabled = move || left() == 0 || app.facts.recorded.get();
    view! {
        <button
            class="tool round"
            data-testid=id
            aria-label=word
            title=title
            disabled=disabled
            on:click=move |_| app.step(command.clone())
        >
            {if undo { icons::undo() } else { icons::redo() }}
        </button>
    }
}

/// Ctrl+Z and Ctrl+Shift+Z (or Ctrl+Y) anywhere but in a field that is typed into.
pub fn shortcut(app: App, event: &KeyboardEvent) {
    let typed_into = |element: Element| match element.tag_name().as_str() {
        "TEXTAREA" => true,
        "INPUT" => matches!(element.get_attribute("type").as_deref(), Some("number" | "text")),
        _ => false,
    };
    let typing = event.target().and_then(|target| target.dyn_into().ok()).is_some_and(typed_into);
    if typing || !(event.ctrl_key() || event.meta_key()) || event.alt_key() {
        return;
    }
    let command = match (event.key().to_lowercase().as_str(), event.shift_key()) {
        ("z", false) => Command::Undo,
        ("z", true) | ("y", false) => Command::Redo,
        _ => return,
    };
    event.prevent_default();
    app.step(command);
}

fn methods(app: App) -> impl IntoView {
    let cards = Memo::new(move |_| app.facts.ready.with(|r| r.as_ref().map_or_else(Vec::new, |r| r.methods.clone())));
    let choose = move |id: String| {
        app.inputs.method.set(id);
        app.prune(false);
    };
    let card = move |card: Card| {
        let id = card.id.to_string();
        let (chosen, picked) = (id.clone(), id.clone());
        view! {
            <label class="method" title=card.sentence.to_string()>
                <input
                    type="radio"
                    name="method"
                    value=id.clone()
                    data-testid=format!("method-{id}")
                    prop:checked=move || app.inputs.method.get() == chosen
                    on:change=move |_| choose(picked.clone())
                />
                <b>{card.name.to_string()}</b>
            </label>
        }
    };
    view! {
        <fieldset class="methods" data-testid="method">
            <legend>"Which weights go first?"</legend>
            {move || cards.get().into_iter().map(card).collect_view()}
        </fieldset>
        <p class="method-sentence">{move || app.card.with(|card| card.as_ref().map(|card| card.sentence.to_string()))}</p>
    }
}

/// Controls for every field of the card but the slider's and those that the units panel writes; those without effect now are
/// left out.
fn fields(app: App, card: &Card) -> impl IntoView + use<> {
    let elsewhere = |key: &str| key == plan::SPARSITY || by_hand::FIELDS.contains(&key);
    let others = card.fields.iter().filter(|field| !elsewhere(&field.key));
    others
        .map(|field| {
            let (card, field) = (card.clone(), field.clone());
            let used = {
                let (card, field) = (card.clone(), field.clone());
                Memo::new(move |_| app.inputs.values.with(|values| plan::is_used(&card, &field, values)))
            };
            view! { <Show when=move || used.get()>{control(app, field.clone())}</Show> }
        })
        .collect_view()
}

fn control(app: App, field: Field) -> AnyView {
    let key = field.key.to_string();
    let test_id = format!("field-{key}");
    let value = {
        let field = field.clone();
        move || app.inputs.values.with(|values| plan::value(&field, values).to_string())
    };
    let set = {
        let field = field.clone();
        move |text: String| {
            let value = text.parse().map_or(Value::Text(text), Value::Number);
            match field.check(value) {
                Ok(value) => {
                    app.inputs.values.update(|values| drop(values.insert(field.key.to_string(), value)));
                    app.prune(false);
                }
                Err(error) => app.error.set(Some(error.to_string())),
            }
        }
    };
    let input = match &field.kind {
        Kind::Choice { options, .. } => {
            let option = {
                let value = value.clone();
                move |option: String| {
                    let (value, here) = (value.clone(), option.clone());
                    view! { <option value=option.clone() prop:selected=move || value() == here>{option.clone()}</option> }
                }
            };
            let options = {
                let (options, key) = (options.clone(), key.clone());
                move || {
                    let kinds = if key == plan::UNITS { app.structure.kinds() } else { Vec::new() };
                    let offered = options.iter().filter(|text| kinds.is_empty() || plan::names_some(text, &kinds));
                    offered.map(|text| option(text.to_string())).collect_view()
                }
            };
            view! {
                <select data-testid=test_id on:change:target=move |event| set(event.target().value())>
                    {options}
                </select>
            }
            .into_any()
        }
        Kind::Words => view! {
            <input
                type="text"
                spellcheck="false"
                data-testid=test_id
                prop:value=value
                on:change:target=move |event| set(event.target().value())
            />
        }
        .into_any(),
        Kind::Number { .. } | Kind::Whole { .. } => {
            let (min, max, step) = plan::range(&field).unwrap_or((0.0, 1.0, 0.01));
            view! {
                <input
                    type="number"
                    min=min
                    max=max
                    step=step
                    data-testid=test_id
                    prop:value=value
                    on:change:target=move |event| set(event.target().value())
                />
            }
            .into_any()
        }
    };
    let help = field.help.to_string();
    view! {
        <label class="field" title=help.clone()>
            <span>{key}</span>
            {input}
            <small>{help.clone()}</small>
        </label>
    }
    .into_any()
}

fn seed(app: App) -> impl IntoView {
    let help = "Same recipe, same seed, same masks, on every machine.";
    let field = NumberField { name: "seed", help, id: "seed", range: wishes::SEED };
    let set = move |seed: f64| {
        app.inputs.seed.set(seed as u64);
        app.prune(false);
    };
    fields::number(app, field, move || app.inputs.seed.get() as f64, set)
}
