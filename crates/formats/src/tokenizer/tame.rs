//! What a `tokenizer.json` must be like before the `tokenizers` crate may have it.
//!
//! That crate trusts its files: a merge into no token, a character map cut short or a template for a second text end
//! the program, not the reading, and in a browser nothing can catch that. All such places are looked at here. Every
//! error is a clause that goes on after "but".

use serde_json::{Map, Value};

use super::{model, steps};
use crate::quote;

/// More ids than any vocabulary has (the largest known: 262,144).
pub(super) const MOST_IDS: u64 = 1 << 22;
/// Longer, in bytes, than any real token: some hold a hundred spaces.
pub(super) const LONGEST_TOKEN: usize = 4096;
/// Bytes of tokens kept in a trie, whose nodes take some hundred bytes each.
const MOST_TRIE_BYTES: usize = 4 << 20;

pub(super) type Object = Map<String, Value>;

/// Takes out what does not serve here, and looks at all the rest. The number is above every id that the model or a
/// template names.
pub(super) fn tame(file: &mut Value) -> Result<usize, String> {
    let Value::Object(file) = file else { return Err("it is no JSON object".into()) };
    file.remove("truncation");
    file.remove("padding");
    added_tokens(file.get("added_tokens"))?;
    let Some(Value::Object(model)) = file.get_mut("model") else {
        return Err("it lacks the settings of its \"model\"".into());
    };
    let ids = model::tame(model)?;
    Ok(ids.max(steps::check(file)?))
}

/// A field that holds an id, as the size that a vocabulary with it has at least.
pub(super) fn size_with(id: &Value, what: &str) -> Result<usize, String> {
    match id.as_u64() {
        Some(id) if id < MOST_IDS => Ok(id as usize + 1),
        _ => Err(format!(
            "the id of {} should be a whole number below {MOST_IDS}, got {}",
            quote(what),
            quote(&id.to_string())
        )),
    }
}

/// The length of a token in bytes, if it can be one.
pub(super) fn token_bytes(token: &str) -> Result<usize, String> {
    match token.len() {
        bytes if bytes <= LONGEST_TOKEN => Ok(bytes),
        bytes => Err(format!("its token {} has {bytes} bytes", quote(token))),
    }
}

/// Tokens that are cut out of the text before anything else.
fn added_tokens(tokens: Option<&Value>) -> Result<(), String> {
    let mut bytes = 0;
    for token in tokens.and_then(Value::as_array).into_iter().flatten() {
        let content = token.get("content").and_then(Value::as_str).unwrap_or_default();
        bytes += token_bytes(content)?;
        // Such a token could begin before the end of the one that took the spaces after itself.
        if token.get("lstrip") == Some(&Value::Bool(true)) && content.starts_with(char::is_whitespace) {
            return Err(format!(
                "its added token {} begins with a space and takes those before it too",
                quote(content)
            ));
        }
    }
    in_trie(bytes)
}

/// Refuses more tokens than a trie should hold.
pub(super) fn in_trie(bytes: usize) -> Result<(), String> {
    if bytes > MOST_TRIE_BYTES {
        return Err(format!("its tokens have {bytes} bytes together, more than any"));
    }
    Ok(())
}
