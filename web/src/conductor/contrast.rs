//! Two cuts beside each other: the one on the controls and one that differs in a method, a seed or its samples.

use leptos::prelude::*;
use secateur_protocol::{Command, Recipe, Value, fnv1a};
use web_sys::File;

use crate::contrast::{CELLS, Contrast};
use crate::lanes::Job;
use crate::plan;
use crate::state::App;

/// What the other cut differs in.
#[derive(Clone, Debug, PartialEq)]
pub enum Other {
    /// Another method, by id, with the same settings as far as it has them.
    Method(String),
    Seed(u64),
    /// Other calibration: so many samples, of this text where it is not empty.
    Samples {
        count: u64,
        text: String,
    },
}

impl App {
    /// Cuts twice, keeps nothing, and shows where the two part.
    pub fn contrast(&self, other: Other) {
        let a = self.recipe.get_untracked();
        let b = untrack(|| self.other_recipe(&other));
        match (a, b) {
            (Some(Ok(a)), Some(Ok(b))) => {
                let [a_words, b_words] = words(&a, &b);
                self.facts.contrast.set(Contrast { a: a_words, b: b_words, layers: Vec::new() });
                self.make(Job::Contrast, Command::Contrast { a, b, side: CELLS });
            }
            (Some(Err(error)), _) => self.error.set(Some(error.to_string())),
            (_, Some(Err(sentence))) => self.error.set(Some(sentence)),
            _ => {}
        }
    }

    fn other_recipe(&self, other: &Other) -> Option<Result<Recipe, String>> {
        let (mut values, seed) = (self.inputs.values.get(), self.inputs.seed.get());
        let (card, seed) = match other {
            Other::Method(id) => {
                let cards = self.facts.ready.get()?;
                (cards.methods.iter().find(|card| card.id == *id)?.clone(), seed)
            }
            Other::Seed(seed) => (self.card.get()?, *seed),
            Other::Samples { count, text } => {
                values.insert("samples".into(), Value::Number(*count as f64));
                if !text.is_empty() {
                    match self.enclose(text) {
                        Ok(name) => drop(values.insert("calibration".into(), Value::Text(name))),
                        Err(sentence) => return Some(Err(sentence)),
                    }
                }
                (self.card.get()?, seed)
            }
        };
        Some(plan::recipe(&card, &values, seed).map_err(|error| error.to_string()))
    }

    /// Makes a file of a text for the engine to read; equal texts have equal names.
    fn enclose(&self, text: &str) -> Result<String, String> {
        let name = format!("text-{:016x}.txt", fnv1a(text.as_bytes()));
        let file = File::new_with_str_sequence(&js_sys::Array::of1(&text.into()), &name)
            .map_err(|error| format!("The browser would not make a file of the text: {error:?}"))?;
        self.desk.update_value(|desk| desk.texts = vec![file]);
        Ok(name)
    }
}

/// What tells two recipes apart, each in words.
fn words(a: &Recipe, b: &Recipe) -> [String; 2] {
    [(a, b), (b, a)].map(|(one, other)| {
        if one.method != other.method {
            return one.method.clone();
        }
        let mut parts: Vec<String> = Vec::new();
        if one.seed != other.seed {
            parts.push(format!("seed {}", one.seed));
        }
        for key in ["samples", "calibration"] {
            if one.values.get(key) != other.values.get(key) {
                parts
                    .push(one.values.get(key).map_or_else(|| format!("usual {key}"), |value| format!("{key} {value}")));
            }
        }
        match parts.is_empty() {
            true => one.method.clone(),
            false => format!("{}, {}", one.method, parts.join(", ")),
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_cuts_are_told_apart_by_what_differs() {
        let recipe = |method: &str, seed, samples: Option<f64>| {
            let values = samples.map(|count| ("samples".to_string(), Value::Number(count))).into_iter().collect();
            Recipe { method: method.into(), values, seed }
        };
        let wanda = recipe("wanda", 0, None);
        assert_eq!(words(&wanda, &recipe("random", 0, None)), ["wanda", "random"]);
        assert_eq!(words(&wanda, &recipe("wanda", 3, None)), ["wanda, seed 0", "wanda, seed 3"]);
        assert_eq!(words(&wanda, &recipe("wanda", 0, Some(8.0))), ["wanda, usual samples", "wanda, samples 8"]);
        assert_eq!(words(&wanda, &wanda), ["wanda", "wanda"]);
    }
}
