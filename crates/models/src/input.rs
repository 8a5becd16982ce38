use secateur_formats::quote;
use serde_json::Value;

use crate::settings::Pair;
use crate::{InputSpec, Model, ModelError, Source};

impl InputSpec {
    /// Pictures scaled to -1..1, as Hugging Face's ViT takes them unless its preprocessor says otherwise.
    pub(crate) fn new(channels: usize, height: usize, width: usize) -> Self {
        Self { channels, height, width, mean: vec![0.5; channels], std: vec![0.5; channels] }
    }

    /// Pictures normalised by ImageNet's mean and deviation, as torchvision's networks take them; other than colour
    /// pictures are scaled to -1..1.
    pub(crate) fn imagenet(channels: usize, Pair(height, width): Pair, assumed: &mut Vec<String>) -> Self {
        let scaled = Self::new(channels, height, width);
        if channels != 3 {
            assumed.push("pixels scaled to −1..1".into());
            return scaled;
        }
        assumed.push("pixels normalised by ImageNet's mean and deviation".into());
        Self { mean: vec![0.485, 0.456, 0.406], std: vec![0.229, 0.224, 0.225], ..scaled }
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
        let Some(pictures) = &mut self.pictures else { return Ok(self) };
        let channels = pictures.channels;
        check_scale(&source)?;
        if source.setting("do_normalize")? == Some(false) {
            pictures.mean = vec![0.0; channels];
            pictures.std = vec![1.0; channels];
            return Ok(self);
        }
        if let Some(mean) = by_channel(&source, "image_mean", channels)? {
            pictures.mean = mean;
        }
        if let Some(std) = by_channel(&source, "image_std", channels)? {
            pictures.std = std;
        }
        match pictures.std.iter().find(|std| **std <= 0.0) {
            Some(std) => Err(ModelError::setting("image_std", "above 0", std)),
            None => Ok(self),
        }
    }
}

/// Pixels are brought from 0..255 to 0..1 before they are normalised, and not in another way.
fn check_scale(source: &Source) -> Result<(), ModelError> {
    if source.setting("do_rescale")? == Some(false) {
        return Err(ModelError::setting("do_rescale", "true, which is what is supported", false));
    }
    match source.setting::<f64>("rescale_factor")? {
        Some(factor) if (factor * 255.0 - 1.0).abs() > 1e-3 => {
            Err(ModelError::setting("rescale_factor", "1/255, which is what is supported", factor))
        }
        _ => Ok(()),
    }
}

/// A list with one finite number for each channel.
pub fn by_channel(source: &Source, key: &'static str, channels: usize) -> Result<Option<Vec<f32>>, ModelError> {
    let Some(list) = source.setting::<Vec<f64>>(key)? else { return Ok(None) };
    let values: Vec<f32> = list.iter().map(|value| *value as f32).collect();
    if values.len() == channels && values.iter().all(|value| value.is_finite()) {
        return Ok(Some(values));
    }
    let want = format!("a list of {channels} numbers, one for each channel");
    Err(ModelError::setting(key, want, quote(&format!("{list:?}"))))
}
