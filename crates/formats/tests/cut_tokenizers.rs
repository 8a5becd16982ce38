//! Tokenizers without some of their tokens: what is left reads every text, by new numbers.

use std::fs;
use std::path::Path;

use proptest::prelude::*;
use secateur_formats::Tokenizer;

/// These give back every text as it was.
const LOSSLESS: &[&str] = &["gpt2", "llama3", "roberta", "smollm2", "qwen2"];
/// These find a text's tokens by the vocabulary alone, whole words first or the likeliest ones.
const BY_VOCABULARY: &[&str] = &["albert", "bert-cased", "bert-uncased", "t5", "xlm-roberta"];
/// These write what has no token in bytes.
const BY_BYTES: &[&str] = &["llama2", "mistral"];

fn golden(name: &str) -> Tokenizer {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/golden/tokens");
    Tokenizer::parse(&fs::read(folder.join(name).with_extension("json")).unwrap()).unwrap()
}

/// What stays when of the tokens that may go those go that are drawn.
fn kept(whole: &Tokenizer, goes: impl Fn(usize) -> bool) -> Vec<usize> {
    (0..whole.size()).filter(|id| whole.needed().contains_key(&(*id as u32)) || !goes(*id)).collect()
}

#[test]
fn no_token_less_is_the_same_tokenizer() {
    for name in [LOSSLESS, BY_VOCABULARY, BY_BYTES].concat() {
        let whole = golden(name);
        let same = whole.only(&kept(&whole, |_| false)).unwrap();
        let text = "The gardener's 3 trees, ä花\n";
        assert_eq!(same.encode(text).unwrap(), whole.encode(text).unwrap(), "{name}");
        assert_eq!(same.needed(), whole.needed(), "{name}");
    }
}

#[test]
fn every_text_can_be_read_without_some_tokens() {
    let all: Vec<(Tokenizer, bool)> = [(LOSSLESS, true), (BY_VOCABULARY, false), (BY_BYTES, false)]
        .into_iter()
        .flat_map(|(names, lossless)| names.iter().map(move |name| (golden(name), lossless)))
        .collect();
    let cases = ProptestConfig { cases: 12, failure_persistence: None, ..ProptestConfig::default() };
    proptest!(cases, |(text in "[ -~\n]{0,40}|[a-zà-ÿ 花-花🌳]{0,20}", each in 2_usize..5, first in 0_usize..5)| {
        for (whole, lossless) in &all {
            let kept = kept(whole, |id| id % each == first % each);
            let smaller = whole.only(&kept).unwrap();
            let ids = smaller.encode(&text).unwrap();
            prop_assert!(ids.iter().all(|id| (*id as usize) < kept.len()));
            if *lossless {
                prop_assert_eq!(&smaller.decode(&ids).unwrap(), &text);
            }
        }
    });
}

#[test]
fn texts_without_the_tokens_that_went_are_read_as_before() {
    let text = "The gardener cut the old trees before the winter came.";
    for name in BY_VOCABULARY {
        let whole = golden(name);
        let before = whole.encode(text).unwrap();
        let kept = kept(&whole, |id| !before.contains(&(id as u32)));
        let smaller = whole.only(&kept).unwrap();
        assert!(kept.len() < whole.size(), "{name}");
        let now: Vec<u32> = before.iter().map(|id| kept.binary_search(&(*id as usize)).unwrap() as u32).collect();
        assert_eq!(smaller.encode(text).unwrap(), now, "{name}");
        assert_eq!(smaller.decode(&now).unwrap(), whole.decode(&before).unwrap(), "{name}");
    }
}

#[test]
fn a_word_that_loses_its_token_is_written_with_shorter_ones() {
    let whole = golden("gpt2");
    let [id] = whole.encode(" the").unwrap()[..] else { panic!("one token") };
    let smaller = whole.only(&kept(&whole, |other| other == id as usize)).unwrap();
    let ids = smaller.encode(" the").unwrap();
    assert!(ids.len() > 1, "{ids:?}");
    assert_eq!(smaller.decode(&ids).unwrap(), " the");
    assert_eq!(whole.text_of(id), " the");
}

#[test]
fn special_tokens_and_the_alphabet_are_needed_and_say_why() {
    let why = |name: &str, token: &str| {
        let whole = golden(name);
        let id = whole.id_of(token).unwrap_or_else(|| panic!("{name} has no {token}"));
        whole.needed().get(&id).cloned()
    };
    assert_eq!(why("bert-cased", "[SEP]").as_deref(), Some("it is a special token"));
    assert_eq!(why("t5", "▁").as_deref(), Some("words are made of it"));
    assert_eq!(why("bert-cased", "##e").as_deref(), Some("words are made of it"));
    assert_eq!(why("llama2", "<0x0A>").as_deref(), Some("characters without a token are written with it"));
    assert_eq!(why("gpt2", "Ġthe"), None);
    let bytes = golden("gpt2").needed().values().filter(|why| why.contains("made of it")).count();
    assert_eq!(bytes, 256, "every text is made of bytes");
}

#[test]
fn tokens_say_what_they_write() {
    let text = |name: &str, token: &str| {
        let whole = golden(name);
        whole.text_of(whole.id_of(token).unwrap())
    };
    assert_eq!(text("gpt2", "Ġthe"), " the");
    assert_eq!(text("gpt2", "<|endoftext|>"), "<|endoftext|>");
    assert_eq!(text("llama2", "▁the"), " the");
    assert_eq!(golden("gpt2").text_of(u32::MAX), "");
}

#[test]
fn merges_say_what_a_token_is_made_of() {
    let whole = golden("gpt2");
    for [one, other, both] in whole.merges() {
        let name = [*one, *other].map(|id| whole.text_of(id)).concat();
        let whole_characters = !name.contains('\u{120}') && name.is_ascii();
        assert!(!whole_characters || name == whole.text_of(*both), "{name:?} {:?}", whole.text_of(*both));
    }
    assert!(whole.merges().len() > 600 && golden("t5").merges().is_empty());
}
