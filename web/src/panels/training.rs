//! A method that learns, while it does: its numbers as curves, its gates as walls, and every way to hold it back or end it.

use leptos::prelude::*;

use crate::figures;
use crate::state::App;

mod controls;
mod curves;
mod gates;
mod trial;

pub fn view(app: App) -> impl IntoView {
    view! {
        {offer(app)}
        <div class="studio">
            <div class="wish">
                <p class="lead" data-testid="training-lead">{move || lead(app)}</p>
                {controls::view(app)}
            </div>
            <div class="outcome">
                <p class="sub" role="status" data-testid="training-words">{move || words(app)}</p>
                {curves::view(app)}
                {trial::view(app)}
                {gates::view(app)}
            </div>
        </div>
    }
}

/// A training that an earlier visit did not see the end of.
fn offer(app: App) -> impl IntoView {
    let sentence = move || {
        app.unfinished.get().map(|left| {
            let far = match left.steps {
                0 => String::new(),
                steps => format!(" at step {} of {}", figures::count(left.step), figures::count(steps)),
            };
            format!("{} was learning{far} when its page was closed or its engine stopped. Its settings are kept.", left.method)
        })
    };
    view! {
        <Show when=move || app.unfinished.with(Option::is_some)>
            <div class="offer" data-testid="unfinished">
                <p>{sentence}</p>
                <button class="tool" data-testid="learn-again" disabled=move || !app.is_live() on:click=move |_| app.learn_again()>
                    "Run it again"
                </button>
                <button class="tool" data-testid="learn-forget" on:click=move |_| app.forget_unfinished()>"Forget it"</button>
            </div>
        </Show>
    }
}

/// What learning means for the chosen method.
fn lead(app: App) -> String {
    let name = app.card.with(|card| card.as_ref().map_or(String::new(), |card| card.name.to_string()));
    if !app.learns() {
        return "Another method is chosen now; what was learnt is a step of the history.".into();
    }
    format!("{name} learns what to cut. It starts when you say so, and what it has learnt is a step like any other: compare it, export it, undo it.")
}

/// `Step 120 of 400, 8.2 steps a second, about 34 s left.`
fn words(app: App) -> String {
    let steer = app.inputs.steer.get();
    app.facts.training.with(|training| {
        let learning = app.is_learning();
        if !training.has_begun() {
            return if learning { "Getting ready.".into() } else { "Curves and gates will stand here.".to_string() };
        }
        let round = if training.round > 1 { format!("Round {}, step", training.round) } else { "Step".into() };
        let far = format!("{round} {} of {}", figures::count(training.step), figures::count(training.steps));
        match (learning, steer.stop, steer.paused) {
            (false, ..) => format!("{far}: ended."),
            (true, true, _) => format!("{far}: ending, and keeping what is learnt."),
            (true, _, true) => format!("{far}: paused."),
            (true, ..) => {
                let left = training.seconds_left().map(|seconds| format!(", about {} left", duration(seconds)));
                format!("{far}, {} steps a second{}.", figures::three_digits(training.rate), left.unwrap_or_default())
            }
        }
    })
}

/// `34 s`, `5 min`.
fn duration(seconds: f64) -> String {
    match seconds {
        s if s < 90.0 => format!("{:.0} s", s.max(1.0)),
        s if s < 5400.0 => format!("{:.0} min", s / 60.0),
        s => format!("{:.1} h", s / 3600.0),
    }
}

#[cfg(test)]
mod tests {
    use super::duration;

    #[test]
    fn durations_are_short() {
        assert_eq!([0.2, 34.4, 300.0, 9000.0].map(duration), ["1 s", "34 s", "5 min", "2.5 h"]);
    }
}
