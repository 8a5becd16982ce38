//! The steps before and after the model: how a text is normalised, cut into words, framed and written again.

use serde_json::Value;

use super::tame::{Object, size_with};
use super::{charsmap, patterns};
use crate::quote;

/// A section of the file: its key, the key of the steps in a "Sequence", and the steps that are known to be sound.
struct Section {
    key: &'static str,
    inner: &'static str,
    known: &'static str,
}

const SECTIONS: &[Section] = &[
    Section {
        key: "normalizer",
        inner: "normalizers",
        known: "BertNormalizer ByteLevel Lowercase NFC NFD NFKC NFKD Nmt Precompiled Prepend Replace Strip StripAccents",
    },
    Section {
        key: "pre_tokenizer",
        inner: "pretokenizers",
        known: "BertPreTokenizer ByteLevel Digits Metaspace Punctuation Split Whitespace WhitespaceSplit",
    },
    Section {
        key: "post_processor",
        inner: "processors",
        known: "BertProcessing ByteLevel RobertaProcessing TemplateProcessing",
    },
    Section {
        key: "decoder",
        inner: "decoders",
        known: "BPEDecoder ByteFallback ByteLevel Fuse Metaspace Replace Strip WordPiece",
    },
];

/// How many times longer the replacements of a section may make a text: without a bound a few lines would fill the
/// memory.
const MOST_GROWTH: usize = 4096;
/// Longest text, in bytes, that may be put before each piece.
const LONGEST_PREFIX: usize = 64;

/// Looks at every step. The number is above every id that a step adds.
pub(super) fn check(file: &Object) -> Result<usize, String> {
    let mut size = 0;
    for section in SECTIONS {
        let mut steps = Vec::new();
        flatten(file.get(section.key).unwrap_or(&Value::Null), section, &mut steps)?;
        let mut growth = 1usize;
        for step in &steps {
            patterns::check(step)?;
            trims(step)?;
            growth = growth.saturating_mul(replacement_bytes(step)?);
            size = size.max(framed_size(step)?);
        }
        if growth > MOST_GROWTH {
            return Err(format!("its {} could make a text {growth} times longer", section.key));
        }
        // What kind of frame a step is goes by what it holds, not by its type.
        if steps.iter().filter(|step| step.contains_key("single")).count() > 1 {
            return Err("it puts a text into a template twice".into());
        }
    }
    Ok(size)
}

/// The steps of a section, sequences taken apart.
fn flatten<'a>(step: &'a Value, section: &Section, steps: &mut Vec<&'a Object>) -> Result<(), String> {
    let step = match step {
        Value::Null => return Ok(()),
        Value::Object(step) => step,
        other => return Err(format!("its {} is {}", section.key, quote(&other.to_string()))),
    };
    match step.get("type").and_then(Value::as_str) {
        Some("Sequence") => {
            let inner = step.get(section.inner).and_then(Value::as_array);
            inner.into_iter().flatten().try_for_each(|step| flatten(step, section, steps))
        }
        Some(kind) if section.known.split(' ').any(|known| known == kind) => {
            steps.push(step);
            Ok(())
        }
        Some(kind) => Err(format!("its {} {} is not known here", section.key, quote(kind))),
        None => Err(format!("its {} does not say its type", section.key)),
    }
}

/// How many bytes a step makes of one, at most.
fn replacement_bytes(step: &Object) -> Result<usize, String> {
    let text = |key| step.get(key).and_then(Value::as_str).unwrap_or_default();
    if text("prepend").len() > LONGEST_PREFIX {
        return Err(format!("it puts {} bytes before each piece", text("prepend").len()));
    }
    if step.get("type").is_some_and(|kind| kind == "Precompiled") {
        return charsmap::check(text("precompiled_charsmap")).map(|()| charsmap::LONGEST_FORM);
    }
    Ok(text("content").len().max(1))
}

/// At the end of a piece the crate strips without asking whether the piece is as long.
fn trims(step: &Object) -> Result<(), String> {
    match step.get("stop").and_then(Value::as_u64) {
        Some(stop) if stop > 0 => Err(format!("its decoder strips {stop} characters from the end of a piece")),
        _ => Ok(()),
    }
}

/// Special tokens around a text: the template must be for one text, and the size goes with the ids.
fn framed_size(step: &Object) -> Result<usize, String> {
    let mut size = 0;
    for key in ["sep", "cls"] {
        if let Some(token) = step.get(key) {
            size = size.max(size_with(token.get(1).unwrap_or(&Value::Null), key)?);
        }
    }
    let special = step.get("special_tokens").and_then(Value::as_object);
    for piece in step.get("single").and_then(Value::as_array).into_iter().flatten() {
        if piece.pointer("/Sequence/id").is_some_and(|text| text != "A") {
            return Err("its template for one text asks for a second".into());
        }
        let token = piece.pointer("/SpecialToken/id").and_then(Value::as_str);
        if let Some(token) = token.filter(|token| special.is_none_or(|special| !special.contains_key(*token))) {
            return Err(format!("its template does not say what {} is", quote(token)));
        }
    }
    for (name, token) in special.into_iter().flatten() {
        for id in token.get("ids").and_then(Value::as_array).into_iter().flatten() {
            size = size.max(size_with(id, name)?);
        }
    }
    Ok(size)
}
