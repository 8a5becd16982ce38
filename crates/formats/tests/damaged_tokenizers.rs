//! Whatever is in a tokenizer.json, it becomes a tokenizer that works or a sentence: no panic, no flood of memory.

mod support;

use std::cell::Cell;
use std::fs;
use std::path::Path;

use proptest::prelude::*;
use proptest::sample::Index;
use secateur_formats::{Tokenizer, TokenizerError};
use serde_json::{Value, json};
use support::{assert_is_sentence, peak};

/// Sound files of every type, from the goldens.
fn sound() -> Vec<Value> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/golden/tokens");
    let mut paths: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.retain(|path| path.extension().is_some_and(|end| end == "json") && !path.ends_with("strings.json"));
    paths.sort();
    assert!(paths.len() >= 10, "{paths:?}");
    paths.iter().map(|path| serde_json::from_slice(&fs::read(path).unwrap()).unwrap()).collect()
}

/// Where in a file: at each level one of what is there.
type Place = Vec<Index>;

#[derive(Clone, Debug)]
enum Damage {
    Put(Place, Value),
    /// A part of the file stands in another place too.
    Copy(Place, Place),
    Remove(Place),
    /// A setting where none was.
    Add(Place, &'static str, Value),
    /// One character of a text changes.
    Letter(Place, Index, char),
    /// One byte of the file changes.
    Byte(Index, u8),
    Cut(Index),
}

fn place() -> impl Strategy<Value = Place> {
    prop::collection::vec(any::<Index>(), 1..7)
}

/// What upsets a reader.
fn values() -> impl Strategy<Value = Value> {
    let steps = "BPEDecoder BertNormalizer BertPreTokenizer BertProcessing ByteFallback ByteLevel CTC Digits FixedLength \
                 Fuse Lowercase Metaspace NFC NFD NFKD Nmt Precompiled Prepend Punctuation Replace RobertaProcessing \
                 Sequence Split Strip StripAccents TemplateProcessing UnicodeScripts Whitespace WordPiece BPE Unigram \
                 WordLevel";
    let patterns =
        ["", "a", "^", "(?=e)", "(?<=e)", "(?=e\\K)", "\\b", "(a)\\1", "\\s+(?!\\S)|\\s+", "[", "(?<!\\n)^", " {2,}"];
    let mut values = vec![json!(null), json!(true), json!(0), json!(1), json!(7), json!(-1), json!(0.5), json!(1e300)];
    values.extend([json!(4294967295u64), json!(u64::MAX), json!([]), json!({}), json!(""), json!(" "), json!("▁")]);
    values.extend([json!("\u{301}"), json!("x".repeat(5000)), json!("AAAA"), json!(["a", "b"]), json!([["a", "b"]])]);
    values.extend(steps.split_whitespace().map(|step| json!(step)));
    values.extend(steps.split_whitespace().map(|step| json!({ "type": step })));
    values.extend(patterns.map(|regex| json!({ "Regex": regex })));
    values.extend(patterns.map(|text| json!({ "String": text })));
    values.push(json!({ "type": "FixedLength", "length": 0 }));
    values.push(json!({ "type": "Strip", "content": " ", "start": 1, "stop": 1 }));
    values.push(json!({ "type": "Replace", "pattern": { "Regex": "^" }, "content": "▁" }));
    values.push(json!([{ "Sequence": { "id": "B", "type_id": 0 } }]));
    values.push(json!([{ "SpecialToken": { "id": "?", "type_id": 0 } }]));
    prop::sample::select(values)
}

fn damage() -> impl Strategy<Value = Damage> {
    let settings = "stop start length prefix suffix content pattern single special_tokens continuing_subword_prefix \
                    end_of_word_suffix unk_token unk_id lstrip prepend type precompiled_charsmap dropout byte_fallback";
    let settings: Vec<&'static str> = settings.split_whitespace().collect();
    prop_oneof![
        6 => (place(), values()).prop_map(|(at, value)| Damage::Put(at, value)),
        3 => (place(), place()).prop_map(|(from, to)| Damage::Copy(from, to)),
        2 => place().prop_map(Damage::Remove),
        3 => (place(), prop::sample::select(settings), values()).prop_map(|(at, key, value)| Damage::Add(at, key, value)),
        3 => (place(), any::<Index>(), any::<char>()).prop_map(|(at, letter, to)| Damage::Letter(at, letter, to)),
        1 => (any::<Index>(), any::<u8>()).prop_map(|(at, bits)| Damage::Byte(at, bits)),
        1 => any::<Index>().prop_map(Damage::Cut),
    ]
}

/// The part of the file at a place.
fn part<'a>(value: &'a mut Value, place: &[Index]) -> &'a mut Value {
    let Some((at, deeper)) = place.split_first() else { return value };
    let parts = value.as_array().map(Vec::len).or(value.as_object().map(|map| map.len())).unwrap_or(0);
    if parts == 0 {
        return value;
    }
    let inner = match value {
        Value::Array(list) => list.get_mut(at.index(parts)),
        Value::Object(map) => map.values_mut().nth(at.index(parts)),
        _ => None,
    };
    part(inner.expect("an index of what is there"), deeper)
}

impl Damage {
    fn to_value(&self, file: &mut Value) {
        match self {
            Self::Put(at, value) => *part(file, at) = value.clone(),
            Self::Copy(from, to) => {
                let copied = part(file, from).clone();
                *part(file, to) = copied;
            }
            Self::Remove(at) => {
                if let Some((last, above)) = at.split_last() {
                    match part(file, above) {
                        Value::Array(list) if !list.is_empty() => {
                            list.remove(last.index(list.len()));
                        }
                        Value::Object(map) if !map.is_empty() => {
                            let key = map.keys().nth(last.index(map.len())).unwrap().clone();
                            map.remove(&key);
                        }
                        _ => {}
                    }
                }
            }
            Self::Add(at, key, value) => {
                if let Value::Object(map) = part(file, at) {
                    map.insert((*key).into(), value.clone());
                }
            }
            Self::Letter(at, letter, to) => {
                if let Value::String(text) = part(file, at) {
                    let mut letters: Vec<char> = text.chars().collect();
                    if !letters.is_empty() {
                        let letter = letter.index(letters.len());
                        letters[letter] = *to;
                        *text = letters.into_iter().collect();
                    }
                }
            }
            Self::Byte(..) | Self::Cut(..) => {}
        }
    }

    fn to_bytes(&self, file: &mut Vec<u8>) {
        match self {
            Self::Byte(at, bits) if !file.is_empty() => {
                let at = at.index(file.len());
                file[at] ^= bits;
            }
            Self::Cut(at) => file.truncate(at.index(file.len() + 1)),
            _ => {}
        }
    }
}

const TEXTS: &[&str] = &[
    "",
    " ",
    "  The trees' 12 leaves\n\n\tfell; they've cafe\u{301} naïve ＡＢ ﬁ 花園 🌳👍🏽 ▁ ## <0x41> ",
    "\u{301}\0\u{feff}\u{e000}",
    "   <mask><s>[MASK] a<|endoftext|>  b</s>",
    "eeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeee",
];

/// Reads texts and writes them again.
fn work(tokenizer: &Tokenizer) -> Result<(), TokenizerError> {
    let size = tokenizer.size() as u32;
    for text in TEXTS {
        let ids = tokenizer.encode(text)?;
        assert!(ids.iter().all(|id| *id < size), "{ids:?} of {size}");
        assert_eq!(tokenizer.texts(&ids)?.concat(), tokenizer.decode(&ids)?);
    }
    let some: Vec<u32> = (0..size.min(40)).chain([size, u32::MAX]).rev().collect();
    assert_eq!(tokenizer.texts(&some)?.concat(), tokenizer.decode(&some)?);
    Ok(())
}

/// More than any of these small files should take: the tables of a pattern are the largest part.
const MOST_BYTES: usize = 64 << 20;

#[test]
fn a_damaged_file_gives_a_tokenizer_or_a_sentence() {
    let sound = sound();
    let config = ProptestConfig { cases: 8_000, failure_persistence: None, ..ProptestConfig::default() };
    let damaged = (any::<Index>(), prop::collection::vec(damage(), 1..4));
    let read = Cell::new(0);
    proptest!(config, |((which, damages) in damaged)| {
        let mut file = which.get(&sound).clone();
        damages.iter().for_each(|damage| damage.to_value(&mut file));
        let mut bytes = serde_json::to_vec(&file).unwrap();
        damages.iter().for_each(|damage| damage.to_bytes(&mut bytes));
        let (outcome, peak) = peak(|| Tokenizer::parse(&bytes).and_then(|tokenizer| work(&tokenizer)));
        prop_assert!(peak < MOST_BYTES, "{peak} bytes");
        match outcome {
            Ok(()) => read.set(read.get() + 1),
            Err(error) => assert_is_sentence(&error.to_string()),
        }
    });
    let read = read.get();
    assert!(read > 1_000, "{read} still worked: the damage is too great to show much");
}
