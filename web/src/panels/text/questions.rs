//! What both models know of stories, kind by kind: who it was, which thing, one or several, grammar.

use leptos::prelude::*;
use secateur_protocol::Asked;

use crate::figures;
use crate::state::App;

pub fn view(app: App) -> impl IntoView {
    view! {
        <section class="questions">
            <button
                class="tool"
                type="button"
                title="A question is known where the story is likelier as it is than with a wrong word"
                data-testid="ask"
                disabled=move || !app.is_live()
                on:click=move |_| app.ask_questions()
            >
                "Ask it about stories"
            </button>
            {move || app.facts.asked.get().map(|(digest, items)| table(app, digest, items.to_vec()))}
        </section>
    }
}

fn table(app: App, digest: String, items: Vec<Asked>) -> impl IntoView {
    let row = |item: Asked| {
        let share = |share: f64, class| view! {
            <td>
                <meter class=class min="0" max="1" value=share></meter>
                {figures::percent(share, 0)}
            </td>
        };
        let kind = item.about.replace(' ', "-");
        view! {
            <tr data-testid=format!("known-{kind}")>
                <th scope="row">{item.about}</th>
                {share(item.dense, "dense")}
                {share(item.pruned, "pruned")}
            </tr>
        }
    };
    let count = items.first().map_or(0, |item| item.questions);
    view! {
        <table class:stale=move || !app.facts.is_fresh(&digest)>
            <caption>{format!("Known of {count} questions of each kind")}</caption>
            <thead>
                <tr>
                    <td></td>
                    <th scope="col">"dense"</th>
                    <th scope="col">"pruned"</th>
                </tr>
            </thead>
            <tbody>{items.into_iter().map(row).collect_view()}</tbody>
        </table>
    }
}
