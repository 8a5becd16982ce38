//! Name, engine status, device, theme.

use leptos::prelude::*;

use super::export;
use crate::share;
use crate::state::{App, Engine};
use crate::theme::Theme;
use crate::{icons, links};

pub fn view(app: App) -> impl IntoView {
    view! {
        <header class="masthead">
            <a class="brand" href="./" aria-label="Secateur, start again">{icons::mark()}<span>"Secateur"</span></a>
            <p class="tagline">"Cut a neural network and see what it still knows."</p>
            {status(app)}
            <div class="tools">
                {device(app)}
                <button class="tool" data-testid="share" on:click=move |_| links::copy(app)>
                    {icons::link()}<span>"Copy link"</span>
                </button>
                {export::view(app)}
                {theme(app)}
            </div>
            <p class="notice" role="status" data-testid="notice">{move || app.notice.get()}</p>
        </header>
    }
}

fn status(app: App) -> impl IntoView {
    let phase = move || match app.engine.get() {
        Engine::Starting => "starting",
        Engine::Ready => "ready",
        Engine::Down(_) => "down",
    };
    let recorded = move || app.facts.recorded.get();
    let adapter =
        move || app.facts.ready.with(|ready| ready.as_ref().map(|r| (r.adapter.name.clone(), r.adapter.why.clone())));
    let words = move || match app.engine.get() {
        Engine::Starting if !recorded() => "The engine is starting again".to_string(),
        Engine::Starting => "A recorded run, until the engine is here".into(),
        Engine::Ready if recorded() => "A recorded run; the engine is opening the model".into(),
        Engine::Ready => adapter().map_or_else(String::new, |(name, _)| format!("Live on {name}")),
        Engine::Down(why) => why,
    };
    let why = move || if app.engine.get() == Engine::Ready { adapter().map(|(_, why)| why) } else { None };
    view! {
        <div class="status" role="status" data-testid="status" data-phase=phase>
            <span class="lamp" aria-hidden="true"></span>
            <p>
                <span data-testid="adapter">{words}</span>
                {move || why().map(|why| view! { <small>{why}</small> })}
            </p>
            {move || recorded().then(|| view! { <span hidden data-testid="recorded"></span> })}
            {move || app.is_live().then(|| view! { <span hidden data-testid="engine-ready"></span> })}
        </div>
    }
}

fn device(app: App) -> impl IntoView {
    let label = |word: &str| match word {
        "gpu" => "GPU",
        "cpu" => "CPU",
        _ => "Auto",
    };
    let changed = move |word: String| {
        if let Some(device) = share::device_of(&word) {
            app.use_device(device);
        }
    };
    view! {
        <label class="select">
            <span class="hidden">"Compute on"</span>
            <select
                data-testid="device"
                title="Where the engine computes"
                on:change:target=move |event| changed(event.target().value())
            >
                {share::DEVICES
                    .map(|(device, word)| {
                        let chosen = move || app.inputs.device.get() == device;
                        view! { <option value=word prop:selected=chosen>{label(word)}</option> }
                    })
                    .to_vec()}
            </select>
        </label>
    }
}

fn theme(app: App) -> impl IntoView {
    let turn = move |_| app.inputs.theme.set(if app.dark.get_untracked() { Theme::Light } else { Theme::Dark });
    let label = move || if app.dark.get() { "Switch to light" } else { "Switch to dark" };
    view! {
        <button class="tool round" data-testid="theme" aria-label=label title=label on:click=turn>
            {icons::half_moon()}
        </button>
    }
}
