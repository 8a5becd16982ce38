//! The group that is looked at: what goes with its unit, what can be decided, and why its slider stops where it does.

use leptos::prelude::*;

use super::wall;
use crate::by_hand::Fate;
use crate::state::App;

pub fn view(app: App, at: usize) -> impl IntoView {
    let structure = app.structure;
    let unit = move || structure.pick.get().unit;
    let why = move || structure.at(at, |place, hand| hand.why(place).join(" "));
    let by_hand = move || structure.by_hand.with(|hand| hand.counts.contains_key(&at));
    let unable = move || app.is_live() && !app.can_cut_units();
    view! {
        <div class="group-open">
            <p class="slices" aria-live="polite" data-testid="unit-words">
                {move || words(app, at).unwrap_or_else(|| "Click a cell, or walk with the arrow keys, to see what goes with it; Delete removes it, P protects it.".into())}
            </p>
            <Show when=move || unit().is_some()>{buttons(app, at)}</Show>
            <p class="sub" data-testid="unit-why">
                {why}
                " "
                <Show when=by_hand>
                    <button class="quiet" data-testid="count-clear" on:click=move |_| app.set_count(at, None, false)>
                        "Leave the number to the method"
                    </button>
                </Show>
            </p>
            <p class="sub">{move || app.facts.sweep.with(|sweep| sweep.words(at))}</p>
            <Show when=unable>
                <p class="sub">"This method cuts single weights only; choose another one to cut units."</p>
            </Show>
        </div>
    }
}

/// The unit and all slices that go with it, in words.
fn words(app: App, at: usize) -> Option<String> {
    let unit = app.structure.pick.get().unit?;
    let loaded = app.facts.loaded.get()?;
    app.structure.at(at, |place, _| {
        let needed = place.group.vocabulary.needed.get(&unit);
        let why = needed.map(|why| format!("; it stays, because {why}")).unwrap_or_default();
        place.group.describe(&loaded.graph, unit) + &why
    })
}

fn buttons(app: App, at: usize) -> impl IntoView {
    let structure = app.structure;
    let unit = move || structure.pick.get().unit;
    let fate = Memo::new(move |_| unit().and_then(|unit| structure.by_hand.with(|hand| hand.fate(at, unit))));
    let button = move |word: &'static str, keys: &'static str, id: &'static str, wanted: Option<Fate>| {
        let decide = move |_| {
            if let Some(unit) = structure.pick.get_untracked().unit {
                app.decide(at, unit, wanted);
            }
        };
        view! {
            <button
                class="tool"
                data-testid=id
                title=keys
                aria-pressed=move || wanted.map(|_| (fate.get() == wanted).to_string())
                disabled=move || !app.can_cut_units() || fate.get() == wanted
                on:click=decide
            >
                {word}
            </button>
        }
    };
    view! {
        <div class="unit-buttons" role="group" aria-label=move || format!("Unit of {}", wall::name(app, at))>
            {button("Remove", "Goes in any case (Delete)", "unit-remove", Some(Fate::Goes))}
            {button("Protect", "Stays in any case (P)", "unit-protect", Some(Fate::Stays))}
            {button("Leave it to the method", "Clears what was decided by hand", "unit-clear", None)}
        </div>
    }
}
