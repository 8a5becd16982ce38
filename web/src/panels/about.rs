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
    let Card { name, paper, authors, year, arxiv, formula, differs, sentence, when, needs, .. } = card;
    let needs: Vec<&str> = needs.iter().map(|need| need.told()).collect();
    let needs_told = if needs.is_empty() { "only the weights".into() } else { needs.join(", ") };
    let source = if arxiv.is_empty() {
        view! { <cite>{paper.to_string()}</cite> }.into_any()
    } else {
        let url = format!("https://arxiv.org/abs/{arxiv}");
        view! { <cite><a href=url rel="noreferrer external" target="_blank">{paper.to_string()}</a></cite> }.into_any()
    };
    view! {
        <p class="lead"><b>{name.to_string()}</b> ". " {sentence.to_string()}</p>
        <p>{when.to_string()}</p>
        <p class="source">"Needs " {needs_told} "."</p>
        <p class="formula"><code>{formula.to_string()}</code></p>
        <p class="source">{authors.to_string()} ", " {year} ". " {source}</p>
        {(!differs.is_empty()).then(|| view! { <p class="differs"><b>"Where code and paper differ. "</b> {differs.to_string()}</p> })}
    }
}
