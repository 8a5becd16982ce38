//! Where two cuts disagree: another method, another seed, or the same method on other samples; layer by layer.

use leptos::prelude::*;
use secateur_protocol::{Need, Value};

use crate::conductor::Other;
use crate::contrast;
use crate::fields::{self, NumberField};
use crate::figures;
use crate::lanes::Job;
use crate::plan;
use crate::state::App;
use crate::wishes::{Range, SEED};

mod layers;

/// What the other cut differs in.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Mode {
    Method,
    Seed,
    Samples,
}

const MODES: [(Mode, &str, &str); 3] =
    [(Mode::Method, "method", "another method"), (Mode::Seed, "seed", "another seed"), (Mode::Samples, "samples", "other samples")];

/// What is on this panel's controls.
#[derive(Clone, Copy)]
struct Form {
    mode: RwSignal<Mode>,
    method: RwSignal<String>,
    seed: RwSignal<u64>,
    count: RwSignal<u64>,
    text: RwSignal<String>,
    /// The layer that is looked at; none: the one in which the two overlap least.
    layer: RwSignal<Option<u32>>,
}

pub fn view(app: App) -> impl IntoView {
    let form = Form {
        mode: RwSignal::new(Mode::Method),
        method: RwSignal::new("magnitude".into()),
        seed: RwSignal::new(1),
        count: RwSignal::new(16),
        text: RwSignal::new(String::new()),
        layer: RwSignal::new(None),
    };
    view! {
        <div class="studio">
            {controls(app, form)}
            <div class="outcome">
                <p class="lead" role="status" data-testid="contrast-words">{move || sentence(app)}</p>
                {layers::view(app, form.layer)}
            </div>
        </div>
    }
}

fn controls(app: App, form: Form) -> impl IntoView {
    let Form { mode, method, seed, count, text, layer } = form;
    let cutting = move || app.busy.with(|busy| busy.contains(&Job::Contrast));
    let asked = move || match mode.get_untracked() {
        Mode::Method => Other::Method(method.get_untracked()),
        Mode::Seed => Other::Seed(seed.get_untracked()),
        Mode::Samples => Other::Samples { count: count.get_untracked(), text: text.get_untracked() },
    };
    let submit = move || {
        layer.set(None);
        app.contrast(asked());
    };
    view! {
        <form
            class="wish"
            on:submit=move |event| {
                event.prevent_default();
                submit();
            }
        >
            <p>"The cut on the controls beside another one of the same size. Which weights change sides?"</p>
            {modes(mode)}
            {move || match mode.get() {
                Mode::Method => methods(app, method).into_any(),
                Mode::Seed => number(app, "Seed of the other cut", "contrast-number", SEED, seed).into_any(),
                Mode::Samples => samples(app, count, text).into_any(),
            }}
            <button class="tool main" type="submit" data-testid="contrast" disabled=move || !app.is_live() || cutting() || why_not(app, mode.get()).is_some()>
                {move || if cutting() { "Cutting twice" } else { "Cut twice" }}
            </button>
            <p class="sub" data-testid="contrast-why">{move || why_not(app, mode.get())}</p>
        </form>
    }
}

/// Why the method on the controls cannot be held beside another cut.
fn why_not(app: App, mode: Mode) -> Option<&'static str> {
    let needs = |need| app.card.with(|card| card.as_ref().is_some_and(|card| card.needs(need)));
    match mode {
        _ if needs(Need::Training) => Some("The chosen method learns for a while; choose one that cuts at once."),
        Mode::Samples if !needs(Need::Samples) => Some("The chosen method looks at no samples; choose one that does."),
        _ => None,
    }
}

fn modes(mode: RwSignal<Mode>) -> impl IntoView {
    let one = move |(this, id, words): (Mode, &'static str, &'static str)| {
        view! {
            <label>
                <input
                    type="radio"
                    name="contrast-mode"
                    data-testid=format!("contrast-{id}")
                    prop:checked=move || mode.get() == this
                    on:change=move |_| mode.set(this)
                />
                <span>{words}</span>
            </label>
        }
    };
    view! {
        <fieldset class="segments">
            <legend class="hidden">"What the other cut differs in"</legend>
            {MODES.map(one).to_vec()}
        </fieldset>
    }
}

/// Methods that cut at once and are not the one on the controls.
fn methods(app: App, method: RwSignal<String>) -> impl IntoView {
    let others = Memo::new(move |_| {
        let chosen = app.inputs.method.get();
        let cards = app.facts.ready.with(|ready| ready.as_ref().map_or_else(Vec::new, |ready| ready.methods.clone()));
        let apt = cards.into_iter().filter(|card| card.id != chosen && !card.needs(Need::Training));
        apt.map(|card| (card.id.to_string(), card.name.to_string())).collect::<Vec<_>>()
    });
    // The one that was chosen here may be on the controls by now.
    Effect::new(move |_| {
        let others = others.get();
        if others.iter().all(|(id, _)| method.with_untracked(|method| method != id))
            && let Some((first, _)) = others.first()
        {
            method.set(first.clone());
        }
    });
    let option = move |(id, name): (String, String)| {
        let here = id.clone();
        view! { <option value=id prop:selected=move || method.get() == here>{name}</option> }
    };
    view! {
        <label class="stacked">
            <span>"The other method"</span>
            <select data-testid="contrast-other" on:change:target=move |event| method.set(event.target().value())>
                {move || others.get().into_iter().map(option).collect_view()}
            </select>
        </label>
    }
}

fn number(app: App, name: &'static str, id: &'static str, range: Range, value: RwSignal<u64>) -> impl IntoView {
    let field = NumberField { name, help: "", id, range };
    fields::number(app, field, move || value.get() as f64, move |number| value.set(number as u64))
}

fn samples(app: App, count: RwSignal<u64>, text: RwSignal<String>) -> impl IntoView {
    let range = app.card.with_untracked(|card| card.as_ref().and_then(|card| plan::range(card.field("samples")?)));
    let (min, max, step) = range.unwrap_or((1.0, 1000.0, 1.0));
    let now = app.inputs.values.with_untracked(|values| match values.get("samples") {
        Some(Value::Number(now)) => format!("The cut on the controls takes {now} samples."),
        _ => "The cut on the controls takes the usual number of samples.".into(),
    });
    view! {
        {number(app, "Samples of the other cut", "contrast-count", Range { min, max, step }, count)}
        <p class="sub">{now}</p>
        <Show when=move || app.reads_tokens()>
            <label class="beginning">
                <span>"Text to calibrate the other cut on; empty: the same as now"</span>
                <textarea
                    data-testid="contrast-text"
                    spellcheck="false"
                    prop:value=move || text.get()
                    on:input:target=move |event| text.set(event.target().value())
                ></textarea>
            </label>
        </Show>
    }
}

/// `wanda and magnitude remove 153,000 weights between them, 61 % of them both do.`
fn sentence(app: App) -> Option<String> {
    app.facts.contrast.with(|told| {
        let total = told.total();
        let overlap = contrast::overlap(&total)?;
        let any = figures::count(total.both + total.only_a + total.only_b);
        let both = figures::percent(overlap, 1);
        Some(match total.only_a + total.only_b {
            0 => format!("{} and {} remove the same {any} weights.", told.a, told.b),
            _ => format!("{} and {} remove {any} weights between them; {both} of these go in both.", told.a, told.b),
        })
    })
}
