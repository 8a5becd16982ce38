//! Light, dark, or as the system has it.

use gloo::storage::{LocalStorage as Store, Storage};
use leptos::prelude::*;
use wasm_bindgen::prelude::*;

/// Chosen by the toggle and kept for the next visit.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum Theme {
    #[default]
    System,
    Light,
    Dark,
}

const KEY: &str = "secateur.theme";

impl Theme {
    pub fn stored() -> Self {
        match Store::get::<String>(KEY).as_deref() {
            Ok("light") => Self::Light,
            Ok("dark") => Self::Dark,
            _ => Self::System,
        }
    }

    pub fn word(self) -> &'static str {
        match self {
            Self::System => "system",
            Self::Light => "light",
            Self::Dark => "dark",
        }
    }

    /// Follows the toggle and the system; keeps the page's attribute and the stored choice up to date.
    pub fn is_dark(self, theme: RwSignal<Theme>) -> Memo<bool> {
        let system = RwSignal::new(false);
        if let Ok(Some(query)) = window().match_media("(prefers-color-scheme: dark)") {
            system.set(query.matches());
            let heard =
                Closure::<dyn FnMut(web_sys::MediaQueryListEvent)>::new(move |event: web_sys::MediaQueryListEvent| {
                    system.set(event.matches())
                });
            query.set_onchange(Some(heard.as_ref().unchecked_ref()));
            heard.forget(); // listens as long as the page lives
        }
        Effect::new(move |_| {
            let theme = theme.get();
            if let Some(root) = document().document_element() {
                let _ = root.set_attribute("data-theme", theme.word());
            }
            let _ = Store::set(KEY, theme.word());
        });
        Memo::new(move |_| match theme.get() {
            Theme::System => system.get(),
            Theme::Light => false,
            Theme::Dark => true,
        })
    }
}
