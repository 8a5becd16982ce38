//! The "model" of a `tokenizer.json`: the vocabulary and the rule by which words become its tokens.

use serde_json::Value;

use super::tame::{MOST_IDS, Object, in_trie, size_with, token_bytes};
use crate::quote;

/// The cost of WordPiece grows with the square of a word's length; 100 is usual.
const LONGEST_WORD: u64 = 1000;

/// Makes sure that ids and merges fit together, names the kind where an old file does not, and gives the size.
pub(super) fn tame(model: &mut Object) -> Result<usize, String> {
    // With dropout the same text would become other tokens each time.
    model.remove("dropout");
    let kind = match model.get("type") {
        Some(Value::String(kind)) => kind.clone(),
        Some(other) => return Err(format!("its model's type is {}", quote(&other.to_string()))),
        None => kind_by_settings(model).to_owned(),
    };
    let size = match kind.as_str() {
        "BPE" => {
            let size = vocabulary(model)?;
            merges(model)?;
            size
        }
        "WordPiece" => {
            longest_word(model)?;
            vocabulary(model)?
        }
        "WordLevel" => vocabulary(model)?,
        "Unigram" => pieces(model)?,
        other => {
            return Err(format!("its model {} is not known here (BPE, WordPiece, WordLevel, Unigram)", quote(other)));
        }
    };
    model.insert("type".into(), kind.into());
    Ok(size)
}

/// Older files do not say their kind; it shows in what they hold.
fn kind_by_settings(model: &Object) -> &'static str {
    if model.contains_key("merges") {
        "BPE"
    } else if model.get("vocab").is_some_and(Value::is_array) {
        "Unigram"
    } else if model.contains_key("max_input_chars_per_word") {
        "WordPiece"
    } else {
        "WordLevel"
    }
}

/// The size of a vocabulary written as token: id.
fn vocabulary(model: &Object) -> Result<usize, String> {
    let Some(Value::Object(vocabulary)) = model.get("vocab") else { return Err("its model has no vocabulary".into()) };
    let mut sizes = Vec::with_capacity(vocabulary.len());
    for (token, id) in vocabulary {
        token_bytes(token)?;
        sizes.push(size_with(id, token)?);
    }
    sizes.sort_unstable();
    // Which of the two an id stands for would be left to chance.
    if let Some(&[size, _]) = sizes.array_windows().find(|[one, next]| one == next) {
        return Err(format!("two of its tokens have the id {}", size - 1));
    }
    Ok(sizes.last().copied().unwrap_or(0))
}

/// Every merge joins two tokens to a third.
fn merges(model: &Object) -> Result<(), String> {
    let mut merges = model.get("merges").and_then(Value::as_array).into_iter().flatten().enumerate();
    match merges.find(|(_, entry)| !is_merge(model, entry)) {
        None => Ok(()),
        Some((at, entry)) => {
            Err(format!("merge {at}, {}, does not join two tokens to a third", quote(&entry.to_string())))
        }
    }
}

/// Whether an entry of the merges joins two tokens to a third; the first line of some says a version instead.
pub(super) fn is_merge(model: &Object, entry: &Value) -> bool {
    let is_token = |token: &str| model.get("vocab").is_some_and(|vocabulary| vocabulary.get(token).is_some());
    let is_version = entry.as_str().is_some_and(|line| line.starts_with("#version"));
    is_version || merge(model, entry).is_some_and(|(left, right, both)| [left, right, &both].into_iter().all(is_token))
}

/// What an entry of the merges joins, and what comes of it.
pub(super) fn merge<'a>(model: &Object, entry: &'a Value) -> Option<(&'a str, &'a str, String)> {
    let prefix = model.get("continuing_subword_prefix").and_then(Value::as_str).unwrap_or_default();
    let (left, right) = match entry {
        Value::String(line) => line.split_once(' ')?,
        Value::Array(pair) => match pair.as_slice() {
            [Value::String(left), Value::String(right)] => (left.as_str(), right.as_str()),
            _ => return None,
        },
        _ => return None,
    };
    Some((left, right, [left, right.get(prefix.len()..)?].concat()))
}

/// A word longer than this is unknown; with no such bound one long word would take hours.
fn longest_word(model: &Object) -> Result<(), String> {
    match model.get("max_input_chars_per_word").and_then(Value::as_u64) {
        Some(chars) if chars > LONGEST_WORD => {
            Err(format!("its longest word may have {chars} characters, more than {LONGEST_WORD}"))
        }
        _ => Ok(()),
    }
}

/// The size of a vocabulary written as a list of (piece, score).
fn pieces(model: &Object) -> Result<usize, String> {
    let Some(Value::Array(pieces)) = model.get("vocab") else { return Err("its model has no vocabulary".into()) };
    if pieces.len() as u64 > MOST_IDS {
        return Err(format!("its vocabulary has {} pieces, more than any", pieces.len()));
    }
    let mut bytes = 0;
    for piece in pieces {
        bytes += token_bytes(piece.get(0).and_then(Value::as_str).unwrap_or_default())?;
    }
    in_trie(bytes)?;
    Ok(pieces.len())
}
