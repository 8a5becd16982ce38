use secateur_formats::safetensors::Dtype;
use secateur_protocol::{Command, Event};

use crate::host::*;
use crate::tiny::{CONFIG, TINY, tiny};

/// Opens a good model and cuts it, then tries the bad files: a sentence with `words`, and all as it was.
fn refused(bad: Vec<(&'static str, Vec<u8>)>, words: &[&str]) {
    let names: Vec<&str> = bad.iter().map(|(name, _)| *name).collect();
    let files = [tiny(Dtype::F32, 1), bad.clone()].concat();
    let commands = vec![
        hello(),
        load(&[TINY, CONFIG]),
        prune("magnitude", 0.5),
        Command::Evaluate,
        load(&names),
        Command::Evaluate,
        Command::Undo,
    ];
    let run = run(&files, commands);
    let error = run.error(5);
    words.iter().for_each(|word| assert!(error.contains(word), "{word:?} is not in: {error}"));
    assert!(!run.told(5).iter().any(|(event, _)| matches!(event, Event::Loaded(_))));
    assert_eq!(run.report(4), run.report(6));
    assert_eq!(run.level(7).zeros(), 0);
}

fn weights() -> Vec<u8> {
    tiny(Dtype::F32, 2).swap_remove(0).1
}

#[test]
fn a_truncated_file() {
    let mut bytes = weights();
    bytes.truncate(bytes.len() - 10);
    refused(vec![("cut.safetensors", bytes)], &["cut.safetensors", "cut short"]);
}

#[test]
fn something_else_altogether() {
    refused(vec![("zip.safetensors", b"PK\x03\x04............".to_vec())], &["zip.safetensors", "zip archive"]);
    refused(vec![("empty.safetensors", vec![])], &["empty"]);
}

#[test]
fn nan_weights_name_tensor_and_place() {
    let mut bytes = weights();
    let last = bytes.len() - 4;
    bytes[last..].copy_from_slice(&f32::NAN.to_le_bytes());
    refused(vec![("nan.safetensors", bytes)], &["NaN", "tensor"]);
}

#[test]
fn a_config_that_does_not_fit() {
    refused(vec![("a.safetensors", weights()), ("b/config.json", b"{ nonsense".to_vec())], &["config.json", "JSON"]);
    let other = br#"{"model_type":"bert"}"#.to_vec();
    refused(vec![("a.safetensors", weights()), ("c/config.json", other)], &["embeddings", "config"]);
}

/// Only the header is there to be read.
#[test]
fn a_model_that_does_not_fit() {
    let mut header = br#"{"w":{"dtype":"F16","shape":[2,5242880],"data_offsets":[0,20971520]}}"#.to_vec();
    header.resize(header.len().next_multiple_of(8), b' ');
    let bytes = [&(header.len() as u64).to_le_bytes()[..], &header, &vec![0; 20 << 20]].concat();
    refused(
        vec![("large.safetensors", bytes)],
        &["large.safetensors (family: unknown, 10,485,760 parameters) needs 42 MB", "does not fit", "at most 8.4 MB"],
    );
}

#[test]
fn no_weights_or_two_of_them() {
    refused(vec![("notes.txt", vec![1])], &["notes.txt", ".safetensors"]);
    refused(vec![("a.safetensors", weights()), ("b.safetensors", weights())], &["a.safetensors", "b.safetensors"]);
}

#[test]
fn a_file_that_is_not_there() {
    let run = run(&[], vec![hello(), load(&["gone.safetensors"])]);
    assert!(run.error(2).contains("gone.safetensors"));
}
