//! The chosen method: where it comes from, what it computes, where its authors' code differs.

use leptos::prelude::*;
use secateur_protocol::Card;

use crate::state::App;

pub fn view(app: App) -> impl IntoView {
    view! {
        <div data-testid="about">
            {move || match app.card.get() {
                Some(card) => about(card).into_any(),
                None => view! { <p>"The engine has not named its methods yet."</p> }.into_any(),
            }}
        </div>
    }
}

fn about(card: Card) -> impl IntoView {
    view! {
        <p class="lead"><b>{card.name.to_string()}</b> ". " {card.sentence.to_string()}</p>
        {details(card)}
    }
}

/// `samples, training`, or what is there anyway.
pub fn needs(card: &Card) -> String {
    let needs: Vec<&str> = card.needs.iter().map(|need| need.told()).collect();
    if needs.is_empty() { "only the weights".into() } else { needs.join(", ") }
}

/// When to use it, what it needs and computes, where it comes from.
pub fn details(card: Card) -> impl IntoView {
    let needs = needs(&card);
    let Card { paper, authors, year, arxiv, formula, differs, when, .. } = card;
    let source = if arxiv.is_empty() {
        view! { <cite>{paper.to_string()}</cite> }.into_any()
    } else {
        let url = format!("https://arxiv.org/abs/{arxiv}");
        view! { <cite><a href=url rel="noreferrer external" target="_blank">{paper.to_string()}</a></cite> }.into_any()
    };
    view! {
        <p>{when.to_string()}</p>
        <p class="source">"Needs " {needs} "."</p>
        <p class="formula"><code>{formula.to_string()}</code></p>
        <p class="source">{authors.to_string()} ", " {year} ". " {source}</p>
        {(!differs.is_empty()).then(|| view! { <p class="differs"><b>"Where code and paper differ. "</b> {differs.to_string()}</p> })}
    }
}
