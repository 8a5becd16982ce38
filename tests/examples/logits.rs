//! `cargo run -p secateur-tests --example logits -- FOLDER OUT.safetensors`: our answers for the first 16 test digits
//! from the model in a folder, beside the pictures as the model got them; for `golden/roundtrip.py`.

use std::path::PathBuf;

use safetensors::tensor::{Dtype, TensorView, serialize_to_file};
use secateur_data::digits::{Digits, Split};
use secateur_data::images::to_input;
use secateur_tests::{Opened, public_path};

const SAMPLES: usize = 16;

fn main() {
    let mut args = std::env::args_os().skip(1).map(PathBuf::from);
    let (Some(folder), Some(out)) = (args.next(), args.next()) else {
        panic!("wanted a model's folder and a file to write");
    };
    let opened = Opened::new(&folder.join("model.safetensors"), Some(&folder.join("config.json")));
    let spec = opened.model.pictures.as_ref().expect("a classifier of pictures");
    let pixels: Vec<f32> =
        pictures(|grey| to_input(grey, spec.channels, spec.height, spec.width, &spec.mean, &spec.std));
    let logits = opened.logits(&pixels, SAMPLES);
    let bytes = |values: &[f32]| values.iter().flat_map(|value| value.to_le_bytes()).collect::<Vec<u8>>();
    let (pixels, logits) = (bytes(&pixels), bytes(&logits));
    let view =
        |shape: Vec<usize>, data| TensorView::new(Dtype::F32, shape, data).expect("as many bytes as the shape says");
    let tensors = [
        ("pixels", view(vec![SAMPLES, spec.channels, spec.height, spec.width], &pixels)),
        ("logits", view(vec![SAMPLES, opened.model.labels.len()], &logits)),
    ];
    serialize_to_file(tensors, None, &out).unwrap_or_else(|error| panic!("{}: {error}", out.display()));
}

/// The first test digits, one after the other.
fn pictures(input: impl Fn(&[u8]) -> Vec<f32>) -> Vec<f32> {
    let read = |name| std::fs::read(public_path(name)).unwrap_or_else(|error| panic!("public/{name}: {error}"));
    let digits = Digits::parse(&read("digits/images.idx3.gz"), &read("digits/labels.idx1.gz")).unwrap();
    digits.split(Split::Test).take(SAMPLES).flat_map(|at| input(digits.grey(at))).collect()
}
