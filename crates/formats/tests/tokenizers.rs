//! What holds for every tokenizer, and what is refused before it can do harm. That ids are Hugging Face's is tested in
//! `tests/`.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::time::Instant;

use proptest::prelude::*;
use secateur_formats::{Tokenizer, TokenizerError, learn_bpe};
use serde_json::{Value, json};

/// These give back every text as it was.
const LOSSLESS: &[&str] = &["gpt2", "llama3", "roberta", "smollm2"];
const OTHERS: &[&str] = &["albert", "bert-cased", "bert-uncased", "llama2", "mistral", "qwen2", "t5", "xlm-roberta"];

fn golden(name: &str) -> Vec<u8> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/golden/tokens");
    fs::read(folder.join(name).with_extension("json")).unwrap()
}

fn tokenizers(names: &[&str]) -> Vec<Tokenizer> {
    names.iter().map(|name| Tokenizer::parse(&golden(name)).unwrap()).collect()
}

fn text() -> impl Strategy<Value = String> {
    prop_oneof![any::<String>(), "[ -;=-~\n\t]{0,40}", "[a-zà-ÿ \u{300}-\u{310}花-花🌳▁]{0,30}"]
}

fn cases(cases: u32) -> ProptestConfig {
    ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() }
}

#[test]
fn texts_put_together_are_the_whole() {
    let all = tokenizers(&[LOSSLESS, OTHERS].concat());
    proptest!(cases(300), |(text in text(), drawn in prop::collection::vec(0u32..1100, 0..40))| {
        for tokenizer in &all {
            let ids = tokenizer.encode(&text).unwrap();
            prop_assert!(ids.iter().all(|id| (*id as usize) < tokenizer.size()));
            for ids in [&ids, &drawn] {
                let texts = tokenizer.texts(ids).unwrap();
                prop_assert_eq!(texts.len(), ids.len());
                prop_assert_eq!(texts.concat(), tokenizer.decode(ids).unwrap());
            }
        }
    });
}

#[test]
fn bytes_lose_nothing() {
    let lossless = tokenizers(LOSSLESS);
    proptest!(cases(300), |(text in text())| {
        for tokenizer in &lossless {
            prop_assert_eq!(&tokenizer.decode(&tokenizer.encode(&text).unwrap()).unwrap(), &text);
        }
    });
}

#[test]
fn a_character_comes_with_its_last_token() {
    for tokenizer in tokenizers(&["gpt2", "llama2", "llama3", "mistral", "smollm2"]) {
        let ids = tokenizer.encode("a 𠮷野家 and 👩‍👩‍👧 too").unwrap();
        let texts = tokenizer.texts(&ids).unwrap();
        assert!(texts.iter().all(|text| !text.contains('\u{fffd}')), "{texts:?}");
        assert!(texts.iter().filter(|text| text.is_empty()).count() > 6, "{texts:?}");
        assert!(!texts.last().unwrap().is_empty(), "{texts:?}");
    }
}

#[test]
fn the_cost_of_texts_grows_with_their_length_alone() {
    for tokenizer in tokenizers(&["bert-cased", "gpt2", "llama2", "t5"]) {
        let ids = tokenizer.encode(&"the trees, 花園 ".repeat(4000)).unwrap();
        let start = Instant::now();
        tokenizer.texts(&ids).unwrap();
        // It takes a tenth of a second. If every token were written with all before it, it would be minutes.
        assert!(start.elapsed().as_secs() < 10, "{} ids took {:?}", ids.len(), start.elapsed());
    }
}

#[test]
fn words_and_special_tokens_stand_apart() {
    let bert = &tokenizers(&["bert-cased"])[0];
    let ids = bert.encode("the gardens").unwrap();
    assert_eq!((ids.first().copied(), ids.last().copied()), (bert.id_of("[CLS]"), bert.id_of("[SEP]")));
    let texts = bert.texts(&ids).unwrap();
    assert_eq!((texts[0].as_str(), texts[1].as_str(), texts[texts.len() - 1].as_str()), ("", "the", ""));
    assert!(texts[2].starts_with(" g"), "{texts:?}");
    assert_eq!(bert.id_of("no such token"), None);
    assert_eq!(bert.decode(&[u32::MAX]).unwrap(), "");
}

/// A golden with one setting changed.
fn changed(name: &str, pointer: &str, value: Value) -> Result<Tokenizer, TokenizerError> {
    let mut file: Value = serde_json::from_slice(&golden(name)).unwrap();
    *file.pointer_mut(pointer).unwrap_or_else(|| panic!("{name} has no {pointer}")) = value;
    Tokenizer::parse(file.to_string().as_bytes())
}

#[test]
fn special_tokens_alone_are_no_text() {
    let first_bpe = changed("gpt2", "/decoder", json!({ "type": "BPEDecoder", "suffix": "</w>" })).unwrap();
    let special = first_bpe.id_of("<|endoftext|>").unwrap();
    assert_eq!(first_bpe.decode(&[special, special]).unwrap(), "");
    assert_eq!(first_bpe.texts(&[special]).unwrap(), [""]);
}

#[test]
fn what_would_end_the_program_is_refused() {
    let pattern = |regex: &str| json!({ "type": "Replace", "pattern": { "Regex": regex }, "content": "▁" });
    let template = json!({ "type": "TemplateProcessing", "single": [], "pair": [], "special_tokens": {} });
    let refused = [
        ("gpt2", "/model/merges/3", json!("Ġ nothing"), "does not join"),
        ("smollm2", "/model/continuing_subword_prefix", json!("####"), "does not join"),
        ("gpt2", "/model/vocab/!", json!(7), "id 7"),
        ("gpt2", "/model/vocab/!", json!(u32::MAX), "below"),
        ("bert-cased", "/model/max_input_chars_per_word", json!(1u64 << 40), "longest word"),
        ("t5", "/model/vocab/9/0", json!("x".repeat(50_000)), "50000 bytes"),
        ("t5", "/normalizer/precompiled_charsmap", json!("////fwAA"), "character map"),
        ("t5", "/normalizer/precompiled_charsmap", json!("no base64"), "character map"),
        ("t5", "/post_processor/single/0/Sequence/id", json!("B"), "second"),
        ("t5", "/post_processor/special_tokens", json!({}), "</s>"),
        ("llama3", "/post_processor/processors/0", template, "twice"),
        ("llama2", "/decoder/decoders/3/stop", json!(2), "from the end"),
        ("llama2", "/normalizer/normalizers/1", pattern("^"), "pattern"),
        ("llama2", "/normalizer/normalizers/1", pattern("(?=a)"), "pattern"),
        ("llama3", "/pre_tokenizer/pretokenizers/0/pattern/Regex", json!("(?=a\\K)"), "pattern"),
        ("llama2", "/normalizer/normalizers/1/content", json!("▁".repeat(5000)), "times longer"),
        ("gpt2", "/pre_tokenizer", json!({ "type": "FixedLength", "length": 0 }), "FixedLength"),
        ("gpt2", "/decoder", json!({ "type": "CTC" }), "CTC"),
        ("gpt2", "/decoder", json!(["Strip"]), "decoder"),
        ("gpt2", "/model", json!(null), "model"),
    ];
    for (name, pointer, value, sentence) in refused {
        let error = changed(name, pointer, value).expect_err(pointer).to_string();
        assert!(error.contains(sentence) && error.ends_with("belongs to the model"), "{name}{pointer}: {error}");
    }
}

#[test]
fn what_a_training_run_left_behind_changes_nothing() {
    let text = "the trees are not as tall as they were ".repeat(20);
    let mut file: Value = serde_json::from_slice(&golden("smollm2")).unwrap();
    let whole = tokenizers(&["smollm2"])[0].encode(&text).unwrap();
    file["truncation"] = json!({ "max_length": 1, "strategy": "LongestFirst", "stride": 0, "direction": "Right" });
    file["padding"] = json!({ "strategy": { "Fixed": 9999 } });
    file["model"]["dropout"] = json!(0.9);
    assert_eq!(Tokenizer::parse(file.to_string().as_bytes()).unwrap().encode(&text).unwrap(), whole);
}

const SPECIAL: &[&str] = &["<|endoftext|>", "<|pad|>"];

fn learned(texts: &[String], size: usize) -> Value {
    serde_json::from_slice(&learn_bpe(texts, size, SPECIAL).unwrap()).unwrap()
}

/// The rule itself, slow and plain: of all pairs that stand side by side the most frequent is joined, at equal counts
/// the one with the lower ids.
fn merges_by_the_rule(texts: &[String], vocabulary: &Value, most: usize) -> Vec<(u64, u64)> {
    let id = |letter: &str| vocabulary[letter].as_u64().unwrap();
    let letter = |c: char| id(&c.to_string().replace(' ', "Ġ"));
    let mut words: Vec<Vec<u64>> = texts
        .iter()
        .flat_map(|text| text.split(' ').enumerate())
        .map(|(at, word)| if at > 0 { format!(" {word}") } else { word.into() })
        .map(|word: String| word.chars().map(letter).collect())
        .collect();
    let mut merges = Vec::new();
    while merges.len() < most {
        let mut counts: BTreeMap<(u64, u64), usize> = BTreeMap::new();
        for pair in words.iter().flat_map(|word| word.windows(2)) {
            *counts.entry((pair[0], pair[1])).or_default() += 1;
        }
        // The map goes from low ids to high, and the last of equal maxima is taken: hence from behind.
        let Some((pair, _)) = counts.into_iter().rev().max_by_key(|(_, count)| *count) else { break };
        let joined = (SPECIAL.len() + 256 + merges.len()) as u64;
        for word in &mut words {
            let mut at = 0;
            while at + 1 < word.len() {
                if (word[at], word[at + 1]) == pair {
                    word.splice(at..at + 2, [joined]);
                }
                at += 1;
            }
        }
        merges.push(pair);
    }
    merges
}

proptest! {
    #![proptest_config(cases(200))]

    #[test]
    fn learning_follows_the_rule(texts in prop::collection::vec("[ab]{1,6}( [abc]{1,8}){0,12}", 1..8), more in 0usize..60) {
        let file = learned(&texts, SPECIAL.len() + 256 + more);
        let vocabulary = &file["model"]["vocab"];
        let merges = file["model"]["merges"].as_array().unwrap().iter();
        let ids = |pair: &Value| (0..2).map(|at| vocabulary[pair[at].as_str().unwrap()].as_u64().unwrap()).collect();
        let merges: Vec<Vec<u64>> = merges.map(ids).collect();
        let rule: Vec<Vec<u64>> =
            merges_by_the_rule(&texts, vocabulary, more).into_iter().map(|(left, right)| vec![left, right]).collect();
        prop_assert_eq!(merges, rule);
    }

    #[test]
    fn learning_goes_by_the_words_alone(texts in prop::collection::vec("[a-e]{1,6}( [a-e]{1,8}){0,12}", 2..20)) {
        let file = learn_bpe(&texts, 300, SPECIAL).unwrap();
        let turned: Vec<String> = texts.iter().rev().cloned().collect();
        prop_assert_eq!(&file, &learn_bpe(&turned, 300, SPECIAL).unwrap());
        // Special tokens between texts are the same as texts by themselves.
        prop_assert_eq!(&file, &learn_bpe(&[texts.join(SPECIAL[0])], 300, SPECIAL).unwrap());
    }

    #[test]
    fn what_was_learned_reads_every_text(texts in prop::collection::vec(text(), 1..6), other in text()) {
        let tokenizer = Tokenizer::parse(&learn_bpe(&texts, 400, SPECIAL).unwrap()).unwrap();
        prop_assert!(tokenizer.size() <= 400);
        prop_assert_eq!((tokenizer.id_of(SPECIAL[0]), tokenizer.id_of(SPECIAL[1])), (Some(0), Some(1)));
        for text in texts.iter().chain([&other]) {
            prop_assert_eq!(&tokenizer.decode(&tokenizer.encode(text).unwrap()).unwrap(), text);
        }
        let framed = tokenizer.encode(&format!("{}a{}", SPECIAL[0], SPECIAL[1])).unwrap();
        prop_assert_eq!((framed[0], framed[framed.len() - 1]), (0, 1));
    }
}

#[test]
fn a_vocabulary_has_room_for_bytes_and_special_tokens() {
    assert_eq!(learned(&[], 258)["model"]["vocab"].as_object().unwrap().len(), 258);
    for size in [0, 257, usize::MAX] {
        let error = learn_bpe(&[], size, SPECIAL).unwrap_err();
        assert_eq!(error, TokenizerError::Size { least: 258, most: 1 << 22, got: size });
    }
}
