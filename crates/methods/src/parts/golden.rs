//! tests/golden/sparse.json and gates.json, for the tests of the parts beside.

use burn::tensor::{Tensor, TensorData};
use secateur_exec::Compute;
use secateur_graph::Mask;
use serde_json::Value as Json;

pub fn sparse() -> Json {
    serde_json::from_str(include_str!("../../../../tests/golden/sparse.json")).unwrap()
}

pub fn gates() -> Json {
    serde_json::from_str(include_str!("../../../../tests/golden/gates.json")).unwrap()
}

pub fn shape(json: &Json) -> [usize; 2] {
    let sizes = json["shape"].as_array().unwrap();
    [0, 1].map(|axis| sizes[axis].as_u64().unwrap() as usize)
}

pub fn numbers(json: &Json) -> Vec<f32> {
    json.as_array().unwrap().iter().map(|number| number.as_f64().unwrap() as f32).collect()
}

pub fn tensor(json: &Json, shape: [usize; 2]) -> Tensor<2> {
    Tensor::from_data(TensorData::new(numbers(json), shape), Compute::cpu(String::new()).device())
}

/// 1 = kept.
pub fn keep(json: &Json) -> Mask {
    Mask::from_kept(numbers(json).into_iter().map(|kept| kept == 1.0))
}
