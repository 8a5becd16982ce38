//! What a file is said to be, over all families. Headers are made from graphs; no weights are needed.

mod conv;
mod counts;
mod diffusion;
mod goldens;
mod groups;
mod lenet;
mod mutations;
mod onnx_read;
mod onnx_write;
mod pictures;
mod recurrent;
mod schedule;
mod smaller;
mod text;
mod torch_pruning;
mod vision;
mod vit;

use secateur_formats::safetensors::{Dtype, Header, TensorInfo};
use serde_json::{Value, json};

use crate::{Model, Task, detect, initial};

/// The header of a file that holds exactly the model's tensors.
fn header(model: &Model) -> Header {
    let mut header = Header { tensors: Vec::new(), metadata: Default::default() };
    for param in &model.graph.params {
        push(&mut header, &param.name, &param.stored_shape());
    }
    header
}

/// Adds an f32 tensor.
fn push(header: &mut Header, name: &str, shape: &[usize]) {
    let start = header.tensors.last().map_or(0, |last| last.range.end);
    let bytes = 4 * shape.iter().product::<usize>() as u64;
    header.tensors.push(TensorInfo {
        name: name.into(),
        dtype: Dtype::F32,
        shape: shape.into(),
        range: start..start + bytes,
    });
}

fn tensor<'a>(header: &'a mut Header, name: &str) -> &'a mut TensorInfo {
    header.tensors.iter_mut().find(|tensor| tensor.name == name).expect("the tensor is there")
}

/// What is said when a file does not make a model that can be run.
#[track_caller]
fn refused(header: &Header, config: Option<&Value>) -> String {
    match detect(header, config) {
        Err(error) => error.to_string(),
        Ok(model) if model.task == Task::Unknown => model.verdict,
        Ok(model) => panic!("it is a model: {}", model.verdict),
    }
}

/// A copy of the settings with one changed.
fn with(config: &Value, key: &str, value: Value) -> Value {
    let mut config = config.clone();
    config[key] = value;
    config
}

/// 2 layers of 2 heads, 8 features, 8×8 pixels in patches of 4×4, 3 channels, 3 classes.
fn tiny_vit() -> Value {
    json!({
        "model_type": "vit", "hidden_size": 8, "num_hidden_layers": 2, "num_attention_heads": 2,
        "intermediate_size": 16, "hidden_act": "gelu", "layer_norm_eps": 1e-6, "image_size": 8, "patch_size": 4,
        "num_channels": 3, "qkv_bias": true, "id2label": {"0": "ant", "1": "bee", "2": "cat"},
    })
}

fn tiny_lenet() -> Value {
    json!({
        "model_type": "lenet", "image_size": 12, "num_channels": 1, "conv_channels": [2, 3], "conv_kernels": [3, 3],
        "conv_paddings": [1, 0], "fc_features": [7], "id2label": {"0": "no", "1": "yes"},
    })
}

fn shipped(id: &str) -> Model {
    let path = format!("{}/../../public/models/{id}/config.json", env!("CARGO_MANIFEST_DIR"));
    initial(&serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()).unwrap()
}

#[test]
fn shipped_models_are_as_the_index_says() {
    let index: Value = serde_json::from_str(include_str!("../../../../public/models/index.json")).unwrap();
    for entry in index.as_array().unwrap() {
        let model = shipped(entry["id"].as_str().unwrap());
        let count = secateur_graph::grouped(model.graph.params_total());
        assert!(entry["sentence"].as_str().unwrap().contains(&count), "{entry} lacks {count}");
        if let Some(pictures) = model.pictures.as_ref().filter(|_| model.task == Task::ImageClasses) {
            assert_eq!(model.labels, ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"]);
            assert_eq!((pictures.channels, pictures.height, pictures.width), (1, 28, 28));
        }
    }
    assert_eq!(shipped("digits-vit").graph.blocks(), 6);
    assert_eq!(shipped("digits-cnn").graph.blocks(), 5);
    assert_eq!(shipped("story-lm").task, Task::NextToken);
    assert_eq!(shipped("chars-gru").task, Task::NextToken);
    assert_eq!(shipped("digits-unet").task, Task::Denoise);
}

/// The config.json beside an export must describe the exported model, whatever the first one left out.
#[test]
fn the_written_config_describes_the_model() {
    for config in [tiny_vit(), with(&tiny_vit(), "model_type", json!("deit")), tiny_lenet()] {
        let model = initial(&config).unwrap();
        let file = header(&model);
        assert_eq!(detect(&file, Some(&config)).unwrap().graph, model.graph);
        for key in config.as_object().unwrap().keys().filter(|key| *key != "num_attention_heads") {
            let mut partial = config.clone();
            partial.as_object_mut().unwrap().remove(key);
            if let Ok(read) = detect(&file, Some(&partial)) {
                assert_eq!(detect(&file, Some(&read.config)).unwrap().graph, read.graph, "without {key}");
            }
        }
    }
}

#[test]
fn the_element_type_is_left_to_the_file() {
    let config = with(&with(&tiny_vit(), "dtype", json!("float16")), "note", json!("kept"));
    let written = initial(&config).unwrap().config;
    assert_eq!((written.get("dtype"), &written["note"]), (None, &json!("kept")));
}

#[test]
fn unknown_models_are_named() {
    let mut file = Header { tensors: Vec::new(), metadata: Default::default() };
    let said = refused(&file, None);
    assert!(said.contains("the file is one without tensors"), "{said}");
    push(&mut file, "backbone.layers.0.mixer.in_proj.weight", &[8, 24]);
    let said = refused(&file, None);
    assert!(said.contains("vit, deit, ") && said.contains("backbone.layers.0.mixer.in_proj.weight"), "{said}");
    let said = refused(&file, Some(&json!({"model_type": "mamba"})));
    assert!(said.contains("model_type is \"mamba\""), "{said}");
    let said = refused(&file, Some(&json!(["vit"])));
    assert!(said.contains("wanted a JSON object with the model's settings"), "{said}");
}

#[test]
fn every_unfit_tensor_is_named() {
    let config = tiny_vit();
    let mut file = header(&initial(&config).unwrap());
    file.tensors.retain(|tensor| tensor.name != "vit.layernorm.bias");
    tensor(&mut file, "vit.encoder.layer.1.output.dense.weight").shape = vec![16, 8];
    tensor(&mut file, "vit.layernorm.weight").dtype = Dtype::I64;
    push(&mut file, "decoder.weight", &[2]);
    assert_eq!(
        refused(&file, Some(&config)),
        "the file's tensors are not those of a ViT image classifier with 2 layers of 2 heads, 8 features, 8×8 pixels in \
         patches of 4×4, 3 classes: missing \"vit.layernorm.bias\" [8]; \
         \"vit.encoder.layer.1.output.dense.weight\" is [16, 8], not [8, 16], \
         \"vit.layernorm.weight\" is I64, not F32, F16 or BF16; not part of it \"decoder.weight\"; \
         choose the complete file and the config.json that belongs to it"
    );
}
