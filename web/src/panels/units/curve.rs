//! What a sweep found about one group: the metric over the share of its units that is gone.

use leptos::prelude::*;

use crate::sensitivity::{HEIGHT, WIDTH};
use crate::state::App;
use crate::structure::Pick;

/// Nothing before the first point of a sweep; then a curve that picks its group.
pub fn view(app: App, at: usize) -> impl IntoView {
    let swept = Memo::new(move |_| app.facts.sweep.with(|sweep| !sweep.is_empty()));
    let curve = Memo::new(move |_| app.facts.sweep.with(|sweep| sweep.curve(at, dense(app))));
    let line = move || {
        let places: Vec<String> = curve.get().iter().map(|(x, y)| format!("{x:.1},{y:.1}")).collect();
        places.join(" ")
    };
    let dots = move || {
        let dot = |(x, y)| view! { <circle cx=x cy=y r="2.5" /> };
        curve.get().into_iter().map(dot).collect_view()
    };
    let level = move || curve.with(|curve| curve.first().map(|(_, y)| *y));
    let words = move || app.facts.sweep.with(|sweep| sweep.words(at)).unwrap_or_else(|| "not measured yet".into());
    view! {
        <Show when=move || swept.get()>
            <button
                class="curve"
                data-testid=format!("curve-{at}")
                data-points=move || app.facts.sweep.with(|sweep| sweep.of(at).count())
                aria-label=words
                title=words
                on:click=move |_| app.structure.picked.set(Pick { group: at, unit: None })
            >
                <svg viewBox=format!("0 0 {WIDTH} {HEIGHT}") aria-hidden="true">
                    {move || level().map(|y| view! { <line x1="0" x2=WIDTH y1=y y2=y /> })}
                    <polyline points=line />
                    {dots}
                </svg>
            </button>
        </Show>
    }
}

/// The dense model's metric, where it has been measured.
pub fn dense(app: App) -> Option<f64> {
    app.facts
        .report
        .with(|report| report.as_ref().map(|report| report.metric_dense))
        .filter(|metric| metric.is_finite())
}
