//! Begin, pause, step, slow down, press harder, stop.

use leptos::prelude::*;

use crate::figures;
use crate::state::App;

/// The slider of the penalty goes from a hundredth to a hundred times, by its logarithm.
const PENALTY: f64 = 2.0;
/// A step takes at most so many milliseconds in slow motion.
const SLOWEST_MS: f64 = 2000.0;

pub fn view(app: App) -> impl IntoView {
    let idle = move || !app.is_learning();
    view! {
        <button
            class="tool main"
            data-testid="learn"
            disabled=move || !idle() || !app.is_live() || !app.learns()
            on:click=move |_| app.learn()
        >
            "Learn"
        </button>
        <div class="unit-buttons">{pause(app)} {single(app)} {stop(app)} {drop_it(app)}</div>
        {slow(app)}
        {penalty(app)}
        {line(app)}
        {sample(app)}
        <p class="sub">
            "Closing this tab ends the learning. Its settings are in the address bar, and the next visit offers to run it again."
        </p>
    }
}

fn pause(app: App) -> impl IntoView {
    let paused = move || app.inputs.steer.get().paused;
    view! {
        <button
            class="tool"
            data-testid="learn-pause"
            aria-pressed=move || paused().to_string()
            disabled=move || !app.is_learning()
            on:click=move |_| app.steer(|steer| steer.paused = !steer.paused)
        >
            {move || if paused() { "Go on" } else { "Pause" }}
        </button>
    }
}

fn single(app: App) -> impl IntoView {
    let one = move |_| {
        app.steer(|steer| {
            steer.paused = true;
            steer.singles += 1;
        });
    };
    view! {
        <button class="tool" data-testid="learn-single" disabled=move || !app.is_learning() on:click=one>
            "One step"
        </button>
    }
}

fn stop(app: App) -> impl IntoView {
    let possible = move || app.is_learning() && !app.inputs.steer.get().stop;
    view! {
        <button class="tool" data-testid="learn-stop" disabled=move || !possible() on:click=move |_| app.end_learning()>
            "Stop here and keep it"
        </button>
    }
}

fn drop_it(app: App) -> impl IntoView {
    view! {
        <button class="tool" data-testid="learn-drop" disabled=move || !app.is_learning() on:click=move |_| app.drop_learning()>
            "Drop it"
        </button>
    }
}

fn slow(app: App) -> impl IntoView {
    let ms = move || app.inputs.steer.get().slow_ms;
    let words = move || match ms() {
        0.0 => "as fast as it goes".to_string(),
        ms => format!("{} a step", figures::milliseconds(ms)),
    };
    view! {
        <label class="count">
            <span>"Slow motion" <output>", " {words}</output></span>
            <input
                type="range"
                min="0"
                max=SLOWEST_MS
                step="50"
                data-testid="learn-slow"
                aria-valuetext=words
                prop:value=move || ms().to_string()
                on:input:target=move |event| {
                    if let Ok(ms) = event.target().value().parse() {
                        app.steer(|steer| steer.slow_ms = ms);
                    }
                }
            />
        </label>
    }
}

fn penalty(app: App) -> impl IntoView {
    let times = move || app.inputs.steer.get().penalty;
    let words = move || format!("× {}", figures::three_digits(times()));
    view! {
        <label class="count" title="How hard the method presses on its budget; methods without a penalty do not mind">
            <span>"Penalty" <output>", " {words}</output></span>
            <input
                type="range"
                min=-PENALTY
                max=PENALTY
                step="0.1"
                data-testid="learn-penalty"
                aria-valuetext=words
                prop:value=move || times().log10().to_string()
                on:input:target=move |event| {
                    if let Ok(power) = event.target().value().parse::<f64>() {
                        app.steer(|steer| steer.penalty = 10f64.powf(power));
                    }
                }
            />
        </label>
    }
}

/// The line that ends the learning; it can be drawn on the curve as well.
fn line(app: App) -> impl IntoView {
    let line = app.inputs.line;
    let typed = move |text: String| match text.trim().parse::<f64>() {
        Ok(number) if number.is_finite() => line.set(Some(number)),
        _ if text.trim().is_empty() => line.set(None),
        _ => app.error.set(Some(format!("line = {text}: wanted a number, or nothing for no line."))),
    };
    view! {
        <label class="count">
            <span>"Stop and keep it when the loss has risen above"</span>
            <input
                type="number"
                step="any"
                placeholder="no line; draw one on the curve"
                data-testid="learn-line"
                prop:value=move || line.get().map_or_else(String::new, |line| format!("{line:.4}"))
                on:change:target=move |event| typed(event.target().value())
            />
        </label>
    }
}

/// Whether the model is asked meanwhile, as the next learning begins or in the middle of this one.
fn sample(app: App) -> impl IntoView {
    let shown = move || app.inputs.steer.with(|steer| steer.sample.is_some());
    view! {
        <label class="choice" title="Takes up to a fifth of the time; what is learnt stays the same">
            <input
                type="checkbox"
                data-testid="learn-sample"
                prop:checked=shown
                on:change:target=move |event| app.show_trials(event.target().checked())
            />
            <span>"Show what it answers meanwhile"</span>
        </label>
    }
}
