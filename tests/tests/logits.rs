//! Outputs beside PyTorch's: tiny ViT and DeiT checkpoints written by Hugging Face transformers, and the
//! shipped models on test digits.

use secateur_tests::{Golden, Opened, assert_close, golden_path, public_path};

/// Of logits of about 1 to 10.
const NEAR: f32 = 1e-4;

fn tiny(kind: &str, dtype: &str, with_config: bool) {
    let file = if dtype == "f32" { "model".into() } else { dtype.to_string() };
    let weights = golden_path(&format!("{kind}/{file}.safetensors"));
    let config = golden_path(&format!("{kind}/config.json"));
    let opened = Opened::new(&weights, with_config.then_some(config.as_path()));
    assert_eq!(opened.model.family, "vit");
    let expected = Golden::open(&format!("{kind}/expected.safetensors"));
    let (shape, pixels) = expected.f32("pixels");
    let (_, want) = expected.f32(&format!("logits.{dtype}"));
    assert_close(&want, &opened.logits(&pixels, shape[0]), NEAR);
}

#[test]
fn vit_answers_as_in_transformers() {
    tiny("vit", "f32", true);
}

#[test]
fn deit_answers_as_in_transformers() {
    tiny("deit", "f32", true);
}

#[test]
fn halves_are_widened_exactly() {
    for kind in ["vit", "deit"] {
        tiny(kind, "f16", true);
        tiny(kind, "bf16", true);
    }
}

fn shipped(name: &str) {
    let file = |file| public_path(&format!("models/{name}/{file}"));
    let opened = Opened::new(&file("model.safetensors"), Some(&file("config.json")));
    let expected = Golden::open(&format!("{name}.safetensors"));
    let (shape, pixels) = expected.f32("pixels");
    let (_, want) = expected.f32("logits");
    assert_close(&want, &opened.logits(&pixels, shape[0]), NEAR);
}

#[test]
fn digits_vit_answers_as_in_transformers() {
    shipped("digits-vit");
}

#[test]
fn digits_cnn_answers_as_in_pytorch() {
    shipped("digits-cnn");
}
