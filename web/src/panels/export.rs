//! What to take away: four forms of the model and a report; for each who can open it and who cannot.

use leptos::html::Dialog;
use leptos::prelude::*;
use secateur_protocol::{Format, Reader};

use crate::lanes::Job;
use crate::state::App;
use crate::{figures, icons};

/// The button that opens the dialog, and the dialog.
pub fn view(app: App) -> impl IntoView {
    let dialog = NodeRef::<Dialog>::new();
    let open = move |_| {
        if let Some(dialog) = dialog.get_untracked() {
            app.facts.exported.set(None);
            // Fails only when it is open already.
            let _ = dialog.show_modal();
            app.ask_who_opens();
        }
    };
    let close = move || {
        if let Some(dialog) = dialog.get_untracked() {
            dialog.close();
        }
    };
    view! {
        <button class="tool" data-testid="export" disabled=move || !app.is_live() on:click=open>
            {icons::download()}<span>"Export"</span>
        </button>
        <dialog class="export" node_ref=dialog aria-labelledby="export-title" data-testid="export-dialog">
            <header>
                <h2 id="export-title">"Take it away"</h2>
                <button class="tool round" aria-label="Close" data-testid="export-close" on:click=move |_| close()>
                    {icons::close()}
                </button>
            </header>
            <div class="formats">{Format::ALL.map(|one| format(app, one)).collect_view()}</div>
            {outcome(app)}
        </dialog>
    }
}

fn format(app: App, format: Format) -> impl IntoView {
    let (title, sentence) = words(format);
    let word = format.word();
    let writing = move || app.busy.with(|busy| busy.contains(&Job::Export));
    let possible = move || readers(app, format).is_none_or(|readers| readers.iter().any(|reader| reader.opens));
    view! {
        <section class="format" aria-labelledby=format!("format-{word}")>
            <h3 id=format!("format-{word}")>{title}</h3>
            <p>{sentence}</p>
            <ul class="readers" data-testid=format!("readers-{word}")>{move || list(app, format)}</ul>
            <button
                class="tool"
                data-testid=format!("export-{word}")
                aria-label=format!("Download: {title}")
                disabled=move || writing() || !app.is_live() || !possible()
                on:click=move |_| app.export(format)
            >
                {icons::download()}
                <span>"Download"</span>
            </button>
        </section>
    }
}

fn words(format: Format) -> (&'static str, &'static str) {
    match format {
        Format::Zeros => ("Same shapes, with zeros", "As large as before; whoever opened the model before opens it."),
        Format::Uniform => {
            ("Smaller, one size for all layers", "Stock libraries open it with the config that comes along.")
        }
        Format::Ragged => {
            ("Smaller, each layer its own size", "A manifest says what went where, and a script opens it in PyTorch.")
        }
        Format::Onnx => ("ONNX graph", "One file that says itself what is computed."),
        Format::Report => {
            ("Report", "What was cut where, before and after, samples: one page to read, print and pass on.")
        }
    }
}

/// Who opens a format and who does not, for the cut that holds now; none before it is known.
fn readers(app: App, format: Format) -> Option<Vec<Reader>> {
    let (digest, verdicts) = app.facts.verdicts.get()?;
    let verdict = verdicts.iter().find(|verdict| verdict.format == format)?;
    app.facts.is_fresh(&digest).then(|| verdict.readers.clone())
}

fn list(app: App, format: Format) -> AnyView {
    let Some(readers) = readers(app, format) else {
        return view! { <li class="waiting">"Finding out who could open it."</li> }.into_any();
    };
    let one = |Reader { name, opens, why }| {
        let (class, mark) = if opens { ("opens", "✓") } else { ("fails", "✕") };
        let spoken = if opens { "opens it, " } else { "does not open it, " };
        view! {
            <li class=class>
                <i aria-hidden="true">{mark}</i>
                <p><b>{name}</b> ": " <span class="hidden">{spoken}</span> {why}</p>
            </li>
        }
    };
    readers.into_iter().map(one).collect_view().into_any()
}

/// What came of the last download; a banner would lie behind the dialog.
fn outcome(app: App) -> impl IntoView {
    let writing = move || app.busy.with(|busy| busy.contains(&Job::Export));
    let done = move || {
        let report = app.facts.exported.get()?;
        let again = report.reopened.map(|far| {
            format!(" Opened again, its answers differ by at most {} of the largest.", figures::three_digits(far))
        });
        let saved = match report.bytes_out {
            0 => "Saved.".into(),
            bytes => format!("Saved, the weights take {}.", figures::bytes(bytes)),
        };
        Some(saved + &again.unwrap_or_default())
    };
    let words = move || if writing() { Some("Writing the files and opening them again.".into()) } else { done() };
    view! {
        <p class="sub" role="status" data-testid="export-words">{words}</p>
        <p class="trouble" role="alert">{move || app.error.get()}</p>
    }
}
