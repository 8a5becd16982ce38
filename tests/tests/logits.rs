//! Outputs beside PyTorch's: tiny ViT and DeiT checkpoints written by Hugging Face transformers, and the
//! shipped models on test digits.

use std::path::Path;

use secateur_tests::{Golden, Opened, assert_close, golden_path, public_path};

/// Of logits of about 1 to 10.
const NEAR: f32 = 1e-4;

fn tiny(kind: &str, dtype: &str, config: Option<&Path>) {
    let opened = Opened::new(&golden_path(&format!("{kind}/{dtype}.safetensors")), config);
    assert_eq!(opened.model.family, "vit");
    let expected = Golden::open(&format!("{kind}/expected.safetensors"));
    let (shape, pixels) = expected.f32("pixels");
    let (_, want) = expected.f32(&format!("logits.{dtype}"));
    assert_close(&want, &opened.logits(&pixels, shape[0]), NEAR);
}

#[test]
fn vit_and_deit_answer_as_in_transformers_in_all_widths() {
    for kind in ["vit", "deit"] {
        for dtype in ["f32", "f16", "bf16"] {
            tiny(kind, dtype, Some(&golden_path(&format!("{kind}/config.json"))));
        }
    }
}

#[test]
fn names_and_shapes_are_enough() {
    tiny("bare", "f16", None);
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
