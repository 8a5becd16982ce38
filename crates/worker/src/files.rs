use std::cell::RefCell;
use std::collections::HashMap;
use std::ops::Range;
use std::rc::Rc;

use js_sys::{Array, Uint8Array};
use secateur_formats::{MemoryFile, ReadAt, ReadError};
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::File;

use crate::said;

/// The files that the page has posted, by name. Their bytes stay on the user's disk.
#[derive(Clone, Default)]
pub struct UserFiles(Rc<RefCell<HashMap<String, File>>>);

impl UserFiles {
    /// Takes in an array of `File`s; anything else is none.
    pub fn add(&self, files: &JsValue) {
        let files = files.dyn_ref::<Array>().map(Array::iter).into_iter().flatten();
        let named = files.filter_map(|file| file.dyn_into::<File>().ok()).map(|file| (file.name(), file));
        self.0.borrow_mut().extend(named);
    }

    pub fn get(&self, name: &str) -> Option<File> {
        self.0.borrow().get(name).cloned()
    }
}

/// A file of the user's, or one that was fetched.
pub enum AnyFile {
    User(File),
    Fetched(MemoryFile),
}

impl ReadAt for AnyFile {
    fn len(&self) -> u64 {
        match self {
            Self::User(file) => file.size() as u64,
            Self::Fetched(file) => file.len(),
        }
    }

    async fn read(&self, range: Range<u64>) -> Result<Vec<u8>, ReadError> {
        match self {
            Self::User(file) => slice(file, &range).await.map_err(|error| ReadError::new(range, said(error))),
            Self::Fetched(file) => file.read(range).await,
        }
    }
}

async fn slice(file: &File, range: &Range<u64>) -> Result<Vec<u8>, JsValue> {
    let part = file.slice_with_f64_and_f64(range.start as f64, range.end as f64)?;
    let buffer = JsFuture::from(part.array_buffer()).await?;
    Ok(Uint8Array::new(&buffer).to_vec())
}
