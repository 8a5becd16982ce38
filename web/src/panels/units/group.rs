//! One group: its name, its wall, how many of its units go, and its curve.

use leptos::prelude::*;

use super::{curve, open, wall};
use crate::state::App;
use crate::{atlas, figures};

pub fn view(app: App, at: usize) -> impl IntoView {
    let structure = app.structure;
    let is_open = Memo::new(move |_| structure.pick.get().group == at);
    view! {
        <section class="group" class:open=move || is_open.get() data-testid=format!("group-{at}")>
            <h3 title=move || wall::name(app, at)>{move || title(app, at)}</h3>
            {wall::view(app, at)}
            {amount(app, at)}
            {curve::view(app, at)}
            <Show when=move || is_open.get()>{open::view(app, at)}</Show>
        </section>
    }
}

/// Where the group lies, in a few words.
fn title(app: App, at: usize) -> String {
    app.structure.at(at, |place, _| atlas::place(&place.group.at)).unwrap_or_default()
}

/// The slider that stops only where a cut is legal.
fn amount(app: App, at: usize) -> impl IntoView {
    let structure = app.structure;
    let stops = Memo::new(move |_| structure.at(at, |place, hand| hand.stops(place)).unwrap_or_default());
    let by_hand = move || structure.by_hand.with(|hand| hand.counts.get(&at).copied());
    let gone = move || by_hand().unwrap_or_else(|| structure.gone(at));
    let stop = move || {
        let gone = gone();
        stops.with(|stops| (0..stops.len()).min_by_key(|stop| stops[*stop].abs_diff(gone)).unwrap_or(0))
    };
    let units = structure.at(at, |place, _| place.group.units).unwrap_or(0);
    let words = move || format!("{} of {} gone", figures::count(gone() as u64), figures::count(units as u64));
    let why = move || structure.at(at, |place, hand| hand.why(place).join(" "));
    let moved = move |value: String| {
        let count = value.parse().ok().and_then(|stop: usize| stops.with_untracked(|stops| stops.get(stop).copied()));
        if count.is_some() {
            app.set_count(at, count, true);
        }
    };
    view! {
        <label class="count">
            <input
                type="range"
                min="0"
                max=move || stops.with(|stops| stops.len().saturating_sub(1))
                step="1"
                data-testid=format!("count-{at}")
                aria-label=move || format!("How many of {} go", wall::name(app, at))
                aria-valuetext=words
                title=why
                disabled=move || !app.can_cut_units() || stops.with(|stops| stops.len() < 2)
                prop:value=move || stop().to_string()
                on:input:target=move |event| moved(event.target().value())
                on:change=move |_| app.settle()
            />
            <output data-testid=format!("gone-{at}")>{words}</output>
        </label>
    }
}
