//! The regular expressions by which texts are cut and replaced.

use serde_json::Value;
use tokenizers::utils::SysRegex;

use super::tame::{LONGEST_TOKEN, Object};
use crate::quote;

/// How a group may begin after its bracket and question mark.
const GROUPS: &[&str] = &[":", "=", "!", "<=", "<!", ">", "i:", "s:", "m:", "i)"];
/// The letters that may follow a backslash: classes, characters and places.
const ESCAPES: &str = "sSdDwWpPnrtfvxuhzbBA";

/// Looks at the pattern of a step that has one.
pub(super) fn check(step: &Object) -> Result<(), String> {
    let Some(pattern) = step.get("pattern") else { return Ok(()) };
    let replaces = step.contains_key("content");
    match (pattern.get("Regex").and_then(Value::as_str), pattern.get("String").and_then(Value::as_str)) {
        (Some(regex), _) if !is_plain(regex) || replaces && may_be_empty(regex) => {
            Err(format!("its pattern {} cannot be used here", quote(regex)))
        }
        (None, Some("")) => Err("one of its patterns is empty".into()),
        _ => Ok(()),
    }
}

/// Whether the pattern has no more than tokenizers use: classes, groups and looking around. Back references, calls,
/// conditions and moved beginnings could find ranges at which nothing can be cut.
fn is_plain(regex: &str) -> bool {
    let mut rest = regex;
    while let Some(at) = rest.find(['\\', '(']) {
        let after = &rest[at + 1..];
        let next = if rest[at..].starts_with('\\') {
            let is_fine = |c: char| !c.is_ascii_alphanumeric() || ESCAPES.contains(c);
            after.strip_prefix(is_fine)
        } else if let Some(group) = after.strip_prefix('?') {
            GROUPS.iter().find_map(|start| group.strip_prefix(*start))
        } else {
            Some(after)
        };
        match next {
            Some(next) => rest = next,
            None => return false,
        }
    }
    regex.len() <= LONGEST_TOKEN
}

/// Whether the pattern may match between two characters: what is put there belongs to none of them, and later steps
/// cannot follow it.
fn may_be_empty(regex: &str) -> bool {
    let looks_around = ["(?=", "(?!", "(?<", "\\b", "\\B"].iter().any(|mark| regex.contains(mark));
    looks_around || SysRegex::new(regex).is_ok_and(|regex| regex.find_iter("").next().is_some())
}
