//! What can only be cut together: every group as a wall of units, to be looked at, cut by hand and swept.

use leptos::prelude::*;
use secateur_graph::Counts;
use secateur_graph::groups::UnitKind;

use crate::figures;
use crate::lanes::Job;
use crate::state::App;
use crate::structure::Pick;

mod curve;
mod group;
mod open;
mod wall;

pub fn view(app: App) -> impl IntoView {
    let kind = Memo::new(move |_| app.structure.at(app.structure.pick.get().group, |place, _| place.group.kind));
    // With name and size: groups of another model are others, even in the same places.
    let groups = Memo::new(move |_| {
        let groups = app.structure.groups.get();
        let of_kind = groups.iter().enumerate().filter(|(_, group)| Some(group.kind) == kind.get());
        of_kind.map(|(at, group)| (at, group.name(), group.units)).collect::<Vec<_>>()
    });
    view! {
        <p class="lead">
            "Heads, neurons, channels, layers or tokens go as a whole, and with each of them every slice of every matrix that belongs to it. Pick one and see which."
        </p>
        <div class="units-head">{kinds(app, kind)} {sweep(app)} {legend()} {found(app)}</div>
        {costs(app)}
        <div class="groups">{move || groups.get().into_iter().map(|(at, ..)| group::view(app, at)).collect_view()}</div>
    }
}

fn kinds(app: App, kind: Memo<Option<UnitKind>>) -> impl IntoView {
    let choose = move |kind: UnitKind| {
        let first = app.structure.groups.with_untracked(|groups| groups.iter().position(|group| group.kind == kind));
        app.structure.picked.set(Pick { group: first.unwrap_or(0), unit: None });
    };
    let one = move |one: UnitKind| {
        view! {
            <label>
                <input
                    type="radio"
                    name="unit-kind"
                    data-testid=format!("units-{}", one.word())
                    prop:checked=move || kind.get() == Some(one)
                    on:change=move |_| choose(one)
                />
                <span>{one.word()}</span>
            </label>
        }
    };
    view! {
        <fieldset class="segments">
            <legend class="hidden">"Kind of unit"</legend>
            {move || app.structure.kinds().into_iter().map(one).collect_view()}
        </fieldset>
    }
}

fn sweep(app: App) -> impl IntoView {
    let sweeping = Memo::new(move |_| app.busy.with(|busy| busy.contains(&Job::Sweep)));
    let turn = move |_| if sweeping.get_untracked() { app.stop_sweep() } else { app.sweep() };
    view! {
        <button
            class="tool"
            data-testid="sweep"
            title="Cuts each group by itself and measures what is left"
            disabled=move || !app.can_cut_units()
            on:click=turn
        >
            {move || if sweeping.get() { "Stop the sweep" } else { "Sweep: which group matters?" }}
        </button>
    }
}

fn found(app: App) -> impl IntoView {
    let words = move || app.facts.sweep.with(|sweep| sweep.summary(curve::dense(app)));
    view! { <p class="sub" role="status" data-testid="sweep-words">{words}</p> }
}

fn legend() -> impl IntoView {
    let cell = |class: &'static str, word| {
        let shapes = wall::sample(class);
        view! { <svg class="wall sample" viewBox="0 0 1 1" aria-hidden="true">{shapes}</svg><span>{word}</span> }
    };
    view! { <p class="legend">{cell("kept", "kept")} {cell("gone", "gone")} {cell("protected", "protected")}</p> }
}

/// What the model costs, dense and as it is left.
fn costs(app: App) -> impl IntoView {
    let dense =
        Memo::new(move |_| app.facts.loaded.with(|loaded| loaded.as_ref().map(|loaded| Costs(loaded.graph.counts()))));
    let left = Memo::new(move |_| app.structure.cut.with(|cut| cut.as_ref().map(|cut| Costs(cut.graph.counts()))));
    let row = move |name: &'static str, id: &'static str, of: fn(&Counts) -> u64| {
        let both = move || {
            let dense = of(&dense.get()?.0);
            Some((dense, left.get().map_or(dense, |left| of(&left.0))))
        };
        let share = move || both().map_or(1.0, |(dense, left)| left as f64 / dense.max(1) as f64);
        view! {
            <div class="cost" data-testid=id>
                <dt>{name}</dt>
                <dd>
                    <b>{move || both().map(|(_, left)| figures::count(left))}</b>
                    " of "
                    {move || both().map(|(dense, _)| figures::count(dense))}
                    ", "
                    {move || figures::percent(share(), 1)}
                    <span class="whole" aria-hidden="true">
                        <i style=move || format!("width: {}%", (1.0 - share()) * 100.0)></i>
                    </span>
                </dd>
            </div>
        }
    };
    view! {
        <dl class="costs">
            {row("parameters", "params-left", |counts| counts.params)}
            {row("multiply-accumulates", "macs-left", |counts| counts.macs)}
            {row("numbers held at once", "activations-left", |counts| counts.activations)}
        </dl>
    }
}

#[derive(Clone, Copy, PartialEq)]
struct Costs(Counts);
