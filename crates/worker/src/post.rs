//! Words to the page.

use js_sys::{Array, Object, Reflect, Uint8Array};
use secateur_protocol::{Envelope, Event};
use serde::Serialize;
use wasm_bindgen::JsValue;

use crate::{said, scope};

/// Posts an event; its buffers change hands without being copied again.
pub fn event(event: &Envelope<Event>, blobs: Vec<Vec<u8>>) {
    if let Err(error) = try_event(event, blobs) {
        web_sys::console::error_1(&format!("could not post to the page: {error}").into());
    }
}

fn try_event(event: &Envelope<Event>, blobs: Vec<Vec<u8>>) -> Result<(), String> {
    let serializer = serde_wasm_bindgen::Serializer::new().serialize_maps_as_objects(true);
    let msg = event.serialize(&serializer).map_err(|error| error.to_string())?;
    let buffers: Array = blobs.iter().map(|blob| Uint8Array::from(blob.as_slice()).buffer()).collect();
    let message = Object::new();
    Reflect::set(&message, &"msg".into(), &msg).map_err(said)?;
    Reflect::set(&message, &"blobs".into(), &buffers).map_err(said)?;
    scope().post_message_with_transfer(&message, &buffers).map_err(said)
}

pub fn value(value: &JsValue) {
    if let Err(error) = scope().post_message(value) {
        web_sys::console::error_1(&error);
    }
}
