//! A wall of gates for each group: open ones plain, closed ones striped, and all in between as far as they are.

use leptos::prelude::*;

use crate::state::App;
use crate::training::Gates;
use crate::{picture, wall};

pub fn view(app: App) -> impl IntoView {
    let rows = Memo::new(move |_| {
        app.facts.training.with(|training| training.gates.iter().map(|row| (row.group, row.units)).collect::<Vec<_>>())
    });
    view! {
        <div class="gates" data-testid="gates">
            {move || rows.get().into_iter().enumerate().map(|(at, (group, units))| row(app, at, group, units)).collect_view()}
        </div>
    }
}

fn row(app: App, at: usize, group: u32, units: usize) -> impl IntoView {
    let name = app.structure.groups.with_untracked(|groups| {
        groups.get(group as usize).map_or_else(|| format!("group {group}"), |group| group.name())
    });
    let open = Memo::new(move |_| of(app, at, |row| row.open).unwrap_or(0));
    let cells = Memo::new(move |_| picture::Same(of(app, at, |row| row.cells.clone())));
    let spoken = {
        let name = name.clone();
        move || format!("{name}: {} of {units} gates open", open.get())
    };
    let columns = wall::columns(units);
    let rows = units.div_ceil(columns).max(1);
    let sizes = format!("--columns: {columns}; --rows: {rows}; --missing: {}", rows * columns - units);
    view! {
        <div class="gate-row" data-testid=format!("gates-{group}") data-open=open>
            <h3>{name} <small>{move || format!(" {} of {units} open", open.get())}</small></h3>
            <div class="gate-wall" style=sizes>
                {picture::gates(app, cells, spoken)}
            </div>
        </div>
    }
}

fn of<T>(app: App, at: usize, read: impl FnOnce(&Gates) -> T) -> Option<T> {
    app.facts.training.with(|training| training.gates.get(at).map(read))
}
