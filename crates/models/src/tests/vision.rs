//! Vision transformers of all spellings, against upstream's own files.

use secateur_graph::Op;

use super::goldens::{golden, golden_config, golden_header};
use super::*;
use crate::Task;

const ALL: [(&str, Task); 16] = [
    ("deit-teacher", Task::ImageClasses),
    ("vit-bare", Task::ImageFeatures),
    ("deit-bare", Task::ImageFeatures),
    ("dinov2", Task::ImageFeatures),
    ("dinov2-swiglu", Task::ImageClasses),
    ("dinov2-registers", Task::ImageClasses),
    ("clip", Task::TwoTowers),
    ("clip-text", Task::TextFeatures),
    ("clip-vision", Task::ImageFeatures),
    ("timm-vit", Task::ImageClasses),
    ("timm-deit-distilled", Task::ImageClasses),
    ("timm-layerscale", Task::ImageClasses),
    ("timm-swiglu", Task::ImageFeatures),
    ("timm-swiglu-split", Task::ImageClasses),
    ("timm-clip", Task::ImageClasses),
    ("timm-deit3", Task::ImageClasses),
];

/// The tensors' names and shapes, sorted, without those that only training or nothing uses.
fn held(file: &Header) -> Vec<(String, Vec<usize>)> {
    let unused = |name: &str| name == "logit_scale" || name.ends_with("mask_token");
    let tensors = file.tensors.iter().filter(|tensor| !unused(&tensor.name));
    let mut all: Vec<_> = tensors.map(|tensor| (tensor.name.clone(), tensor.shape.clone())).collect();
    all.sort();
    all
}

/// What upstream's configuration makes of its file.
fn configured(name: &str) -> Model {
    detect(&golden_header(name), Some(&golden_config(name))).unwrap_or_else(|error| panic!("{name}: {error}"))
}

fn outputs(model: &Model) -> Vec<(&str, &[usize])> {
    let shape = |node| model.graph.node(node).shape.as_slice();
    model.graph.outputs.iter().map(|output| (output.name.as_str(), shape(output.node))).collect()
}

fn node<'a>(model: &'a Model, name: &str) -> &'a secateur_graph::Node {
    model.graph.nodes.iter().find(|node| node.name == name).unwrap_or_else(|| panic!("no node {name}"))
}

/// A copy of the settings with one changed inside another.
fn inside(config: &Value, outer: &str, key: &str, value: Value) -> Value {
    let mut config = config.clone();
    config[outer][key] = value;
    config
}

#[test]
fn parameters_are_the_files() {
    for (name, task) in ALL {
        let model = configured(name);
        assert_eq!(held(&header(&model)), held(&golden_header(name)), "{name}");
        assert_eq!(model.task, task, "{name}");
        assert_eq!(model.labels.len(), if task == Task::ImageClasses { 5 } else { 0 }, "{name}");
        assert!(model.graph.blocks() >= 3, "{name}");
    }
}

#[test]
fn the_written_config_says_the_same() {
    for (name, _) in ALL {
        golden(name);
    }
}

/// Published models have most of their arguments in the architecture's name only.
#[test]
fn what_timms_names_say_is_read_from_tensors() {
    for (name, architecture) in [("timm-layerscale", "vit_wee_patch16_reg4_gap_256"), ("timm-deit-distilled", "deit")] {
        let named = with(&golden_config(name), "architecture", json!(architecture));
        let config = with(&named, "model_args", json!({"num_heads": 3}));
        let config = inside(&config, "pretrained_cfg", "input_size", json!([3, 8, 12]));
        let square = inside(&config, "pretrained_cfg", "input_size", json!([3, 12, 12]));
        let config = if name == "timm-layerscale" { square } else { config };
        let read = detect(&golden_header(name), Some(&config)).unwrap();
        assert_eq!(read.graph, configured(name).graph, "{name}");
    }
}

#[test]
fn answers_have_their_names_and_shapes() {
    type Outputs = &'static [(&'static str, &'static [usize])];
    let cases: [(&str, Outputs); 7] = [
        ("deit-teacher", &[("logits", &[5])]),
        ("vit-bare", &[("hidden", &[7, 24]), ("embedding", &[10])]),
        ("deit-bare", &[("hidden", &[8, 24])]),
        ("dinov2", &[("hidden", &[5, 24]), ("embedding", &[24])]),
        ("clip", &[("image_embeds", &[9]), ("text_embeds", &[9])]),
        ("clip-text", &[("hidden", &[11, 24]), ("embedding", &[24])]),
        ("clip-vision", &[("hidden", &[5, 18]), ("embedding", &[18]), ("image_embeds", &[7])]),
    ];
    for (name, want) in cases {
        assert_eq!(outputs(&configured(name)), want, "{name}");
    }
}

/// Weights show no heads; with 64 features to each, as published, nothing has to be asked.
#[test]
fn without_a_config_heads_are_asked_for() {
    for (name, _) in ALL {
        let said = refused(&golden_header(name), None);
        let want = match name {
            "clip" | "clip-text" | "clip-vision" => "which activation (\"hidden_act\") and how many heads",
            // The first thing that tensors do not show.
            "timm-clip" => "how many attention heads share the 24 features",
            "vit-bare" | "deit-bare" | "deit-teacher" | "timm-vit" | "timm-deit-distilled" | "timm-swiglu-split" => {
                "which is no square number of patches"
            }
            "dinov2-swiglu" => "how many attention heads share the 18 features",
            "timm-deit3" => "has 6 tokens, which is no square number of patches",
            _ => "how many attention heads share the 24 features",
        };
        assert!(said.contains(want) && said.contains("put the model's config.json beside it"), "{name}: {said}");
    }
}

#[test]
fn shapes_alone_give_the_same_graph() {
    let wide = [("hidden_size", 128), ("num_attention_heads", 2), ("intermediate_size", 40)];
    for name in ["deit-teacher", "vit-bare", "deit-bare", "dinov2", "dinov2-swiglu", "dinov2-registers"] {
        let mut config = golden_config(name);
        for (key, size) in wide {
            config[key] = json!(size);
        }
        config["image_size"] = json!(12);
        config["hidden_act"] = json!("gelu");
        config["pooler_act"] = json!("tanh");
        config["layer_norm_eps"] = json!(if name.starts_with("dino") { 1e-6 } else { 1e-12 });
        same_without(name, &config);
    }
    for name in ["timm-vit", "timm-deit-distilled", "timm-layerscale", "timm-swiglu", "timm-deit3"] {
        let mut config = with(&configured(name).config, "architecture", json!("vit_base_patch16_224"));
        let pooled = name == "timm-deit3";
        for (key, value) in [("embed_dim", json!(128)), ("num_heads", json!(2)), ("img_size", json!(12))] {
            config["model_args"][key] = value;
        }
        if pooled {
            config["model_args"]["act_layer"] = json!("gelu");
            config["model_args"]["pool_include_prefix"] = json!(false);
            config["model_args"]["fc_norm"] = json!(true);
        }
        if name == "timm-swiglu" {
            config["model_args"]["init_values"] = json!(0.1);
        }
        if name == "timm-deit-distilled" {
            config["architecture"] = json!("deit_base_distilled_patch16_224");
        }
        same_without(name, &config);
    }
}

#[track_caller]
fn same_without(name: &str, config: &Value) {
    let asked = initial(config).unwrap_or_else(|error| panic!("{name}: {error}"));
    let read = detect(&header(&asked), None).unwrap_or_else(|error| panic!("{name}: {error}"));
    assert_eq!(read.graph, asked.graph, "{name}");
    assert!(read.verdict.contains("2 heads of 64 features"), "{name}: {}", read.verdict);
}

/// Positions first or tokens first, and in which order.
#[test]
fn tokens_stand_as_upstream_has_them() {
    let order = |name: &str, nodes: &[&str]| {
        let model = configured(name);
        let at = |node: &&str| model.graph.nodes.iter().position(|other| other.name == **node).expect("there");
        assert!(nodes.iter().map(at).is_sorted(), "{name}: {nodes:?}");
    };
    order("timm-layerscale", &["pos_embed", "reg_token", "blocks.0.norm1"]);
    order("timm-deit3", &["pos_embed", "reg_token", "cls_token"]);
    order("timm-deit-distilled", &["dist_token", "cls_token", "pos_embed"]);
    order("timm-clip", &["cls_token", "pos_embed", "norm_pre", "blocks.0.norm1"]);
    let before = "dinov2_with_registers.embeddings.";
    let nodes = ["cls_token", "position_embeddings", "register_tokens", "tokens"].map(|part| format!("{before}{part}"));
    order("dinov2-registers", &nodes.each_ref().map(String::as_str));
    let model = configured("dinov2-registers");
    assert_eq!(node(&model, "dinov2_with_registers.embeddings.tokens").shape, [8, 24]);
}

#[test]
fn pooling_leaves_out_what_upstream_leaves_out() {
    let from = |name: &str, pool: &str| match &node(&configured(name), pool).op {
        Op::MeanTokens(mean) => mean.from,
        other => panic!("{name}: {other:?}"),
    };
    assert_eq!(from("timm-layerscale", "pool"), 3);
    assert_eq!(from("timm-deit3", "pool"), 0);
    assert_eq!(from("dinov2-registers", "dinov2_with_registers.mean_patch"), 4);
    assert_eq!(from("dinov2-swiglu", "dinov2.mean_patch"), 1);
}

#[test]
fn pictures_are_normalised_as_the_config_says() {
    let mean = |name: &str| configured(name).pictures.unwrap().mean;
    assert_eq!(mean("timm-vit"), [0.5; 3]);
    assert_eq!(mean("timm-deit-distilled"), [0.485, 0.456, 0.406]);
    assert_eq!(mean("timm-clip"), mean("clip"));
    assert_eq!(mean("dinov2"), [0.485, 0.456, 0.406]);
    assert_eq!(configured("clip-text").pictures, None);
}

/// Files of single towers are older than the names they have today.
#[test]
fn a_tower_may_keep_its_prefix() {
    let mut file = golden_header("clip-text");
    file.tensors.iter_mut().for_each(|tensor| tensor.name.insert_str(0, "text_model."));
    push(&mut file, "text_model.embeddings.position_ids", &[1, 11]);
    let read = detect(&file, Some(&golden_config("clip-text"))).unwrap();
    assert_eq!(read.graph.params[0].name, "text_model.embeddings.token_embedding.weight");
    assert_eq!(read.graph.params_total(), configured("clip-text").graph.params_total());
    assert!(read.verdict.ends_with("; not used: \"text_model.embeddings.position_ids\"."), "{}", read.verdict);
}

#[test]
fn class_names_come_from_timms_lists() {
    let names = json!(["ant", "bee", "cat", "dog", "elk"]);
    let by_number = json!({"0": "ant", "1": "bee", "2": "cat", "3": "dog", "4": "elk"});
    for names in [names, by_number] {
        let config = with(&golden_config("timm-vit"), "label_names", names);
        let model = detect(&golden_header("timm-vit"), Some(&config)).unwrap();
        assert_eq!(model.labels, ["ant", "bee", "cat", "dog", "elk"]);
    }
}

#[test]
fn settings_that_change_the_numbers_are_refused() {
    let cases = [
        ("dinov2", "image_size", json!([12, 6]), "\"image_size\" should be square, since positions for other pictures"),
        ("dinov2", "image_size", json!(18), "\"embeddings.position_embeddings\" is [1, 5, 24], not [1, 10, 24]"),
        (
            "dinov2",
            "mlp_ratio",
            json!(3),
            "\"mlp_ratio\" should be one that makes the 48 inputs of encoder.layer.0.mlp.",
        ),
        ("dinov2", "mlp_ratio", json!(-1), "\"mlp_ratio\" should be from 1 to 2097152, got 0"),
        ("dinov2", "use_swiglu_ffn", json!(true), "encoder.layer.0.mlp.weights_out.weight"),
        (
            "dinov2-registers",
            "model_type",
            json!("dinov2"),
            "\"model_type\" should be \"dinov2_with_registers\", since",
        ),
        ("clip-text", "eos_token_id", json!(7), "\"eos_token_id\" should be 2, or 39, the highest of the 40 tokens"),
        ("clip-text", "hidden_act", json!("mish"), "\"hidden_act\" should be one of gelu, "),
        ("clip-vision", "image_size", json!([12, 14]), "\"image_size\" should be square"),
        ("clip", "text_config", json!([]), "\"text_config\" should be an object of settings, got \"[]\""),
        ("timm-vit", "num_classes", json!(6), "\"num_classes\" is 6, but axis 0 of head.weight [5, 24] says 5"),
        ("timm-vit", "architecture", json!("vit_base_patch16_rpn_224"), "norms after each part are not supported"),
        ("timm-vit", "label_names", json!(["one"]), "\"label_names\" should be as many as \"num_classes\", 5, got 1"),
        ("timm-vit", "mlp_layer", json!("SwiGLU"), "\"mlp_layer\" should be Mlp, as the tensors show"),
    ];
    for (name, key, value, sentence) in cases {
        let said = refused(&golden_header(name), Some(&with(&golden_config(name), key, value)));
        assert!(said.contains(sentence), "{name}, {key}: {said}");
    }
    let cases = [
        ("qk_norm", json!(true), "\"qk_norm\" should be false, which is what is supported, got true"),
        ("norm_layer", json!("rmsnorm"), "\"norm_layer\" should be left out, as only the usual is supported"),
        ("pos_embed", json!("none"), "\"pos_embed\" should be \"learn\", got \"none\""),
        ("global_pool", json!("map"), "\"global_pool\" should be \"token\" or \"avg\", got \"map\""),
        ("num_heads", json!(5), "\"num_heads\" should be a divisor of embed_dim = 24, got 5"),
        (
            "mlp_ratio",
            json!(2.0),
            "\"mlp_ratio\" should be one that makes the 40 inputs of blocks.0.mlp.fc2.weight, not 48",
        ),
    ];
    for (key, value, sentence) in cases {
        let config = inside(&golden_config("timm-vit"), "model_args", key, value);
        let said = refused(&golden_header("timm-vit"), Some(&config));
        assert!(said.contains(sentence), "{key}: {said}");
    }
}

#[test]
fn tensors_of_relatives_are_named() {
    let cases = [
        ("timm-vit", "blocks.0.attn.q_norm.weight", "norms on queries and keys"),
        ("timm-vit", "attn_pool.latent", "attention pooling"),
        ("timm-vit", "decoder_pred.weight", "not part of it \"decoder_pred.weight\""),
        ("clip", "classifier.weight", "this is a CLIPForImageClassification"),
        ("dinov2", "decode_head.weight", "not part of it \"decode_head.weight\""),
    ];
    for (name, tensor, sentence) in cases {
        let mut file = golden_header(name);
        push(&mut file, tensor, &[8]);
        let said = refused(&file, Some(&golden_config(name)));
        assert!(said.contains(sentence), "{name}: {said}");
    }
}

/// Not what a bare model is taken for.
#[test]
fn a_lost_classifier_is_missed() {
    let mut file = header(&initial(&tiny_vit()).unwrap());
    file.tensors.retain(|tensor| !tensor.name.starts_with("classifier."));
    let said = refused(&file, Some(&tiny_vit()));
    assert!(said.contains("missing \"classifier.weight\" [3, 8], \"classifier.bias\" [3]"), "{said}");
    assert!(refused(&file, None).contains("the tensors do not show how many"));
    let mut file = golden_header("timm-deit-distilled");
    file.tensors.retain(|tensor| tensor.name != "head_dist.weight");
    let said = refused(&file, Some(&golden_config("timm-deit-distilled")));
    assert!(said.contains("missing \"head_dist.weight\" [5, 24]"), "{said}");
}
