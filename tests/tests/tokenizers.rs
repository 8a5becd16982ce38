//! Every type of tokenizer beside Hugging Face: the same ids, the same text. The browser has the same test in
//! crates/worker.

use std::collections::BTreeSet;
use std::fs::read_dir;

use secateur_tests::{TOKENS, golden_path, strings};

#[test]
fn ids_and_texts_are_hugging_faces() {
    let strings = strings();
    assert!(strings.len() >= 1000);
    let mut different = Vec::new();
    for tokens in TOKENS {
        let differences = tokens.differences(&strings);
        println!("{:<14} {} strings, {} differ", tokens.name, strings.len(), differences.len());
        different.extend(differences);
    }
    assert!(different.is_empty(), "{different:#?}");
}

#[test]
fn every_golden_is_compared() {
    let files = read_dir(golden_path("tokens")).unwrap().map(|entry| entry.unwrap().path());
    let answers = files.filter(|path| path.extension().is_some_and(|end| end == "safetensors"));
    let names: BTreeSet<String> = answers.map(|path| path.file_stem().unwrap().to_str().unwrap().into()).collect();
    assert_eq!(names, TOKENS.iter().map(|tokens| tokens.name.into()).collect());
}
