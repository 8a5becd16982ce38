//! A training that its tab did not outlive, remembered so that it can be offered again.

use gloo::storage::{LocalStorage as Store, Storage};
use serde::{Deserialize, Serialize};

const KEY: &str = "secateur.training";

/// What was being learnt, and how far it was.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Unfinished {
    /// All settings, as a link has them.
    pub fragment: String,
    /// The method's name.
    pub method: String,
    pub step: u64,
    pub steps: u64,
}

impl Unfinished {
    /// None where nothing was left, or the browser keeps nothing.
    pub fn stored() -> Option<Self> {
        Store::get(KEY).ok()
    }

    /// Where the browser keeps nothing, nothing can be offered again.
    pub fn store(&self) {
        let _ = Store::set(KEY, self);
    }

    pub fn forget() {
        Store::delete(KEY);
    }
}
