//! Handing files to the user.

use leptos::prelude::document;
use secateur_protocol::Report;
use wasm_bindgen::{JsCast, JsValue};
use web_sys::{Blob, BlobPropertyBag, HtmlAnchorElement, Url};

use crate::{figures, zipped};

/// Downloads the exported files as one .zip named after model and method.
pub fn zip(report: &Report, files: Vec<(String, Vec<u8>)>) -> Result<(), String> {
    let model = figures::model_name(&report.model).trim_end_matches(".safetensors");
    let name = format!("{model}-{}.zip", report.method.as_deref().unwrap_or("dense"));
    let bytes = zipped::zip(&files)?;
    download(&name, &bytes).map_err(|error| format!("The browser would not save {name}: {error:?}"))
}

fn download(name: &str, bytes: &[u8]) -> Result<(), JsValue> {
    let parts = js_sys::Array::of1(&js_sys::Uint8Array::from(bytes));
    let options = BlobPropertyBag::new();
    options.set_type("application/zip");
    let url = Url::create_object_url_with_blob(&Blob::new_with_u8_array_sequence_and_options(&parts, &options)?)?;
    let link: HtmlAnchorElement = document().create_element("a")?.unchecked_into();
    link.set_href(&url);
    link.set_download(name);
    link.click();
    // The download holds on to the bytes by itself after a moment.
    gloo::timers::callback::Timeout::new(60_000, move || drop(Url::revoke_object_url(&url))).forget();
    Ok(())
}
