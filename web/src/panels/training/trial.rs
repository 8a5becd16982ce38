//! What the model answers as it stands in the middle of learning, beside the dense one.

use std::sync::Arc;

use leptos::prelude::*;
use secateur_protocol::{Token, Written};

use crate::drawings::Drawings;
use crate::facts::Digits;
use crate::panels::digits::{best, knows_digits, verdict};
use crate::picture::{digit_canvas, raster};
use crate::state::App;
use crate::tokens::{self, Change};
use crate::training::Trial;

pub fn view(app: App) -> impl IntoView {
    let trial = Memo::new(move |_| app.facts.training.with(|training| training.trial.clone()));
    let title = move || if app.is_learning() { "What it answers now" } else { "What it answered last" };
    let shown = move || {
        trial.get().map(|trial| match trial {
            Trial::Text(written) => texts(&written).into_any(),
            Trial::Digits(digits) => seen(app, &digits).into_any(),
            Trial::Pictures(drawn) => pictures(&drawn).into_any(),
        })
    };
    view! {
        <Show when=move || trial.with(Option::is_some)>
            <section class="trial" data-testid="trial">
                <h3>{title}</h3>
                {shown}
            </section>
        </Show>
    }
}

fn texts(written: &Written) -> impl IntoView + use<> {
    let word = |token: &Token| {
        let class = format!("token {}", Change::of(token).class());
        view! { <span class=class title=tokens::sentence(token)>{tokens::shown(token)}</span> }
    };
    let side = |model: &'static str, text: &[Token]| {
        let prompt = tokens::text(&written.prompt);
        let text = text.iter().map(word).collect_view();
        view! {
            <div class="side">
                <h3 class=model>{model}</h3>
                <p class="passage" data-testid=format!("trial-{model}")><span class="prompt">{prompt}</span>{text}</p>
            </div>
        }
    };
    view! { <div class="sides">{side("dense", &written.dense)} {side("pruned", &written.pruned)}</div> }
}

fn seen(app: App, digits: &Digits) -> impl IntoView + use<> {
    let knows = untrack(|| knows_digits(app));
    let card = |(at, item): (usize, &secateur_protocol::Prediction)| {
        let (dense, pruned) = (best(&item.dense)?, best(&item.pruned)?);
        let truth = item.test.filter(|_| knows).map_or(dense.0, |(_, class)| usize::from(class));
        let judged = move |(class, sure): (usize, f32)| Some((app.class_name(class), sure, class == truth));
        let image = digits.picture(at);
        Some(view! {
            <div class="card" data-wrong=(pruned.0 != truth).then_some("pruned")>
                {digit_canvas(app, move || image.clone())}
                {verdict("dense", move || judged(dense))}
                {verdict("pruned", move || judged(pruned))}
            </div>
        })
    };
    view! { <div class="grid" data-testid="trial-digits">{digits.items.iter().enumerate().map(card).collect_view()}</div> }
}

fn pictures(drawn: &Arc<Drawings>) -> impl IntoView + use<> {
    let side = |model: &'static str, pruned: bool| {
        let picture = |index: usize| {
            let drawn = drawn.clone();
            raster(move || format!("{model} picture {}", index + 1), move || drawn.picture(0, pruned, index))
        };
        view! {
            <div class="side">
                <h3 class=model>{model}</h3>
                <div class="pictures" data-testid=format!("trial-{model}")>
                    {(0..drawn.sizes.count).map(picture).collect_view()}
                </div>
            </div>
        }
    };
    view! { <div class="sides">{side("dense", false)} {side("pruned", true)}</div> }
}
