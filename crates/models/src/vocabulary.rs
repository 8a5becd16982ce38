//! What configurations say of tokens, which they name by number.

use std::collections::BTreeMap;

use secateur_graph::surgery::Surgery;
use secateur_graph::{Graph, Op};
use serde_json::{Map, Value, json};

use crate::Model;

/// How settings end that name tokens.
const NAMES: &str = "_token_id";
/// What a model that looks for the highest number says of a text's end, whatever that number is: transformers' CLIP takes
/// a 2 so, because its first configurations had one.
const HIGHEST: (&str, u64) = ("eos_token_id", 2);

impl Model {
    /// Tokens that must stay whatever a tokenizer says, and why.
    pub fn needed_tokens(&self) -> BTreeMap<u32, String> {
        let Some(rows) = rows(&self.graph) else { return BTreeMap::new() };
        let mut needed = BTreeMap::new();
        for node in &self.graph.nodes {
            match &node.op {
                Op::AddPosition(op) => {
                    let why = "positions are counted from the padding token's number";
                    needed.extend((0..op.first as u64).map(|token| (token, why.to_string())));
                }
                Op::SelectHighest(_) => {
                    drop(needed.insert(rows.saturating_sub(1), "the highest number ends a text".to_string()))
                }
                _ => {}
            }
        }
        let mut named = Vec::new();
        names(&self.config, &mut named);
        named.retain(|(key, _)| *key != HIGHEST.0 || !ends_with_highest(&self.graph));
        for (key, token) in named {
            needed.entry(token).or_insert_with(|| format!("the config's {key} names it"));
        }
        let inside = needed.into_iter().filter(|(token, _)| *token < rows);
        inside.map(|(token, why)| (token as u32, why)).collect()
    }

    /// The model that a cut leaves of this one. Its configuration names tokens by their new numbers, and says nothing else
    /// of what went.
    pub fn smaller(&self, surgery: &Surgery) -> Self {
        let mut smaller = Self { graph: surgery.graph.clone(), ..self.clone() };
        if let (Some(kept), Some(rows)) = (surgery.tokens(&self.graph), rows(&self.graph)) {
            let now = |token: u64| match kept.binary_search(&(token as usize)) {
                // What is no token of the model was none before.
                _ if token >= rows => json!(token),
                Ok(place) => json!(place),
                Err(_) => Value::Null,
            };
            renumber(&mut smaller.config, &now, ends_with_highest(&self.graph));
        }
        smaller
    }
}

/// How many tokens a model of texts knows.
fn rows(graph: &Graph) -> Option<u64> {
    Some(graph.param(graph.token_table()?).dims[0].size as u64)
}

fn ends_with_highest(graph: &Graph) -> bool {
    graph.nodes.iter().any(|node| matches!(node.op, Op::SelectHighest(_)))
}

/// The tokens that settings name, those of nested settings too, each with the setting's key.
fn names<'a>(settings: &'a Value, found: &mut Vec<(&'a str, u64)>) {
    for (key, value) in settings.as_object().into_iter().flatten() {
        match value {
            Value::Object(_) => names(value, found),
            Value::Array(several) if key.ends_with(NAMES) => {
                found.extend(several.iter().filter_map(Value::as_u64).map(|token| (key.as_str(), token)));
            }
            one if key.ends_with(NAMES) => found.extend(one.as_u64().map(|token| (key.as_str(), token))),
            _ => {}
        }
    }
}

/// Gives the tokens that settings name their new numbers; those that went are no longer named.
fn renumber(settings: &mut Value, now: &dyn Fn(u64) -> Value, highest: bool) {
    let renumbered = |value: &Value| value.as_u64().map_or(value.clone(), now);
    for (key, value) in settings.as_object_mut().into_iter().flat_map(Map::iter_mut) {
        match value {
            Value::Object(_) => renumber(value, now, highest),
            end if highest && key == HIGHEST.0 => *end = json!(HIGHEST.1),
            Value::Array(several) if key.ends_with(NAMES) => {
                several.iter_mut().for_each(|value| *value = renumbered(value));
                several.retain(|value| !value.is_null());
            }
            one if key.ends_with(NAMES) => *one = renumbered(one),
            _ => {}
        }
    }
}
