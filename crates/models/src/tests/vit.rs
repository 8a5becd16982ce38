use serde_json::{Value, json};

use super::*;

/// A published ViT: features, layers, heads.
fn published(features: usize, layers: usize, heads: usize) -> Value {
    json!({
        "model_type": "vit", "hidden_size": features, "num_hidden_layers": layers, "num_attention_heads": heads,
        "intermediate_size": 4 * features, "image_size": 224, "patch_size": 16, "num_channels": 3, "num_labels": 1000,
    })
}

/// Parameters as timm and torchvision count them; multiply-accumulates by hand.
#[test]
fn counts_are_the_published_ones() {
    let tiny = initial(&published(192, 12, 3)).unwrap().graph;
    assert_eq!(tiny.params_total(), 5_717_416);
    let base = initial(&published(768, 12, 12)).unwrap().graph;
    assert_eq!(base.params_total(), 86_567_656);
    let layer = 197 * (4 * 768 * 768 + 2 * 768 * 3072) + 2 * 197 * 197 * 768;
    assert_eq!(base.macs(), 196 * 768 * 768 + 12 * layer + 768 * 1000);
    assert_eq!(base.blocks(), 14);
    // One token and one position more than ViT.
    let deit = initial(&with(&published(192, 12, 3), "model_type", json!("deit"))).unwrap().graph;
    assert_eq!(deit.params_total(), 5_717_416 + 2 * 192);
}

#[test]
fn shapes_alone_give_the_same_graph() {
    for model_type in ["vit", "deit"] {
        let config = with(&published(128, 2, 2), "model_type", json!(model_type));
        let asked = initial(&config).unwrap();
        let read = detect(&header(&asked), None).unwrap();
        assert_eq!(read.graph, asked.graph);
        assert_eq!((read.family, read.labels.len()), ("vit", 1000));
        assert!(read.verdict.contains("assumed: square pictures, 2 heads of 64 features, GELU"), "{}", read.verdict);
        assert!(read.verdict.contains("read from the tensors' names and shapes"), "{}", read.verdict);
    }
}

#[test]
fn the_verdict_is_one_sentence() {
    assert_eq!(
        shipped("digits-vit").verdict,
        "ViT image classifier with 4 layers of 4 heads, 96 features, 28×28 pixels in patches of 7×7, 10 classes, \
         306,826 parameters, as its config says."
    );
}

/// The class token is added last, so it comes first; DeiT's distillation token is second.
#[test]
fn tokens_stand_as_in_the_checkpoint() {
    let deit = initial(&with(&tiny_vit(), "model_type", json!("deit"))).unwrap().graph;
    let node = |name: &str| deit.nodes.iter().position(|node| node.name == name).unwrap();
    assert!(node("deit.embeddings.distillation_token") < node("deit.embeddings.cls_token"));
    let positions = deit.find_param("deit.embeddings.position_embeddings").unwrap();
    assert_eq!(deit.param(positions).shape(), [1, 6, 8]);
}

#[test]
fn queries_keys_and_values_may_lack_a_bias() {
    let config = with(&tiny_vit(), "qkv_bias", json!(false));
    let model = initial(&config).unwrap();
    assert!(model.graph.find_param("vit.encoder.layer.0.attention.attention.query.bias").is_none());
    let silent = with(&config, "qkv_bias", Value::Null);
    assert_eq!(detect(&header(&model), Some(&silent)).unwrap().graph, model.graph);
    let said = refused(&header(&model), Some(&tiny_vit()));
    assert!(said.contains("missing \"vit.encoder.layer.0.attention.attention.query.bias\" [8]"), "{said}");
}

#[test]
fn the_pooler_is_left_out_and_said_so() {
    let model = initial(&tiny_vit()).unwrap();
    let mut file = header(&model);
    push(&mut file, "vit.pooler.dense.weight", &[8, 8]);
    let read = detect(&file, Some(&tiny_vit())).unwrap();
    assert_eq!(read.graph, model.graph);
    assert!(read.verdict.ends_with("; not used: \"vit.pooler.dense.weight\"."), "{}", read.verdict);
}

#[test]
fn oblong_pictures_need_a_config() {
    let config = with(&tiny_vit(), "image_size", json!([8, 12]));
    let model = initial(&config).unwrap();
    assert_eq!((model.pictures.clone().unwrap().height, model.pictures.clone().unwrap().width), (8, 12));
    let said = refused(&header(&model), Some(&with(&config, "image_size", Value::Null)));
    assert!(said.contains("has 7 tokens, which is no square number of patches and 1 more"), "{said}");
}

#[test]
fn hostile_settings_are_refused() {
    let file = header(&initial(&tiny_vit()).unwrap());
    let cases = [
        (
            "hidden_size",
            json!(1_000_000_000_000_u64),
            "the config's \"hidden_size\" is 1000000000000, but axis 0 of vit",
        ),
        ("hidden_size", json!(u64::MAX), "\"hidden_size\" is 18446744073709551615, but axis 0 of vit"),
        ("hidden_size", json!(-8), "\"hidden_size\" should be a whole number, got -8"),
        ("num_hidden_layers", json!(1_000_000_000), "\"num_hidden_layers\" should be from 1 to 1000, got 1000000000"),
        ("num_hidden_layers", json!(0), "\"num_hidden_layers\" should be from 1 to 1000, got 0"),
        ("num_hidden_layers", json!(3), "missing \"vit.encoder.layer.2.layernorm_before.weight\" [8]"),
        ("num_hidden_layers", json!(1), "not part of it \"vit.encoder.layer.1."),
        ("num_attention_heads", json!(0), "\"num_attention_heads\" should be a divisor of hidden_size = 8, got 0"),
        ("num_attention_heads", json!(3), "\"num_attention_heads\" should be a divisor of hidden_size = 8, got 3"),
        ("patch_size", json!(0), "\"patch_size\" is 0, but axis 2 of vit"),
        ("patch_size", json!([4, 2]), "\"patch_size\" is 2, but axis 3 of vit"),
        ("image_size", json!(1_000_000_000), "\"image_size\" should be from 1 to 8192"),
        ("image_size", json!(3), "\"image_size\" should be cut into 1 to 16384 patches of 4×4 pixels, got 3×3"),
        ("image_size", json!(12), "\"vit.embeddings.position_embeddings\" is [1, 5, 8], not [1, 10, 8]"),
        ("num_channels", json!(1), "\"num_channels\" is 1, but axis 1 of vit"),
        ("hidden_act", json!("mish"), "\"hidden_act\" should be one of gelu, "),
        ("layer_norm_eps", json!(-1.0), "\"layer_norm_eps\" should be a number from 0 to 1, got -1"),
        ("id2label", json!({"0": "a", "1": "b"}), "\"id2label\" is 2, but axis 0 of classifier.weight [3, 8] says 3"),
        ("id2label", json!({"0": "a", "1": "b", "7": "c"}), "\"id2label\" should be a name for each class from 0 to 2"),
        ("model_type", json!("deit"), "\"model_type\" should be \"vit\", since the tensors' names are those of one"),
        ("model_type", json!(5), "\"model_type\" should be a text, got 5"),
    ];
    for (key, value, sentence) in cases {
        let said = refused(&file, Some(&with(&tiny_vit(), key, value)));
        assert!(said.contains(sentence), "{key}: {said}");
    }
}

/// Weights do not show heads; a wrong guess would be a wrong model.
#[test]
fn heads_are_not_guessed() {
    let said = refused(&header(&initial(&tiny_vit()).unwrap()), None);
    assert!(said.contains("how many attention heads share the 8 features; put the model's config.json"), "{said}");
}
