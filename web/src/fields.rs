//! Fields to type into, the same in every panel.

use leptos::prelude::*;

use crate::state::App;
use crate::wishes::Range;

/// A field for a number: its name, what it means if that is not plain, its handle for tests.
pub struct NumberField {
    pub name: &'static str,
    pub help: &'static str,
    pub id: &'static str,
    pub range: Range,
}

/// The field on screen; `set` hears of numbers in range, everything else gets a sentence.
pub fn number(
    app: App,
    field: NumberField,
    value: impl Fn() -> f64 + Send + Sync + 'static,
    set: impl Fn(f64) + 'static,
) -> impl IntoView {
    let NumberField { name, help, id, range } = field;
    let typed = move |text: String| match range.read(&text) {
        Some(number) => set(number),
        None => app.error.set(Some(format!("{name} = {text}: wanted {}.", range.words()))),
    };
    view! {
        <label class="field">
            <span>{name}</span>
            <input
                type="number"
                min=range.min
                max=range.max
                step=range.step
                data-testid=id
                prop:value=move || value().to_string()
                on:change:target=move |event| typed(event.target().value())
            />
            {(!help.is_empty()).then(|| view! { <small>{help}</small> })}
        </label>
    }
}
