//! Language models and text encoders.

use super::goldens::{golden, golden_config, golden_header};
use super::*;
use crate::Task;

const LLAMAS: [&str; 5] = ["llama", "llama-linear", "mistral", "qwen2", "qwen3"];
const BERTS: [(&str, Task); 7] = [
    ("bert-mlm", Task::MaskedToken),
    ("bert-classes", Task::TextClasses),
    ("bert-bare", Task::TextFeatures),
    ("roberta-mlm", Task::MaskedToken),
    ("roberta-classes", Task::TextClasses),
    ("distilbert-mlm", Task::MaskedToken),
    ("distilbert-classes", Task::TextClasses),
];

/// Names and shapes of a file's tensors, sorted.
fn tensors(file: &Header) -> Vec<(String, Vec<usize>)> {
    let mut all: Vec<_> = file.tensors.iter().map(|tensor| (tensor.name.clone(), tensor.shape.clone())).collect();
    all.sort();
    all
}

/// Names and stored shapes of a graph's parameters, sorted.
fn params(model: &Model) -> Vec<(String, Vec<usize>)> {
    let mut all: Vec<_> = model.graph.params.iter().map(|param| (param.name.clone(), param.stored_shape())).collect();
    all.sort();
    all
}

fn named(name: &str) -> impl Fn(&str) -> Vec<usize> {
    let model = golden(name);
    move |node: &str| model.graph.nodes.iter().find(|found| found.name == node).expect("there").shape.clone()
}

fn without(config: &Value, key: &str) -> Value {
    let mut config = config.clone();
    config.as_object_mut().unwrap().remove(key);
    config
}

/// The same file with other names.
fn renamed(file: &Header, name: impl Fn(&str) -> String) -> Header {
    let mut file = file.clone();
    file.tensors.iter_mut().for_each(|tensor| tensor.name = name(&tensor.name));
    file
}

#[test]
fn parameters_are_the_files() {
    let berts = BERTS.iter().map(|(name, _)| *name);
    for name in ["gpt2"].into_iter().chain(LLAMAS).chain(berts) {
        let (model, file) = (golden(name), golden_header(name));
        let mut held = tensors(&file);
        // MiniLM's way of pooling leaves BERT's own pooler out.
        held.retain(|(tensor, _)| name != "bert-bare" || !tensor.starts_with("pooler."));
        assert_eq!(params(&model), held, "{name}");
        assert_eq!(model.graph.blocks(), 4, "{name}");
    }
}

#[test]
fn what_they_answer() {
    for name in ["gpt2"].into_iter().chain(LLAMAS) {
        let model = golden(name);
        let tokens = golden_config(name)["vocab_size"].as_u64().unwrap() as usize;
        assert_eq!((model.task, model.graph.node(model.graph.output()).shape[1]), (Task::NextToken, tokens), "{name}");
    }
    for (name, task) in BERTS {
        let model = golden(name);
        assert_eq!(model.task, task, "{name}");
        let classes = if name.starts_with("roberta") { 4 } else { 3 };
        let labels = if task == Task::TextClasses { classes } else { 0 };
        assert_eq!(model.labels.len(), labels, "{name}");
    }
    let outputs: Vec<_> = golden("bert-bare").graph.outputs.into_iter().map(|output| output.name).collect();
    assert_eq!(outputs, ["hidden", "embedding"]);
    assert_eq!(golden("roberta-classes").labels, ["no", "perhaps", "yes", "certainly"]);
}

#[test]
fn texts_may_be_shorter() {
    for name in ["gpt2", "llama", "bert-mlm", "roberta-mlm", "distilbert-mlm"] {
        let model = golden(name);
        let shorter = model.graph.resized(|_| Some(vec![9])).unwrap();
        assert_eq!(shorter.node(shorter.output()).shape[0], 9, "{name}");
    }
    // RoBERTa's table keeps two rows for padding.
    assert_eq!(named("roberta-mlm")("tokens"), [13]);
    assert_eq!(named("bert-mlm")("tokens"), [13]);
    assert_eq!(named("gpt2")("tokens"), [14]);
}

/// Published models by their configs: sizes as their authors count them, texts no longer than their logits allow.
#[test]
fn counts_are_the_published_ones() {
    let gpt2 = json!({ "model_type": "gpt2", "vocab_size": 50257, "n_positions": 1024, "n_embd": 768, "n_layer": 12,
                       "n_head": 12 });
    let gpt2 = initial(&gpt2).unwrap();
    assert_eq!(gpt2.graph.params_total(), 124_439_808);
    assert_eq!(
        gpt2.verdict,
        "GPT-2 language model with 12 layers of 12 heads, 768 features, texts of up to 1,024 tokens, a vocabulary of \
         50,257, 124,439,808 parameters, as its config says; assumed: GELU (tanh), norm ε = 1e-5."
    );
    let llama = json!({ "model_type": "llama", "vocab_size": 128256, "hidden_size": 2048, "intermediate_size": 8192,
                        "num_hidden_layers": 16, "num_attention_heads": 32, "num_key_value_heads": 8, "head_dim": 64,
                        "max_position_embeddings": 131072, "tie_word_embeddings": true, "rope_theta": 500000.0 });
    let llama = initial(&llama).unwrap();
    assert_eq!(llama.graph.params_total(), 1_235_814_400);
    assert_eq!(llama.graph.nodes[0].shape, [523]);
    let bert = json!({ "model_type": "bert", "architectures": ["BertForMaskedLM"], "vocab_size": 30522,
                       "hidden_size": 768, "num_hidden_layers": 12, "num_attention_heads": 12,
                       "intermediate_size": 3072, "max_position_embeddings": 512, "type_vocab_size": 2 });
    assert_eq!(initial(&bert).unwrap().graph.params_total(), 109_514_298);
}

/// With 64 features to a head, as published, the tensors say it all.
#[test]
fn shapes_alone_give_the_same_graph() {
    let gpt2 = with(&golden_config("gpt2"), "layer_norm_epsilon", json!(1e-5));
    let usual = ["bert-mlm", "bert-bare", "roberta-classes", "distilbert-mlm"].map(golden_config);
    for config in [gpt2].into_iter().chain(usual) {
        let (width, heads) = match config["model_type"].as_str().unwrap() {
            "gpt2" => ("n_embd", "n_head"),
            "distilbert" => ("dim", "n_heads"),
            _ => ("hidden_size", "num_attention_heads"),
        };
        let asked = initial(&with(&with(&config, width, json!(128)), heads, json!(2))).unwrap();
        let read = detect(&header(&asked), None).unwrap();
        assert_eq!(read.graph, asked.graph, "{config}");
        assert!(read.verdict.contains("2 heads of 64 features, "), "{}", read.verdict);
    }
}

/// What cannot be seen is asked for, not guessed.
#[test]
fn heads_and_angles_are_not_guessed() {
    for name in ["gpt2", "bert-mlm", "bert-bare", "roberta-mlm", "distilbert-classes"] {
        let said = refused(&golden_header(name), None);
        assert!(said.contains("do not show how many attention heads share the"), "{said}");
        assert!(said.ends_with("features; put the model's config.json beside it"), "{said}");
    }
    for name in LLAMAS {
        let want = "the tensors of a model like Llama do not show its \"model_type\", \"num_attention_heads\" and \
                    \"rope_theta\"; put the model's config.json beside it";
        assert_eq!(refused(&golden_header(name), None), want);
    }
    let one_segment = with(&golden_config("bert-bare"), "type_vocab_size", json!(1));
    let said = refused(&header(&initial(&one_segment).unwrap()), None);
    assert!(said.contains("do not show whether this is a BERT or a RoBERTa"), "{said}");
}

/// The files that people have: without a prefix, with buffers, with a copy of what is tied, with names of 2018.
#[test]
fn other_spellings_of_the_same_file() {
    let mut hub = renamed(&golden_header("gpt2"), |name| name.replace("transformer.", ""));
    push(&mut hub, "h.1.attn.bias", &[1, 1, 14, 14]);
    push(&mut hub, "h.1.attn.masked_bias", &[]);
    push(&mut hub, "lm_head.weight", &[61, 30]);
    let model = detect(&hub, Some(&golden_config("gpt2"))).unwrap();
    assert_eq!(model.graph.macs(), golden("gpt2").graph.macs());
    assert!(
        model.verdict.ends_with("not used: \"h.1.attn.bias\", \"h.1.attn.masked_bias\", \"lm_head.weight\"."),
        "{}",
        model.verdict
    );

    let mut old = renamed(&golden_header("bert-mlm"), |name| match name.rsplit_once("LayerNorm.") {
        Some((module, "weight")) => format!("{module}LayerNorm.gamma"),
        Some((module, _)) => format!("{module}LayerNorm.beta"),
        None => name.into(),
    });
    push(&mut old, "cls.seq_relationship.weight", &[2, 30]);
    push(&mut old, "bert.pooler.dense.weight", &[30, 30]);
    push(&mut old, "cls.predictions.decoder.weight", &[47, 30]);
    let model = detect(&old, Some(&golden_config("bert-mlm"))).unwrap();
    assert!(model.graph.find_param("bert.encoder.layer.1.output.LayerNorm.gamma").is_some());
    assert_eq!(model.graph.macs(), golden("bert-mlm").graph.macs());

    // Sentence encoders are bare, whatever class they were trained as.
    let config = with(&golden_config("bert-bare"), "architectures", json!(["BertForMaskedLM"]));
    let model = detect(&golden_header("bert-bare"), Some(&config)).unwrap();
    assert_eq!((model.task, &model.config["architectures"]), (Task::TextFeatures, &json!(["BertModel"])));
    assert!(model.verdict.contains("the mean over its tokens"), "{}", model.verdict);

    // XLM-RoBERTa is RoBERTa under another name, which stays.
    let config = with(&golden_config("roberta-mlm"), "model_type", json!("xlm-roberta"));
    let config = with(&config, "architectures", json!(["XLMRobertaForMaskedLM"]));
    let model = detect(&golden_header("roberta-mlm"), Some(&config)).unwrap();
    assert_eq!(model.graph, golden("roberta-mlm").graph);
    assert_eq!(model.config["architectures"], json!(["XLMRobertaForMaskedLM"]));
}

/// Before transformers 5, base and scaling stood apart.
#[test]
fn both_spellings_of_rotary_positions() {
    for name in ["llama", "llama-linear"] {
        let config = golden_config(name);
        let mut scaling = config["rope_parameters"].clone();
        let base = scaling.as_object_mut().unwrap().remove("rope_theta").unwrap();
        let config = with(&without(&config, "rope_parameters"), "rope_theta", base);
        let old = detect(&golden_header(name), Some(&with(&config, "rope_scaling", scaling))).unwrap();
        assert_eq!(old.graph, golden(name).graph, "{name}");
        assert_eq!(initial(&old.config).unwrap().graph, old.graph, "{name}");
    }
    let silent = detect(&golden_header("mistral"), Some(&without(&golden_config("mistral"), "rope_parameters")));
    assert!(silent.unwrap().verdict.contains("assumed: rotary positions of base 10000"));
}

/// How many tokens one sees, by layer.
#[test]
fn windows_are_the_configs() {
    let windows = |name: &str, config: &Value| -> Vec<Option<usize>> {
        let model = detect(&golden_header(name), Some(config)).unwrap();
        let window = |node: &secateur_graph::Node| match &node.op {
            secateur_graph::Op::Attention(attention) => Some(attention.window),
            _ => None,
        };
        model.graph.nodes.iter().filter_map(window).collect()
    };
    let (mistral, qwen2) = (golden_config("mistral"), golden_config("qwen2"));
    assert_eq!(windows("mistral", &mistral), [Some(4); 2]);
    assert_eq!(windows("mistral", &with(&mistral, "sliding_window", Value::Null)), [None; 2]);
    assert_eq!(windows("mistral", &without(&mistral, "sliding_window")), [Some(4096); 2]);
    assert_eq!(windows("qwen2", &qwen2), [None, Some(5)]);
    assert_eq!(windows("qwen2", &without(&qwen2, "layer_types")), [None, Some(5)]);
    let off = with(&qwen2, "use_sliding_window", json!(false));
    assert_eq!(windows("qwen2", &without(&off, "layer_types")), [None; 2]);
    let said = refused(&golden_header("qwen2"), Some(&off));
    assert!(said.contains("\"layer_types\" should be full_attention for each layer"), "{said}");
}

#[test]
fn unsupported_settings_are_named() {
    let yarn = json!({ "rope_type": "yarn", "factor": 2.0 });
    let backwards = json!({ "rope_type": "llama3", "factor": 2.0, "low_freq_factor": 4.0, "high_freq_factor": 1.0 });
    let nested = json!({ "full_attention": { "rope_type": "default" } });
    let cases = [
        (
            "gpt2",
            "scale_attn_by_inverse_layer_idx",
            json!(true),
            "should be false, which is what is supported, got true",
        ),
        ("gpt2", "scale_attn_weights", json!(false), "should be true, which is what is supported, got false"),
        ("gpt2", "activation_function", json!("mish"), "which are supported, got \"mish\""),
        ("gpt2", "tie_word_embeddings", json!(false), "missing \"lm_head.weight\" [61, 30]"),
        ("gpt2", "n_inner", json!(120), "\"n_inner\" is 120, but axis 1 of transformer.h.0.mlp.c_fc.weight [30, 44]"),
        ("gpt2", "n_positions", json!(15), "\"n_positions\" is 15, but axis 0 of transformer.wpe.weight"),
        ("llama", "rope_parameters", yarn, "\"default\", \"linear\" or \"llama3\""),
        ("llama", "rope_parameters", backwards, "\"high_freq_factor\" should be above low_freq_factor = 4, got 1"),
        ("llama", "rope_parameters", nested, "positions for all layers alike"),
        ("llama", "rope_parameters", json!({ "rope_type": "linear" }), "\"factor\" should be in the settings"),
        ("llama", "partial_rotary_factor", json!(0.5), "should be 1, which is what is supported, got 0.5"),
        ("llama", "num_key_value_heads", json!(4), "should be a divisor of num_attention_heads = 6, got 4"),
        ("llama", "num_key_value_heads", json!(0), "should be a divisor of num_attention_heads = 6, got 0"),
        ("llama", "num_attention_heads", Value::Null, "\"num_attention_heads\" should be there, got nothing"),
        ("llama", "num_attention_heads", json!(u64::MAX), "should be from 1 to 4096"),
        ("llama", "head_dim", json!(9), "heads of an even size"),
        ("llama", "tie_word_embeddings", json!(true), "not used: \"lm_head.weight\""),
        ("llama-linear", "tie_word_embeddings", json!(false), "missing \"lm_head.weight\" [53, 24]"),
        ("qwen3", "head_dim", json!(8), "\"head_dim\" is 8, but axis 0 of model.layers.0.self_attn.q_norm.weight"),
        ("qwen2", "layer_types", json!(["full_attention"]), "one for each of the 2 layers, got 1"),
        ("mistral", "model_type", json!("mixtral"), "model_type is \"mixtral\""),
        ("bert-mlm", "position_embedding_type", json!("relative_key"), "got \"relative_key\""),
        ("bert-mlm", "is_decoder", json!(true), "should be false, which is what is supported"),
        ("bert-mlm", "tie_word_embeddings", json!(false), "should be true, which is what is supported"),
        ("bert-classes", "architectures", json!(["BertForMultipleChoice"]), "got \"BertForMultipleChoice\""),
        ("bert-classes", "num_attention_heads", json!(4), "should be a divisor of hidden_size = 30, got 4"),
        ("roberta-mlm", "pad_token_id", json!(u64::MAX), "wanted [tokens, 28] of at most 0 tokens"),
        ("distilbert-mlm", "dim", json!(30), "\"dim\" is 30, but axis 1 of distilbert.embeddings"),
    ];
    for (name, key, value, sentence) in cases {
        let config = with(&golden_config(name), key, value);
        let said = match detect(&golden_header(name), Some(&config)) {
            Ok(model) => model.verdict,
            Err(error) => error.to_string(),
        };
        assert!(said.contains(sentence), "{name}, {key}: {said}");
    }
}

#[test]
fn contexts_come_from_positions_or_settings() {
    let context = |name| golden(name).context();
    assert_eq!((context("gpt2"), context("bert-mlm"), context("roberta-mlm")), (Some(14), Some(13), Some(13)));
    assert_eq!((context("llama"), context("mistral"), context("gru-lm")), (Some(48), Some(48), None));
}

#[test]
fn one_or_several_tokens_end_a_text() {
    let ends = |ids: Value| {
        let mut config = golden_config("llama");
        config["eos_token_id"] = ids;
        detect(&golden_header("llama"), Some(&config)).unwrap().ends()
    };
    assert_eq!((ends(json!(2)), ends(json!([2, 7]))), (vec![2], vec![2, 7]));
    assert_eq!((ends(json!(null)), ends(json!([-1, "2", 3]))), (vec![], vec![3]));
    assert_eq!((golden("llama").begins(), golden("gru-lm").begins()), (Some(1), None));
}
