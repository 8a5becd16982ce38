use serde_json::Value;

use crate::{InputSpec, Model, ModelError, Source};

impl InputSpec {
    /// Pictures scaled to -1..1, as Hugging Face's ViT takes them unless its preprocessor says otherwise.
    pub(crate) fn new(channels: usize, height: usize, width: usize) -> Self {
        Self { channels, height, width, mean: vec![0.5; channels], std: vec![0.5; channels] }
    }

    /// Numbers in one picture.
    pub fn len(&self) -> usize {
        self.channels * self.height * self.width
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl Model {
    /// The same model with mean and deviation from its preprocessor_config.json.
    pub fn with_preprocessor(mut self, settings: &Value) -> Result<Self, ModelError> {
        let source = Source { config: Some(settings), tensors: None };
        let channels = self.input.channels;
        if source.setting("do_normalize")? == Some(false) {
            self.input.mean = vec![0.0; channels];
            self.input.std = vec![1.0; channels];
            return Ok(self);
        }
        if let Some(mean) = by_channel(&source, "image_mean", channels, |mean| mean.is_finite())? {
            self.input.mean = mean;
        }
        if let Some(std) = by_channel(&source, "image_std", channels, |std| std.is_finite() && std > 0.0)? {
            self.input.std = std;
        }
        Ok(self)
    }
}

/// A list with one number for each channel.
fn by_channel(
    source: &Source,
    key: &'static str,
    channels: usize,
    fine: impl Fn(f32) -> bool,
) -> Result<Option<Vec<f32>>, ModelError> {
    let Some(list) = source.setting::<Vec<f64>>(key)? else { return Ok(None) };
    let values: Vec<f32> = list.iter().map(|value| *value as f32).collect();
    if values.len() == channels && values.iter().all(|value| fine(*value)) {
        return Ok(Some(values));
    }
    let want = format!("a list of {channels} finite numbers (above 0 for image_std), one for each channel");
    Err(ModelError::Setting { key, want, got: secateur_formats::quote(&format!("{list:?}")) })
}
