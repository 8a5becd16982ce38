//! All methods, filed: grouped by an axis, narrowed by words and a search, two of them side by side, each with a demo. Groups
//! are folded, for a method stands in each that it belongs to.

use leptos::prelude::*;
use secateur_protocol::{AXES, Card, spelled_out};

use crate::gallery;
use crate::state::App;

mod beside;
mod card;

pub fn view(app: App) -> impl IntoView {
    let cards = Memo::new(move |_| app.facts.ready.with(|r| r.as_ref().map_or_else(Vec::new, |r| r.methods.clone())));
    let browse = app.inputs.browse;
    let axis = Memo::new(move |_| browse.with(|browse| browse.axis));
    let fitting = Memo::new(move |_| {
        browse.with(|browse| cards.with(|cards| cards.iter().map(|card| browse.fits(card)).collect::<Vec<_>>()))
    });
    let sections = move || {
        let all = cards.get();
        let filed = gallery::groups(&all, axis.get()).into_iter().enumerate();
        filed.map(|(at, (word, members))| group(app, &all, word, members, (at == 0, fitting))).collect_view()
    };
    view! {
        <p class="lead">
            "Every method here, filed as a survey of the field files them. Try one: its demo opens a small model and cuts it with small settings."
        </p>
        <div class="gallery-head">{axes(app, axis)} {search(app)} {found(fitting)}</div>
        {words(app, cards, axis)}
        {beside::view(app, cards)}
        {sections}
    }
}

fn axes(app: App, axis: Memo<usize>) -> impl IntoView {
    let option = move |(at, name): (usize, &'static str)| {
        view! { <option value=at prop:selected=move || axis.get() == at>{name}</option> }
    };
    let choose = move |value: String| {
        if let Some(at) = value.parse().ok().filter(|at| *at < AXES.len()) {
            app.inputs.browse.update(|browse| browse.axis = at);
        }
    };
    view! {
        <label>
            <span>"Group by"</span>
            <select data-testid="gallery-axis" on:change:target=move |event| choose(event.target().value())>
                {AXES.iter().map(|axis| axis.name).enumerate().map(option).collect_view()}
            </select>
        </label>
    }
}

fn search(app: App) -> impl IntoView {
    let browse = app.inputs.browse;
    view! {
        <label>
            <span>"Search"</span>
            <input
                type="text"
                spellcheck="false"
                placeholder="name, author, year, word"
                data-testid="gallery-search"
                prop:value=move || browse.with(|browse| browse.search.clone())
                on:input:target=move |event| browse.update(|browse| browse.search = event.target().value())
            />
        </label>
    }
}

fn found(fitting: Memo<Vec<bool>>) -> impl IntoView {
    let words = move || fitting.with(|all| format!("{} of {} methods", all.iter().filter(|fits| **fits).count(), all.len()));
    view! { <p class="sub" role="status" data-testid="gallery-found">{words}</p> }
}

/// The words to narrow by: those of the axis in sight, and those of others that were chosen.
fn words(app: App, cards: Memo<Vec<Card>>, axis: Memo<usize>) -> impl IntoView {
    let chips = move || {
        let chosen = app.inputs.browse.with(|browse| browse.words.clone());
        let here = axis.get();
        let others = chosen.iter().filter(|(at, _)| *at != here).map(|(at, word)| (*at, word.clone()));
        let mine = cards.with(|cards| gallery::groups(cards, here)).into_iter().map(|(word, _)| (here, word.to_string()));
        mine.chain(others).map(|(at, word)| chip(app, at, word)).collect_view()
    };
    view! {
        <fieldset class="chips">
            <legend>"Only those with one of these words; more words stand on each card"</legend>
            {chips}
        </fieldset>
    }
}

/// A word that narrows the gallery while it is pressed.
fn chip(app: App, axis: usize, word: String) -> impl IntoView {
    let browse = app.inputs.browse;
    let (shown, pressed, long) = (word.clone(), (axis, word.clone()), spelled_out(&word));
    view! {
        <label class="chip">
            <input
                type="checkbox"
                data-testid=format!("word-{axis}-{word}")
                prop:checked=move || browse.with(|browse| browse.words.contains(&pressed))
                on:change=move |_| browse.update(|browse| browse.turn(axis, &word))
            />
            <span>{shown} {long.map(|long| view! { <small>" " {long}</small> })}</span>
        </label>
    }
}

/// The cards that share a word. The first group is open at first; what is looked for opens those where it is.
fn group(
    app: App,
    cards: &[Card],
    word: &'static str,
    members: Vec<usize>,
    (is_first, fitting): (bool, Memo<Vec<bool>>),
) -> impl IntoView + use<> {
    let fits = move |at: usize| fitting.with(|all| all.get(at) != Some(&false));
    let one = |at: &usize| {
        let at = *at;
        card::view(app, cards[at].clone(), Memo::new(move |_| !fits(at)))
    };
    let shown = members.iter().map(one).collect_view();
    let (id, count) = (format!("gallery-{word}"), members.len());
    let open = Memo::new(move |_| match app.inputs.browse.with(gallery::Browse::is_narrowed) {
        true => members.iter().any(|at| fits(*at)),
        false => is_first,
    });
    view! {
        <section aria-labelledby=id.clone()>
            <details class="gallery-group" prop:open=move || open.get()>
                <summary>
                    <h3 id=id.clone()>{word} {spelled_out(word).map(|long| format!(": {long}"))} <small>" " {count}</small></h3>
                </summary>
                <ul class="gallery-cards">{shown}</ul>
            </details>
        </section>
    }
}
