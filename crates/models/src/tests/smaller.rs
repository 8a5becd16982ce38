//! Configurations of models that units were cut out of. Whether other libraries open them is in `tests/golden/exports.py`.

use secateur_graph::Graph;
use secateur_graph::groups::{UnitKind, Vocabulary};
use secateur_graph::surgery::{Removal, Statistics};

use super::goldens::golden;
use super::*;

fn removal(graph: &Graph, units: &[(&str, &[u32])]) -> Removal {
    let groups = graph.groups();
    let place = |name: &str| groups.iter().position(|group| group.name() == name).expect(name);
    units.iter().map(|(group, units)| (place(group), units.to_vec())).collect()
}

/// The model without some units, as it is opened from its ragged export.
fn cut(model: &Model, units: &[(&str, &[u32])]) -> Model {
    let removal = removal(&model.graph, units);
    let cut = model.graph.cut(&model.graph.groups(), &removal, Statistics::Kept).unwrap();
    let again = initial(&model.cut_config(&removal, Statistics::Kept, &cut)).unwrap();
    assert_eq!(again.graph, cut.graph);
    again
}

#[test]
fn ragged_configurations_say_what_shapes_do_not() {
    let model = cut(
        &golden("llama"),
        &[
            ("kv-groups of model.layers.0.self_attn", &[1]),
            ("head-dims of model.layers.1.self_attn", &[0, 3]),
            ("width of model.embed_tokens", &[5]),
        ],
    );
    let layer = |name: &str| &model.config["secateur"]["layers"][name];
    assert_eq!(layer("model.layers.0.self_attn"), &json!({ "heads": 3, "kv_heads": 1, "head_dim": 10 }));
    let narrow = json!({ "heads": 6, "kv_heads": 2, "head_dim": 6, "scored": 10, "pairs": [1, 2, 4] });
    assert_eq!(layer("model.layers.1.self_attn"), &narrow);
    assert_eq!(layer("model.norm"), &json!({ "over": 24 }));
}

/// Cuts add up, and what went stays gone.
#[test]
fn ragged_models_can_be_cut_again() {
    let once = cut(&golden("bert-classes"), &[("sublayers", &[0])]);
    let twice = cut(&once, &[("sublayers", &[0])]);
    let told = &twice.config["secateur"];
    assert_eq!(told["cuts"].as_array().unwrap().len(), 2);
    let gone: Vec<&str> = told["gone"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
    assert_eq!(gone[0], "bert.encoder.layer.0.attention.self.query.weight");
    assert!(gone.contains(&"bert.encoder.layer.0.output.dense.bias"));
    assert!(gone.iter().all(|name| twice.graph.find_param(name).is_none()));
}

/// diffusers' classes can say how wide the time is and which blocks attend.
#[test]
fn u_nets_without_attention_are_uniform() {
    let model = golden("unet2d-ddpm");
    let first: Vec<u32> = (0..8).collect();
    let units: [(&str, &[u32]); 3] = [
        ("neurons of time_embedding.linear_1", &first),
        ("neurons of time_embedding.linear_2", &first),
        ("sublayers", &[1, 3, 5, 6]),
    ];
    let removal = removal(&model.graph, &units);
    let cut = model.graph.cut(&model.graph.groups(), &removal, Statistics::Recomputed).unwrap();
    let config = model.uniform(&cut).unwrap().config;
    assert_eq!(config["time_embedding_dim"], 8);
    assert_eq!(config["down_block_types"], json!(["DownBlock2D", "DownBlock2D"]));
    assert_eq!(config["up_block_types"], json!(["UpBlock2D", "UpBlock2D"]));
    assert_eq!(config["add_attention"], false);
}

/// Tokens with the numbers of a text's first and last, of all families that read texts: what a plain and a ragged configuration
/// say of them is what the model is.
#[test]
fn configurations_name_tokens_by_their_new_numbers() {
    let mut seen = 0;
    for name in super::goldens::goldens() {
        let model = golden(&name);
        let groups = model.graph.groups_with(&Vocabulary { needed: model.needed_tokens(), ..Vocabulary::default() });
        let Some(at) = groups.iter().position(|group| group.kind == UnitKind::Tokens) else { continue };
        let free = (0..groups[at].units as u32).filter(|token| !groups[at].is_needed(*token));
        let gone: Vec<u32> = free.step_by(3).collect();
        let removal = Removal::from([(at, gone.clone())]);
        let cut = model.graph.cut(&groups, &removal, Statistics::Kept).unwrap();
        let now = |token: u32| token - gone.iter().filter(|other| **other < token).count() as u32;
        let again = initial(&model.cut_config(&removal, Statistics::Kept, &cut)).unwrap();
        assert_eq!(again.graph, cut.graph, "{name}");
        let uniform = model.uniform(&cut).unwrap_or_else(|why| panic!("{name}: {why}"));
        let known = groups[at].units - gone.len();
        let told = &uniform.config;
        assert_eq!(told.get("vocab_size").unwrap_or(&told["text_config"]["vocab_size"]), known, "{name}");
        let smaller = model.smaller(&cut);
        if let Some(begins) = model.begins().filter(|token| (*token as usize) < groups[at].units) {
            assert_eq!([&again, &smaller].map(Model::begins), [Some(now(begins)); 2], "{name}");
        }
        seen += 1;
    }
    assert!(seen >= 15, "{seen} models of texts");
}

#[test]
fn tokens_that_a_configuration_names_are_needed() {
    let mut model = golden("llama");
    model.config["eos_token_id"] = json!([2, 5, 1_000_000]);
    model.config["pad_token_id"] = json!(null);
    let needed = model.needed_tokens();
    assert_eq!(needed.get(&5).map(String::as_str), Some("the config's eos_token_id names it"));
    assert!(needed.keys().all(|token| *token < 1_000_000));
    let removal = removal(&model.graph, &[("tokens of model.embed_tokens", &[0, 2, 3])]);
    let cut = model.graph.cut(&model.graph.groups(), &removal, Statistics::Kept).unwrap();
    assert_eq!(model.smaller(&cut).ends(), [2, 1_000_000], "3 went");
    // Rows below the first position's are the padding's, and what has the highest number ends a text.
    assert!(golden("roberta-mlm").needed_tokens().contains_key(&0));
    let clip = golden("clip");
    assert!(clip.needed_tokens().values().any(|why| why.contains("highest")), "{:?}", clip.needed_tokens());
}
