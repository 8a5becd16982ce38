//! The gallery's methods, taken into the controls or shown at once on a small model; and results of sweeps.

use leptos::prelude::*;
use secateur_protocol::Card;
use wasm_bindgen_futures::JsFuture;
use web_sys::File;

use crate::results::ResultsFile;
use crate::state::App;
use crate::{gallery, results};

impl App {
    /// Reads a sweep's results.
    pub fn open_results(self, file: File) {
        leptos::task::spawn_local(async move {
            let name = file.name();
            let text = JsFuture::from(file.text()).await.ok().and_then(|text| text.as_string());
            let read = text
                .ok_or("wanted a text in UTF-8, got something else".to_string())
                .and_then(|text| results::read(&text));
            match read {
                Ok((runs, failed)) => self.results.set(Some(ResultsFile { name, runs, failed })),
                Err(error) => {
                    self.error.set(Some(format!("{name}: {error}; choose the results.jsonl of a secateur sweep.")))
                }
            }
        });
    }

    /// Takes a method into the controls.
    pub fn choose(&self, id: &str) {
        self.inputs.method.set(id.into());
        self.prune(false);
    }

    /// Shows what a method does: a fitting built-in model, small settings, at once.
    pub fn demonstrate(&self, card: &Card) {
        let models =
            self.facts.ready.with_untracked(|ready| ready.as_ref().map_or_else(Vec::new, |r| r.models.clone()));
        let Some(demo) = gallery::demo(card, &models) else { return };
        self.inputs.values.update(|values| {
            card.fields.iter().for_each(|field| drop(values.remove(field.key.as_ref())));
            values.extend(demo.values);
        });
        self.inputs.seed.set(0);
        self.inputs.method.set(card.id.to_string());
        let learns = untrack(|| self.learns());
        let model = format!("builtin:{}", demo.model);
        if self.inputs.model.get_untracked() != model {
            self.desk.update_value(|desk| desk.learn_next = learns);
            self.load_builtin(&demo.model);
        } else if learns {
            self.learn();
        } else {
            self.prune(false);
        }
    }
}
