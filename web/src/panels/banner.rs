//! What went wrong, and what takes its time.

use leptos::prelude::*;
use secateur_protocol::Unit;

use crate::state::{App, Progress};
use crate::{figures, icons};

pub fn view(app: App) -> impl IntoView {
    view! {
        <div class="banners">
            <div role="alert">
                {move || {
                    app.error
                        .get()
                        .map(|sentence| {
                            view! {
                                <div class="banner" data-testid="error">
                                    <p>{sentence}</p>
                                    <button
                                        class="tool round"
                                        aria-label="Dismiss"
                                        data-testid="error-dismiss"
                                        on:click=move |_| app.error.set(None)
                                    >
                                        {icons::close()}
                                    </button>
                                </div>
                            }
                        })
                }}
            </div>
            {progress(app)}
        </div>
    }
}

fn progress(app: App) -> impl IntoView {
    let shown = Memo::new(move |_| app.progress.with(Option::is_some));
    let now = move || app.progress.get().unwrap_or(Progress { id: 0, what: "", done: 0, total: 0, unit: None });
    let cancel = move |_| app.cancel(app.progress.get_untracked().map_or(0, |progress| progress.id));
    view! {
        <Show when=move || shown.get()>
            <div class="progress" data-testid="progress">
                <label>
                    <span>{move || now().what} " " <b>{move || amount(&now())}</b></span>
                    <progress max=move || now().total.max(1) value=move || now().done></progress>
                </label>
                <button class="tool" data-testid="cancel" on:click=cancel>"Cancel"</button>
            </div>
        </Show>
    }
}

/// `3 of 12 layers`, `1.2 MB of 5 MB`.
fn amount(progress: &Progress) -> String {
    let (done, total) = (progress.done, progress.total);
    let of = |unit: &str| format!("{} of {} {unit}", figures::count(done), figures::count(total));
    match progress.unit {
        Some(Unit::Bytes) => format!("{} of {}", figures::bytes(done), figures::bytes(total)),
        Some(Unit::Layers) => of("layers"),
        Some(Unit::Samples) => of("samples"),
        Some(Unit::Steps) => of("steps"),
        Some(Unit::Tokens) => of("tokens"),
        None => String::new(),
    }
}
