//! The checkpoints in tests/golden/families, written by the libraries whose names and shapes they carry.

use std::collections::BTreeSet;

use secateur_formats::MemoryFile;
use secateur_formats::safetensors::read_header;

use super::*;

fn read(name: &str, file: &str) -> Option<Vec<u8>> {
    std::fs::read(format!("{}/../../tests/golden/families/{name}/{file}", env!("CARGO_MANIFEST_DIR"))).ok()
}

/// Every golden's name, sorted.
pub fn goldens() -> Vec<String> {
    let folder = std::fs::read_dir(format!("{}/../../tests/golden/families", env!("CARGO_MANIFEST_DIR"))).unwrap();
    let names = folder.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<_> = names.filter(|name| read(name, "model.safetensors").is_some()).collect();
    names.sort();
    names
}

pub fn golden_header(name: &str) -> Header {
    let file = read(name, "model.safetensors").unwrap_or_else(|| panic!("no golden {name}"));
    pollster::block_on(read_header(&MemoryFile::new(file))).unwrap()
}

pub fn golden_config(name: &str) -> Value {
    let file = read(name, "config.json").unwrap_or_else(|| panic!("no config of {name}"));
    serde_json::from_slice(&file).unwrap()
}

/// The golden's model by its config. Its parameters are exactly the file's tensors but for the unused ones, and the
/// config it would be saved with describes the same model.
#[track_caller]
pub fn golden(name: &str) -> Model {
    let model =
        detect(&golden_header(name), Some(&golden_config(name))).unwrap_or_else(|error| panic!("{name}: {error}"));
    assert_eq!(initial(&model.config).map(|again| again.graph), Ok(model.graph.clone()), "{name}");
    model
}

/// Without its config a checkpoint is the same model, or what cannot be known is asked for.
#[test]
fn names_and_shapes_are_enough_or_the_config_is_asked_for() {
    let (mut read, mut asked) = (Vec::new(), Vec::new());
    for name in goldens() {
        let known = golden(&name);
        match detect(&golden_header(&name), None) {
            Ok(model) => {
                assert_eq!((model.family, model.task), (known.family, known.task), "{name}");
                let named = |model: &Model| -> BTreeSet<(String, Vec<usize>)> {
                    model.graph.params.iter().map(|param| (param.name.clone(), param.shape())).collect()
                };
                assert_eq!(named(&model), named(&known), "{name}");
                assert!(model.verdict.contains("assumed"), "{name}: {}", model.verdict);
                read.push(name);
            }
            Err(error) => {
                let error = error.to_string();
                assert!(error.contains("config"), "{name}: {error}");
                println!("{name:<28} {error}");
                asked.push(name);
            }
        }
    }
    println!("read by names and shapes: {}\nasked: {}", read.join(", "), asked.join(", "));
    assert!(read.len() >= 9, "{read:?}");
}
