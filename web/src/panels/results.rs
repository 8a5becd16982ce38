//! Quality against size: of the cuts that were made on this page, or of a sweep's results.

use leptos::prelude::*;

use crate::figures;
use crate::results::{self, Chart, Run};
use crate::state::App;

mod plot;
mod table;

pub fn view(app: App) -> impl IntoView {
    let file = move || app.results.with(|file| file.as_ref().map(|file| file.name.clone()));
    let runs = Memo::new(move |_| match app.results.get() {
        Some(file) => file.runs,
        None => app.facts.runs.get(),
    });
    let charts = Memo::new(move |_| runs.with(|runs| results::charts(runs)));
    let close = move |_| app.results.set(None);
    view! {
        <p class="lead">
            "Every cut that was measured on this page, and what it cost. Or drop the results.jsonl of a secateur sweep: it is read here and stays on this machine."
        </p>
        <div class="gallery-head">
            <p class="sub" role="status" data-testid="results-words">{move || words(app, &runs.get())}</p>
            <Show when=move || file().is_some()>
                <button class="tool" data-testid="results-close" on:click=close>"Back to this page's cuts"</button>
            </Show>
        </div>
        {move || charts.get().iter().map(chart).collect_view()}
    }
}

fn words(app: App, runs: &[Run]) -> String {
    let plural = if runs.len() == 1 { "" } else { "s" };
    let count = figures::count(runs.len() as u64);
    match app.results.get() {
        None => format!("{count} cut{plural} measured here so far."),
        Some(file) => {
            let failed = match file.failed {
                0 => String::new(),
                failed => format!(", {failed} failed and left out"),
            };
            format!("{}: {count} run{plural}{failed}.", file.name)
        }
    }
}

fn chart(chart: &Chart) -> impl IntoView + use<> {
    let title = format!("{} of {}", chart.metric, figures::model_name(&chart.model));
    let testid = format!("results-{}-{}", figures::model_name(&chart.model), chart.metric);
    view! {
        <section class="result" data-testid=testid>
            <h3>{title}</h3>
            {plot::view(chart)}
            {table::view(chart)}
        </section>
    }
}
