//! Every type of tokenizer in the browser, beside Hugging Face; tests/tests/tokenizers.rs does it natively.
#![cfg(target_family = "wasm")]

use secateur_tests::{TOKENS, strings};
use wasm_bindgen_test::{console_log, wasm_bindgen_test, wasm_bindgen_test_configure};

wasm_bindgen_test_configure!(run_in_dedicated_worker);

#[wasm_bindgen_test]
fn ids_and_texts_are_hugging_faces() {
    let strings = strings();
    let mut different = Vec::new();
    for tokens in TOKENS {
        let differences = tokens.differences(&strings);
        console_log!("{:<14} {} strings, {} differ", tokens.name, strings.len(), differences.len());
        different.extend(differences);
    }
    assert!(different.is_empty(), "{different:#?}");
}
