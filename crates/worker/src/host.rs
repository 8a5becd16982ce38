use std::cell::RefCell;
use std::collections::HashMap;

use js_sys::Uint8Array;
use secateur_engine::{Asset, Host, OpenError};
use secateur_formats::MemoryFile;
use secateur_protocol::{Envelope, Event};
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{Response, Url};

use crate::breath::Breath;
use crate::files::{AnyFile, UserFiles};
use crate::{post, said, scope};

/// What a browser gives the engine.
pub struct Browser {
    files: UserFiles,
    breath: Option<Breath>,
    /// Built-in files, fetched once.
    fetched: RefCell<HashMap<String, MemoryFile>>,
}

impl Browser {
    pub fn new(files: UserFiles) -> Self {
        Self { files, breath: Breath::new(), fetched: RefCell::default() }
    }

    async fn built_in(&self, path: &str) -> Result<MemoryFile, JsValue> {
        if let Some(file) = self.fetched.borrow().get(path) {
            return Ok(file.clone());
        }
        let file = MemoryFile::new(fetch(path).await?);
        self.fetched.borrow_mut().insert(path.to_string(), file.clone());
        Ok(file)
    }
}

impl Host for Browser {
    type File = AnyFile;

    fn now_ms(&self) -> f64 {
        scope().performance().map_or_else(js_sys::Date::now, |clock| clock.now())
    }

    /// Dense and pruned weights and the tensor on its way stay well below the 4 GiB that 32-bit wasm can address.
    fn most_weight_bytes(&self) -> u64 {
        1 << 30
    }

    async fn pause(&self) {
        match &self.breath {
            Some(breath) => breath.take().await,
            None => gloo::timers::future::TimeoutFuture::new(0).await,
        }
    }

    async fn open(&self, asset: Asset<'_>) -> Result<AnyFile, OpenError> {
        let failed = |name: &str, reason: String| OpenError { name: name.into(), reason };
        match asset {
            Asset::BuiltIn(path) => match self.built_in(path).await {
                Ok(file) => Ok(AnyFile::Fetched(file)),
                Err(error) => Err(failed(path, said(error))),
            },
            Asset::User(name) => match self.files.get(name) {
                Some(file) => Ok(AnyFile::User(file)),
                None => Err(failed(name, "the page has not handed it over; choose it again".into())),
            },
        }
    }

    fn send(&self, event: Envelope<Event>, blobs: Vec<Vec<u8>>) {
        post::event(&event, blobs);
    }
}

/// A file that ships beside the worker.
async fn fetch(path: &str) -> Result<Vec<u8>, JsValue> {
    let url = Url::new_with_base(path, &scope().location().href())?.href();
    let response: Response = JsFuture::from(scope().fetch_with_str(&url)).await?.dyn_into()?;
    if !response.ok() {
        return Err(format!("the server answered {} {}", response.status(), response.status_text()).into());
    }
    let buffer = JsFuture::from(response.array_buffer()?).await?;
    Ok(Uint8Array::new(&buffer).to_vec())
}
