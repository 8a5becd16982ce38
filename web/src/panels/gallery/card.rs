//! One method: a sentence and what can be done with it; the rest when somebody asks.

use leptos::ev::Targeted;
use leptos::prelude::*;
use secateur_protocol::{AXES, Card};
use web_sys::{Event, HtmlDetailsElement};

use super::chip;
use crate::figures;
use crate::panels::about;
use crate::state::App;
use crate::{gallery, metric};

pub fn view(app: App, card: Card, faded: Memo<bool>) -> impl IntoView {
    let id = card.id.to_string();
    let open = RwSignal::new(false);
    let toggled = move |event: Targeted<Event, HtmlDetailsElement>| open.set(event.target().open());
    let (name, year) = (card.name.to_string(), card.year);
    let (sentence, needs) = (card.sentence.to_string(), about::needs(&card));
    let more = card.clone();
    view! {
        <li class="method-card" class:faded=faded class:chosen=is_chosen(app, &id) data-testid=format!("card-{id}") data-faded=move || faded.get().to_string()>
            <h4>{name} <small>" " {year}</small></h4>
            <p>{sentence}</p>
            <p class="sub">"Needs " {needs} "."</p>
            {buttons(app, card)}
            <p class="sub" role="status" data-testid=format!("came-of-{id}")>{came_of(app, id.clone())}</p>
            <details on:toggle:target=toggled>
                <summary>"Formula, source, where it is filed"</summary>
                <Show when=move || open.get()>{about::details(more.clone())} {filing(app, &more)}</Show>
            </details>
        </li>
    }
}

fn is_chosen(app: App, id: &str) -> impl Fn() -> bool + use<> {
    let id = id.to_string();
    move || app.inputs.method.with(|method| *method == id)
}

fn buttons(app: App, card: Card) -> impl IntoView {
    let (id, name) = (card.id.to_string(), card.name.to_string());
    let models = app.facts.ready.with_untracked(|ready| ready.as_ref().map_or_else(Vec::new, |r| r.models.clone()));
    let demo = gallery::demo(&card, &models).map(|demo| demo.model);
    let (use_id, beside_id, pressed) = (id.clone(), id.clone(), id.clone());
    let beside = move || app.inputs.browse.with(|browse| browse.beside.contains(&pressed));
    view! {
        <div class="unit-buttons">
            <button
                class="tool"
                data-testid=format!("use-{id}")
                aria-label=format!("Use {name}")
                on:click=move |_| app.choose(&use_id)
            >
                "Use it"
            </button>
            {demo.map(|on| demo_button(app, card, on))}
            <button
                class="tool"
                data-testid=format!("beside-{id}")
                aria-label=format!("Lay {name} beside another")
                aria-pressed=move || beside().to_string()
                on:click=move |_| app.inputs.browse.update(|browse| browse.turn_beside(&beside_id))
            >
                "Beside"
            </button>
        </div>
    }
}

fn demo_button(app: App, card: Card, on: String) -> impl IntoView {
    view! {
        <button
            class="tool"
            data-testid=format!("demo-{}", card.id)
            aria-label=format!("Demo of {} on {on}", card.name)
            title=format!("Small settings on {on}, at once")
            on:click=move |_| app.demonstrate(&card)
        >
            "Demo on "
            {on.clone()}
        </button>
    }
}

/// What the method's cut that holds now has left.
fn came_of(app: App, id: String) -> impl Fn() -> Option<String> {
    move || {
        let level = app.facts.level.get()?;
        level.recipe.as_ref().filter(|recipe| recipe.method == id)?;
        let cut = format!("Now on screen: {} of the weights cut", figures::percent(level.sparsity(), 0));
        let report = app.facts.report.get().filter(|report| app.facts.is_fresh(&report.model_left()));
        Some(match report {
            Some(report) => {
                let [pruned, dense] = [report.metric_pruned, report.metric_dense].map(|n| metric::value(&report, n));
                format!("{cut}, {} {pruned} beside {dense}.", report.metric_name)
            }
            None => format!("{cut}."),
        })
    }
}

/// The card's words on every axis; each narrows the gallery.
fn filing(app: App, card: &Card) -> impl IntoView + use<> {
    let filed: Vec<Vec<String>> =
        card.filing.words().into_iter().map(|words| words.into_iter().map(String::from).collect()).collect();
    let axis = move |(at, words): (usize, Vec<String>)| {
        let chips = words.into_iter().map(|word| chip(app, at, word)).collect_view();
        view! { <dt>{AXES[at].name}</dt><dd class="chips">{chips}</dd> }
    };
    view! { <dl class="filing">{filed.into_iter().enumerate().map(axis).collect_view()}</dl> }
}
