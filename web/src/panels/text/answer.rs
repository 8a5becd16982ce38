//! What both models wrote, token by token, coloured by what the cut did to each.

use leptos::prelude::*;
use secateur_protocol::{Token, Written};
use web_sys::KeyboardEvent;

use crate::figures;
use crate::state::App;
use crate::tokens::{self, Change};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    Prompt,
    Dense,
    Pruned,
}

/// A token on screen.
type Place = (Part, usize);

impl Part {
    fn word(self) -> &'static str {
        match self {
            Self::Prompt => "prompt",
            Self::Dense => "dense",
            Self::Pruned => "pruned",
        }
    }

    fn of(self, written: &Written) -> &[Token] {
        match self {
            Self::Prompt => &written.prompt,
            Self::Dense => &written.dense,
            Self::Pruned => &written.pruned,
        }
    }
}

pub fn view(app: App) -> impl IntoView {
    let picked = RwSignal::new(None::<Place>);
    let there = move || app.facts.written.with(Option::is_some);
    let empty = || view! { <p class="missing">"Both models will go on with it here, side by side."</p> };
    let side = move |part: Part| {
        view! { <div class="side"><h3 class=part.word()>{part.word()}</h3>{passage(app, part, picked)}</div> }
    };
    view! {
        <Show when=there fallback=empty>
            <div class="written" class:stale=move || !is_fresh(app)>
                {legend()}
                {passage(app, Part::Prompt, picked)}
                <div class="sides">{side(Part::Dense)} {side(Part::Pruned)}</div>
                <p class="token-readout" role="status" data-testid="token-readout">{move || readout(app, picked.get())}</p>
                {summary(app)}
            </div>
        </Show>
        <p class="hidden" aria-live="polite">{move || spoken(app)}</p>
    }
}

/// What the answer says, and none without one.
fn told<T>(app: App, say: impl Fn(&Written) -> T) -> Option<T> {
    app.facts.written.with(|written| written.as_ref().map(|(_, written)| say(written)))
}

fn is_fresh(app: App) -> bool {
    app.facts.written.with(|written| written.as_ref().is_some_and(|(digest, _)| app.facts.is_fresh(digest)))
}

/// Both texts, for who hears the page.
fn spoken(app: App) -> Option<String> {
    let said = |w: &Written| {
        let (dense, pruned) = (tokens::text(&w.dense), tokens::text(&w.pruned));
        format!("Dense goes on: {dense}. Pruned goes on: {pruned}. {}", tokens::parting_words(w))
    };
    told(app, said).filter(|_| is_fresh(app))
}

fn legend() -> impl IntoView {
    let mark = |sign: &'static str, change: fn(usize) -> Change| {
        move |strength: usize| {
            let class = format!("token {}", change(strength).class());
            view! { <span class=class>{format!("{sign}{}", tokens::FACTORS[strength - 1])}</span> }
        }
    };
    view! {
        <p class="legend">
            <span>"less likely when pruned"</span>
            {[3, 2, 1].into_iter().map(mark("÷", Change::Less)).collect_view()}
            {[1, 2, 3].into_iter().map(mark("×", Change::More)).collect_view()}
            <span>"more likely"</span>
        </p>
    }
}

/// One text; arrow keys walk from token to token.
fn passage(app: App, part: Part, picked: RwSignal<Option<Place>>) -> impl IntoView {
    let all = Memo::new(move |_| told(app, |written| part.of(written).to_vec()).unwrap_or_default());
    let parting = Memo::new(move |_| told(app, tokens::parting).flatten().filter(|_| part != Part::Prompt));
    let keyed = move |event: KeyboardEvent| walk(&event, part, all.with_untracked(Vec::len), picked);
    let spoken = format!("{}; arrow keys walk through its tokens", part.word());
    let tokens = move || {
        let parting = parting.get();
        let shown = all.get().into_iter().enumerate();
        let marked = shown.map(|(at, token)| (parting == Some(at), word(&token, (part, at), picked)));
        marked.map(|(parts, word)| view! { {parts.then(mark_parting)} {word} }).collect_view()
    };
    view! {
        <div
            class=format!("passage {}", part.word())
            role="group"
            tabindex="0"
            aria-label=spoken
            data-testid=format!("written-{}", part.word())
            on:keydown=keyed
        >
            {tokens}
        </div>
    }
}

fn mark_parting() -> impl IntoView {
    view! { <i class="parting" role="img" aria-label="here the texts part" title="Here the texts part"></i> }
}

fn word(token: &Token, place: Place, picked: RwSignal<Option<Place>>) -> impl IntoView + use<> {
    view! {
        <span
            class=format!("token {}", Change::of(token).class())
            class:picked=move || picked.get() == Some(place)
            title=tokens::sentence(token)
            data-token=token.id
            on:click=move |_| picked.set(Some(place))
        >
            {tokens::shown(token)}
        </span>
    }
}

fn walk(event: &KeyboardEvent, part: Part, count: usize, picked: RwSignal<Option<Place>>) {
    let here = picked.get_untracked().filter(|(of, _)| *of == part).map(|(_, at)| at);
    let last = count.saturating_sub(1);
    let to = match (event.key().as_str(), here) {
        ("ArrowRight" | "ArrowDown", Some(at)) => (at + 1).min(last),
        ("ArrowLeft" | "ArrowUp", Some(at)) => at.saturating_sub(1),
        ("ArrowRight" | "ArrowDown" | "ArrowLeft" | "ArrowUp", None) | ("Home", _) => 0,
        ("End", _) => last,
        _ => return,
    };
    event.prevent_default();
    picked.set(Some((part, to)));
}

fn readout(app: App, picked: Option<Place>) -> String {
    let sentence = picked.and_then(|(part, at)| told(app, |written| part.of(written).get(at).map(tokens::sentence)));
    let hint = "Point at a token, tap it or walk with the arrow keys to see how likely each model finds it.";
    sentence.flatten().unwrap_or_else(|| hint.into())
}

fn summary(app: App) -> impl IntoView {
    let speed = |written: &Written| {
        let rate = figures::three_digits(written.tokens_per_second);
        format!("{rate} tokens a second, dense, on {}.", written.device)
    };
    let note = |words: String| view! { <li data-testid="writing-notes">{words}</li> };
    view! {
        <ul class="summary">
            <li data-testid="parting">{move || told(app, tokens::parting_words)}</li>
            <li data-testid="likelihood">{move || told(app, tokens::likelihood_words)}</li>
            {move || told(app, |written| written.notes.join(" ")).filter(|notes| !notes.is_empty()).map(note)}
            <li data-testid="speed">{move || told(app, speed)}</li>
        </ul>
    }
}
