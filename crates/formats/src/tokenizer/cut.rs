//! A `tokenizer.json` without some of its tokens: a smaller vocabulary with new ids, and what speaks of them.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::model;

/// What SentencePiece writes for a space.
pub(super) const SPACE: char = '▁';

/// Tokens without which some texts could not be read any more, and why.
pub(super) fn needed(file: &Value) -> BTreeMap<u32, String> {
    let mut needed = BTreeMap::new();
    let model = &file["model"];
    let mut need = |id: Option<u64>, why: &str| {
        if let Some(id) = id.and_then(|id| u32::try_from(id).ok()) {
            needed.entry(id).or_insert_with(|| why.to_string());
        }
    };
    for token in file["added_tokens"].as_array().into_iter().flatten().filter(|token| token["special"] == true) {
        need(token["id"].as_u64(), "it is a special token");
    }
    framing(&mut file["post_processor"].clone(), &mut |id| need(id.as_u64(), "texts are framed with it"));
    let unknown = model["unk_token"].as_str();
    for (token, id) in vocabulary(model) {
        if let Some(why) = alphabet(model, token) {
            need(Some(id), why);
        }
        if unknown == Some(token) || model["unk_id"].as_u64() == Some(id) && model["vocab"].is_array() {
            need(Some(id), "it stands for what has no token");
        }
    }
    needed
}

/// Of each token that merging makes the first merge that does, in the file's order: (one, the other, both).
pub(super) fn merges(file: &Value) -> Vec<[u32; 3]> {
    let Some(model) = file["model"].as_object() else { return Vec::new() };
    let id = |token: &str| u32::try_from(model.get("vocab")?.get(token)?.as_u64()?).ok();
    let mut made = BTreeSet::new();
    let merges = model
        .get("merges")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(|entry| model::merge(model, entry));
    let merges = merges.filter_map(|(one, other, both)| Some([id(one)?, id(other)?, id(&both)?]));
    merges.filter(|[.., both]| made.insert(*both)).collect()
}

/// Leaves the tokens that get a new id, which rise like the old ones.
pub(super) fn only(file: &mut Value, now: &dyn Fn(u64) -> Option<u64>) {
    let model = &mut file["model"];
    match &mut model["vocab"] {
        Value::Object(vocabulary) => {
            vocabulary.retain(|_, id| id.as_u64().and_then(now).is_some());
            vocabulary.values_mut().for_each(|id| renumber(id, now));
        }
        Value::Array(pieces) => {
            let mut id = 0..;
            pieces.retain(|_| id.next().and_then(now).is_some());
        }
        _ => {}
    }
    if let Some(unknown) = model.get_mut("unk_id") {
        renumber(unknown, now);
    }
    if let Some(model) = model.as_object_mut()
        && let Some(Value::Array(mut merges)) = model.remove("merges")
    {
        merges.retain(|merge| model::is_merge(model, merge));
        model.insert("merges".into(), merges.into());
    }
    if let Some(Value::Array(added)) = file.get_mut("added_tokens") {
        added.retain(|token| token["id"].as_u64().and_then(now).is_some());
        added.iter_mut().for_each(|token| renumber(&mut token["id"], now));
    }
    if let Some(step) = file.get_mut("post_processor") {
        framing(step, &mut |id| renumber(id, now));
    }
    if let Some(padding) = file.pointer_mut("/padding/pad_id") {
        renumber(padding, now);
    }
}

/// Every token of the file by its id, added ones too.
pub(super) fn tokens(file: &Value) -> Vec<(&str, u64)> {
    let added = file["added_tokens"].as_array().into_iter().flatten();
    let added = added.filter_map(|token| Some((token["content"].as_str()?, token["id"].as_u64()?)));
    vocabulary(&file["model"]).into_iter().chain(added).collect()
}

/// The model's own tokens: written as token: id, or as a list of (piece, score).
fn vocabulary(model: &Value) -> Vec<(&str, u64)> {
    match &model["vocab"] {
        Value::Object(ids) => ids.iter().filter_map(|(token, id)| Some((token.as_str(), id.as_u64()?))).collect(),
        Value::Array(pieces) => pieces.iter().map(|piece| piece[0].as_str().unwrap_or_default()).zip(0..).collect(),
        _ => Vec::new(),
    }
}

/// Why a token belongs to what all words are made of, if it does. Where characters without a token are written in bytes,
/// only ASCII's need one.
fn alphabet(model: &Value, token: &str) -> Option<&'static str> {
    let by_bytes = model["byte_fallback"] == true;
    let hex = token.strip_prefix("<0x").and_then(|rest| rest.strip_suffix('>'));
    if by_bytes && hex.is_some_and(|hex| hex.len() == 2) {
        return Some("characters without a token are written with it");
    }
    let affix = |key: &str| model[key].as_str().unwrap_or_default();
    let inside = token.strip_prefix(affix("continuing_subword_prefix")).unwrap_or(token);
    let inside = inside.strip_suffix(affix("end_of_word_suffix")).unwrap_or(inside);
    let mut letters = inside.chars();
    match (letters.next(), letters.next()) {
        (Some(letter), None) if !by_bytes || letter.is_ascii() || letter == SPACE => Some("words are made of it"),
        _ => None,
    }
}

/// Visits the ids of the tokens that a text is put between.
fn framing(step: &mut Value, visit: &mut dyn FnMut(&mut Value)) {
    let Some(step) = step.as_object_mut() else { return };
    for inner in step.get_mut("processors").and_then(Value::as_array_mut).into_iter().flatten() {
        framing(inner, visit);
    }
    for key in ["sep", "cls"] {
        if let Some(id) = step.get_mut(key).and_then(|token| token.get_mut(1)) {
            visit(id);
        }
    }
    for token in
        step.get_mut("special_tokens").and_then(Value::as_object_mut).into_iter().flat_map(|all| all.values_mut())
    {
        token.get_mut("ids").and_then(Value::as_array_mut).into_iter().flatten().for_each(&mut *visit);
    }
}

/// Ids that are gone are told no more.
fn renumber(id: &mut Value, now: &dyn Fn(u64) -> Option<u64>) {
    if let Some(old) = id.as_u64() {
        *id = json!(now(old));
    }
}
