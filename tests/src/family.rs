use std::borrow::Cow;

use secateur_exec::Compute;
use serde_json::Value;

use crate::{Array, Golden, Opened, golden_path};

/// A checkpoint in golden/families, written by the library its names and shapes come from, with that library's answers.
pub struct Family {
    pub name: String,
    weights: Vec<u8>,
    config: Option<Value>,
    expected: Golden,
}

/// How far an answer or a gradient is from upstream's.
pub struct Off {
    pub what: String,
    /// Largest difference, relative to upstream's largest entry.
    pub error: f32,
}

impl Family {
    /// Every golden, sorted by name.
    pub fn all() -> Vec<Self> {
        let folder = std::fs::read_dir(golden_path("families")).unwrap().map(|entry| entry.unwrap().path());
        let mut folders: Vec<_> = folder.filter(|path| path.join("model.safetensors").is_file()).collect();
        folders.sort();
        assert!(folders.len() > 40, "the goldens are missing: {folders:?}");
        let family = |path: &std::path::PathBuf| {
            let read = |name| std::fs::read(path.join(name)).unwrap();
            let name = path.file_name().unwrap().to_str().unwrap();
            let config = std::fs::read(path.join("config.json")).ok();
            Self::new(name, read("model.safetensors"), config.as_deref(), read("expected.safetensors"))
        };
        folders.iter().map(family).collect()
    }

    pub fn new(
        name: &str,
        weights: impl Into<Cow<'static, [u8]>>,
        config: Option<&[u8]>,
        expected: impl Into<Cow<'static, [u8]>>,
    ) -> Self {
        Self {
            name: name.into(),
            weights: weights.into().into_owned(),
            config: config.map(|config| serde_json::from_slice(config).expect("config.json is JSON")),
            expected: Golden(expected.into()),
        }
    }

    /// The model on a device.
    pub async fn open(&self, compute: &Compute) -> Opened {
        Opened::read(self.weights.clone(), self.config.as_ref(), compute).await
    }

    /// What upstream was given.
    pub fn inputs(&self) -> Vec<Array> {
        self.expected.arrays("in.")
    }

    /// Every output beside upstream's.
    pub async fn outputs(&self, compute: &Compute) -> Vec<Off> {
        let got = self.open(compute).await.outputs(&self.expected.arrays("in.")).await;
        let off = |want: Array| {
            let name = &self.name;
            let got = got.get(&want.name).unwrap_or_else(|| panic!("{name} gives no {}: {:?}", want.name, got.keys()));
            Off { error: relative_error(&want.values, got), what: want.name }
        };
        self.expected.arrays("out.").into_iter().map(off).collect()
    }

    /// Gradients of one parameter for each kind of layer beside upstream's. The loss is the one of golden/families: the
    /// sum of each output's entries times the cosine of their place.
    pub async fn gradients(&self, compute: &Compute) -> Vec<Off> {
        let weights = self.expected.arrays("out.").into_iter();
        let weights =
            weights.map(|out| (out.name, (0..out.values.len()).map(|at| (at as f32).cos()).collect())).collect();
        let opened = self.open(compute).await;
        let gradients = opened.gradients(&self.expected.arrays("in."), &weights);
        let mut all = Vec::new();
        for want in self.expected.arrays("grad.") {
            let got = opened.stored(&gradients, &want.name).await;
            all.push(Off { error: relative_error(&want.values, &got), what: want.name });
        }
        all
    }
}

/// Infinite where something is no number.
fn relative_error(want: &[f32], got: &[f32]) -> f32 {
    assert_eq!(want.len(), got.len(), "as many numbers");
    let largest = want.iter().fold(0f32, |largest, want| largest.max(want.abs()));
    let off = want.iter().zip(got).map(|(want, got)| (want - got).abs()).fold(0f32, f32::max);
    if got.iter().all(|got| got.is_finite()) { off / largest } else { f32::INFINITY }
}
