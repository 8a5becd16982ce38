//! The engine's worker as seen from the page: envelopes go in, envelopes and buffers come out.

use secateur_protocol::{Command, Envelope, Event};
use serde::Serialize;
use wasm_bindgen::prelude::*;
use web_sys::{Event as DomEvent, File, MessageEvent, Worker, WorkerOptions, WorkerType};

/// What comes from the worker.
pub enum Incoming {
    /// The worker listens now; messages sent earlier would have been lost.
    Up,
    Event(Box<Envelope<Event>>, Vec<Vec<u8>>),
    /// A message nobody understands, in a sentence.
    Odd(String),
    /// The worker is dead; the driver's words.
    Crashed(String),
}

/// A running worker. Dropping it ends it.
pub struct Transport {
    worker: Worker,
    _on_message: Closure<dyn FnMut(MessageEvent)>,
    _on_error: Closure<dyn FnMut(DomEvent)>,
}

impl Transport {
    /// Starts the worker that lies beside the page.
    pub fn start(on: impl Fn(Incoming) + Clone + 'static) -> Result<Self, String> {
        let options = WorkerOptions::new();
        options.set_type(WorkerType::Module);
        let worker = Worker::new_with_options("worker_loader.js", &options).map_err(said)?;
        let heard = on.clone();
        let on_message = Closure::new(move |message: MessageEvent| heard(read(&message.data())));
        let on_error = Closure::new(move |error: DomEvent| {
            error.prevent_default();
            on(Incoming::Crashed(reason(&error)));
        });
        worker.set_onmessage(Some(on_message.as_ref().unchecked_ref()));
        worker.set_onerror(Some(on_error.as_ref().unchecked_ref()));
        Ok(Self { worker, _on_message: on_message, _on_error: on_error })
    }

    /// Sends a command; the user's files go by reference, their bytes stay where they are.
    pub fn send(&self, envelope: &Envelope<Command>, files: &[File]) -> Result<(), String> {
        let serializer = serde_wasm_bindgen::Serializer::new().serialize_maps_as_objects(true);
        let message = js_sys::Object::new();
        let body = envelope.serialize(&serializer).map_err(|error| error.to_string())?;
        set(&message, "msg", &body)?;
        set(&message, "files", &files.iter().collect::<js_sys::Array>())?;
        self.worker.post_message(&message).map_err(said)
    }
}

impl Drop for Transport {
    fn drop(&mut self) {
        self.worker.set_onmessage(None);
        self.worker.set_onerror(None);
        self.worker.terminate();
    }
}

/// The driver's words. A worker that could not even be loaded comes as an event without any.
fn reason(error: &DomEvent) -> String {
    let message = js_sys::Reflect::get(error, &"message".into()).ok().and_then(|message| message.as_string());
    message.unwrap_or_else(|| "worker_loader.js could not be loaded".into())
}

fn read(data: &JsValue) -> Incoming {
    let get = |key: &str| js_sys::Reflect::get(data, &key.into()).unwrap_or(JsValue::UNDEFINED);
    let message = get("msg");
    if message.is_undefined() {
        return match data.as_string() {
            Some(word) if word == "up" => Incoming::Up,
            _ => Incoming::Odd("The engine sent something that is not a message; it was ignored.".into()),
        };
    }
    match serde_wasm_bindgen::from_value(message) {
        Ok(envelope) => {
            let blobs = get("blobs").dyn_into::<js_sys::Array>().unwrap_or_default();
            Incoming::Event(
                Box::new(envelope),
                blobs.iter().map(|blob| js_sys::Uint8Array::new(&blob).to_vec()).collect(),
            )
        }
        Err(error) => {
            Incoming::Odd(format!("The engine sent a message this page does not know ({error}); reload the page."))
        }
    }
}

fn set(object: &js_sys::Object, key: &str, value: &JsValue) -> Result<(), String> {
    js_sys::Reflect::set(object, &key.into(), value).map(drop).map_err(said)
}

fn said(error: JsValue) -> String {
    error.as_string().unwrap_or_else(|| format!("{error:?}"))
}
