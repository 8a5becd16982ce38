//! The link in the address bar: kept up to date, read at the start and when somebody pastes another.

use gloo::timers::callback::Timeout;
use leptos::prelude::*;
use wasm_bindgen::JsValue;
use wasm_bindgen_futures::JsFuture;

use crate::figures;
use crate::share::{self, Page, Shared};
use crate::state::App;

/// The address bar follows the controls after so long.
const FOLLOW_MS: u32 = 250;

/// What the address bar asks for, and a sentence when it cannot be read.
pub fn at_start() -> (Option<Shared>, Option<String>) {
    match share::parse(&hash()) {
        Ok(shared) => (shared, None),
        Err(error) => (None, Some(format!("The link could not be followed: {error}."))),
    }
}

fn hash() -> String {
    window().location().hash().unwrap_or_default()
}

/// Keeps address bar and controls in step, in both directions.
pub fn follow(app: App) {
    let waiting = StoredValue::new_local(None::<Timeout>);
    Effect::new(move |_| {
        let Some(fragment) = app.fragment() else { return };
        waiting.set_value(Some(Timeout::new(FOLLOW_MS, move || write(&fragment))));
    });
    let _ = window_event_listener(leptos::ev::hashchange, move |_| match share::parse(&hash()) {
        Ok(Some(shared)) => go_to(app, shared),
        Ok(None) => {}
        Err(error) => app.error.set(Some(format!("The link could not be followed: {error}."))),
    });
}

fn write(fragment: &str) {
    if let Ok(history) = window().history() {
        // Refused only when the page is not a document with an address; then there is no link to keep.
        let _ = history.replace_state_with_url(&JsValue::NULL, "", Some(&format!("#{fragment}")));
    }
}

/// Puts the controls where a link has them, and cuts.
pub fn go_to(app: App, Shared { recipe, page }: Shared) {
    let Page { model, view, matrix, digits, device, writing, sketch, browse } = page;
    app.inputs.view.set(view);
    app.inputs.matrix.set(matrix);
    app.inputs.first_digit.set(digits);
    app.inputs.writing.set(writing);
    app.inputs.sketch.set(sketch);
    app.inputs.browse.set(browse);
    app.follow(Some(&recipe));
    if device != app.inputs.device.get_untracked() {
        app.use_device(device);
    }
    if model == app.inputs.model.get_untracked() {
        app.prune(false);
    } else if model.starts_with("builtin:") {
        app.inputs.model.set(model.clone()); // what the recipe is about
        app.load_builtin(figures::model_name(&model));
    }
}

/// Copies the link; says so, or shows it for copying by hand.
pub fn copy(app: App) {
    let Some(fragment) = app.fragment() else { return };
    write(&fragment);
    let link = window().location().href().unwrap_or_default();
    leptos::task::spawn_local(async move {
        let clipboard = js_sys::Reflect::get(&window().navigator(), &"clipboard".into());
        let copied = match clipboard {
            Ok(there) if !there.is_undefined() => {
                JsFuture::from(window().navigator().clipboard().write_text(&link)).await.is_ok()
            }
            _ => false,
        };
        app.notice.set(Some(if copied { "Link copied".into() } else { "The link is in the address bar".into() }));
        Timeout::new(2500, move || app.notice.set(None)).forget();
    });
}
