//! A tiny model to open, the same on every machine.

use std::borrow::Cow;
use std::collections::BTreeMap;

use secateur_exec::rng::Rng;
use secateur_formats::safetensors::{self, Dtype, Tensor};
use serde_json::json;

pub const TINY: &str = "tiny.safetensors";
pub const CONFIG: &str = "config.json";

/// A tiny convolutional network that names digits, weights drawn from `seed`.
pub fn tiny(dtype: Dtype, seed: u64) -> Vec<(&'static str, Vec<u8>)> {
    let labels: BTreeMap<String, String> = (0..10).map(|class| (class.to_string(), class.to_string())).collect();
    let config = json!({
        "model_type": "lenet", "num_channels": 1, "image_size": 28, "conv_channels": [2], "conv_kernels": [5],
        "conv_paddings": [0], "fc_features": [8], "id2label": labels,
    });
    let graph = secateur_models::initial(&config).unwrap().graph;
    let tensors = graph.params.iter().map(|param| {
        let mut rng = Rng::keyed(seed, "tiny", 0, &param.name);
        let values: Vec<f32> = (0..param.len()).map(|_| rng.between(-0.5, 0.5)).collect();
        let bytes = Cow::Owned(values.iter().flat_map(|value| encoded(*value, dtype)).collect());
        Tensor { name: param.name.clone(), dtype, shape: param.shape(), bytes }
    });
    let weights = safetensors::write(tensors, &BTreeMap::new()).unwrap();
    vec![(TINY, weights), (CONFIG, serde_json::to_vec(&config).unwrap())]
}

fn encoded(value: f32, dtype: Dtype) -> Vec<u8> {
    match dtype {
        Dtype::F16 => half::f16::from_f32(value).to_le_bytes().to_vec(),
        Dtype::BF16 => half::bf16::from_f32(value).to_le_bytes().to_vec(),
        _ => value.to_le_bytes().to_vec(),
    }
}

/// Digest of the masks of `tiny(F32, 1)` after magnitude at 0.7.
pub const DIGEST: &str = "72ccbef316e99564";
