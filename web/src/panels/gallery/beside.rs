//! Two cards side by side, and where they are filed differently.

use leptos::prelude::*;
use secateur_protocol::{AXES, Card};

use crate::panels::about;
use crate::state::App;

pub fn view(app: App, cards: Memo<Vec<Card>>) -> impl IntoView {
    let chosen = Memo::new(move |_| {
        let ids = app.inputs.browse.with(|browse| browse.beside.clone());
        let card = |id: &String| cards.with(|cards| cards.iter().find(|card| card.id == *id).cloned());
        ids.iter().filter_map(card).collect::<Vec<_>>()
    });
    move || {
        match &chosen.get()[..] {
        [] => ().into_any(),
        [one] => view! { <p class="missing">{format!("{} waits for a second card: press Beside on another one.", one.name)}</p> }.into_any(),
        [a, b, ..] => table(app, a, b).into_any(),
    }
    }
}

fn table(app: App, a: &Card, b: &Card) -> impl IntoView + use<> {
    let rows = [
        ("In a sentence", [a, b].map(|card| card.sentence.to_string())),
        ("When", [a, b].map(|card| card.when.to_string())),
        ("Needs", [a, b].map(about::needs)),
        ("Formula", [a, b].map(|card| card.formula.to_string())),
        ("Paper and code", [a, b].map(|card| card.differs.to_string())),
    ];
    let words = [a, b].map(|card| card.filing.words().map(|words| words.join(", ")));
    let filed = AXES.iter().enumerate().map(|(at, axis)| (axis.name, words.each_ref().map(|words| words[at].clone())));
    let alike = filed.clone().filter(|(_, [a, b])| a == b).count();
    let caption = format!("{} and {}: filed alike on {alike} of {} axes", a.name, b.name, AXES.len());
    view! {
        <div class="beside">
            <table data-testid="beside">
                <caption>{caption}</caption>
                <thead>
                    <tr><td></td><th scope="col">{a.name.to_string()}</th><th scope="col">{b.name.to_string()}</th></tr>
                </thead>
                <tbody>{rows.into_iter().map(row).collect_view()}</tbody>
                <tbody class="filed">{filed.map(row).collect_view()}</tbody>
            </table>
            <button class="quiet" data-testid="beside-clear" on:click=move |_| app.inputs.browse.update(|browse| browse.beside.clear())>
                "Put both back"
            </button>
        </div>
    }
}

fn row((name, [a, b]): (&'static str, [String; 2])) -> impl IntoView {
    let differs = a != b;
    view! {
        <tr class:differs=differs>
            <th scope="row">{name} {differs.then(|| view! { <span class="hidden">", they differ"</span> })}</th>
            <td>{a}</td>
            <td>{b}</td>
        </tr>
    }
}
