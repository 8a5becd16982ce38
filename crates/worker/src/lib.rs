//! The engine in a dedicated Web Worker.
//!
//! The page posts `{msg: Envelope<Command>, files: [File, ...]}` and receives `{msg: Envelope<Event>,
//! blobs: [ArrayBuffer, ...]}`, the buffers transferred. The worker's first word is `"up"`: what was posted
//! before it is lost, since modules load in their own time.

mod breath;
mod files;
mod host;
mod log;
mod post;

pub use files::AnyFile;
pub use host::Browser;

use futures_channel::mpsc::unbounded;
use secateur_protocol::{Command, Envelope, Event};
use wasm_bindgen::prelude::*;
use web_sys::{DedicatedWorkerGlobalScope, MessageEvent};

use files::UserFiles;

/// Starts the engine on this worker's messages and says so.
pub fn start() {
    std::panic::set_hook(Box::new(|info| {
        console_error_panic_hook::hook(info);
        let error = format!("The engine stopped unexpectedly ({info}); it has to start again.");
        post::event(&Envelope { id: 0, body: Event::DeviceLost { error } }, Vec::new());
    }));
    log::to_console();

    let files = UserFiles::default();
    let (commands, inbox) = unbounded();
    let host = Browser::new(files.clone());
    let on_message = Closure::<dyn Fn(MessageEvent)>::new(move |message: MessageEvent| {
        let data = message.data();
        let get = |key: &str| js_sys::Reflect::get(&data, &key.into()).unwrap_or(JsValue::UNDEFINED);
        files.add(&get("files"));
        match serde_wasm_bindgen::from_value::<Envelope<Command>>(get("msg")) {
            // The engine reads for as long as the worker lives.
            Ok(command) => drop(commands.unbounded_send(command)),
            Err(error) => refuse(&get("msg"), &error),
        }
    });
    scope().set_onmessage(Some(on_message.as_ref().unchecked_ref()));
    on_message.forget(); // for as long as the worker lives
    wasm_bindgen_futures::spawn_local(secateur_engine::serve(host, inbox));
    post::value(&JsValue::from_str("up"));
}

/// Answers a message that is no command.
fn refuse(message: &JsValue, error: &serde_wasm_bindgen::Error) {
    let id = js_sys::Reflect::get(message, &"id".into()).ok().and_then(|id| id.as_f64()).unwrap_or(0.0);
    let error = format!("the engine does not know this command ({error}); reload the page");
    post::event(&Envelope { id: id as u32, body: Event::Failed { error } }, Vec::new());
}

pub(crate) fn scope() -> DedicatedWorkerGlobalScope {
    js_sys::global().unchecked_into()
}

/// A JavaScript error in words.
pub(crate) fn said(error: JsValue) -> String {
    let message = js_sys::Reflect::get(&error, &"message".into()).ok().and_then(|message| message.as_string());
    message.or_else(|| error.as_string()).unwrap_or_else(|| format!("{error:?}"))
}
