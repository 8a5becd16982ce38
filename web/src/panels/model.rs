//! Which model: a built-in one, or files dropped anywhere on the page.

use leptos::html::Input;
use leptos::ev::Targeted;
use leptos::prelude::*;
use web_sys::{DragEvent, Event, FileList, HtmlSelectElement};

use crate::state::App;
use crate::{figures, icons};

pub fn view(app: App) -> impl IntoView {
    let input = NodeRef::<Input>::new();
    let chosen = move |_| {
        if let Some(input) = input.get_untracked() {
            take(app, input.files());
            input.set_value(""); // the same file can be chosen again
        }
    };
    let verdict = move || app.facts.loaded.with(|loaded| loaded.as_ref().map(|loaded| loaded.verdict.clone()));
    view! {
        {picker(app)}
        <button
            class="tool"
            data-testid="open"
            on:click=move |_| {
                if let Some(input) = input.get_untracked() {
                    input.click();
                }
            }
        >
            {icons::open()}
            <span>"Open your own"</span>
        </button>
        <input
            hidden
            type="file"
            multiple
            accept=".safetensors,.onnx,.data,.json,.jsonl,.txt"
            data-testid="drop"
            aria-label="Model files"
            node_ref=input
            on:change=chosen
        />
        <p class="verdict" data-testid="verdict" aria-live="polite">{verdict}</p>
        <p class="aside">"or drop a .safetensors anywhere, with its config.json and tokenizer.json if you have them: ViT, GPT-2, Llama, BERT, ResNet, U-Net ... An .onnx file will do too."</p>
    }
}

fn picker(app: App) -> impl IntoView {
    let models = move || app.facts.ready.with(|ready| ready.as_ref().map_or_else(Vec::new, |r| r.models.clone()));
    let model = app.inputs.model;
    let own = move || (!model.get().starts_with("builtin:")).then(|| model.get());
    let chosen = move |event: Targeted<Event, HtmlSelectElement>| {
        let select = event.target();
        if let Some(id) = select.value().strip_prefix("builtin:") {
            app.load_builtin(id);
        }
        select.set_value(&model.get_untracked()); // until the other one is open
    };
    view! {
        <label class="select">
            <span class="hidden">"Built-in model"</span>
            <select data-testid="model" on:change:target=chosen>
                {move || {
                    let mut known = models();
                    if known.is_empty() && own().is_none() {
                        let id = figures::model_name(&model.get_untracked()).to_string();
                        let title = id.clone();
                        known.push(secateur_protocol::BuiltIn { id, title, ..Default::default() });
                    }
                    known
                        .into_iter()
                        .map(|built_in| {
                            let value = format!("builtin:{}", built_in.id);
                            let here = value.clone();
                            view! {
                                <option value=value title=built_in.sentence prop:selected=move || model.get() == here>
                                    {built_in.title}
                                </option>
                            }
                        })
                        .collect_view()
                }}
                {move || own().map(|name| view! { <option value=name.clone() prop:selected=true>{name.clone()}</option> })}
            </select>
        </label>
    }
}

fn take(app: App, files: Option<FileList>) {
    let files: Vec<_> = files.iter().flat_map(|files| (0..files.length()).filter_map(|at| files.get(at))).collect();
    let (results, files): (Vec<_>, Vec<_>) = files.into_iter().partition(|file| file.name().ends_with(".jsonl"));
    results.into_iter().for_each(|file| app.open_results(file));
    if !files.is_empty() {
        app.load_files(files);
    }
}

/// The whole window takes files; a veil says so while they hang over it.
pub fn drop_zone(app: App) -> impl IntoView {
    let hovering = RwSignal::new(false);
    let _ = window_event_listener(leptos::ev::dragover, move |event: DragEvent| {
        event.prevent_default();
        hovering.set(true);
    });
    let _ = window_event_listener(leptos::ev::dragleave, move |event| {
        if event.related_target().is_none() {
            hovering.set(false);
        }
    });
    let _ = window_event_listener(leptos::ev::drop, move |event| {
        event.prevent_default();
        hovering.set(false);
        take(app, event.data_transfer().and_then(|data| data.files()));
    });
    view! {
        <div class="veil" class:shown=move || hovering.get() aria-hidden="true">
            <p>"Let go to open the model. It stays on this machine."</p>
        </div>
    }
}
