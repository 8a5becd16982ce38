//! How pictures are brought into shape for a model.

use crate::settings::Pair;

/// The pictures a model takes: [channels, height, width], entries (x / 255 - mean) / std by channel. A picture of
/// another size is resized, then its middle is cut out.
#[derive(Clone, Debug, PartialEq)]
pub struct InputSpec {
    pub channels: usize,
    pub height: usize,
    pub width: usize,
    pub mean: Vec<f32>,
    pub std: Vec<f32>,
    pub resize: Resize,
    pub filter: Filter,
}

/// The size that pictures get before their middle is cut out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Resize {
    /// The one they have.
    Keep,
    /// Height and width; proportions are lost.
    Exactly(usize, usize),
    /// So many pixels on the shorter side; proportions stay.
    Shorter(usize),
}

/// How the pixels of a resized picture are made of those around them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Filter {
    Bilinear,
    Bicubic,
}

/// The share of a picture's side that torchvision's and Hugging Face's networks look at: 224 of 256 pixels.
const USUAL_SHARE: f64 = 224.0 / 256.0;
/// Smaller pictures are looked at whole, as CIFAR's are.
const SMALLEST_CUT: usize = 64;

impl InputSpec {
    /// Pictures stretched to the model's size and scaled to -1..1, as Hugging Face's ViT takes them unless its
    /// preprocessor says otherwise.
    pub(crate) fn new(channels: usize, height: usize, width: usize) -> Self {
        let (mean, std) = (vec![0.5; channels], vec![0.5; channels]);
        Self { channels, height, width, mean, std, resize: Resize::Exactly(height, width), filter: Filter::Bilinear }
    }

    /// Pictures normalised by ImageNet's mean and deviation and cut to their middle, as torchvision's networks take
    /// them; other than colour pictures are scaled to -1..1.
    pub(crate) fn imagenet(channels: usize, Pair(height, width): Pair, assumed: &mut Vec<String>) -> Self {
        let scaled = Self::new(channels, height, width);
        if channels != 3 {
            assumed.push("pixels scaled to −1..1".into());
            return scaled;
        }
        assumed.push("pixels normalised by ImageNet's mean and deviation".into());
        let whole = height.min(width) < SMALLEST_CUT;
        Self { mean: vec![0.485, 0.456, 0.406], std: vec![0.229, 0.224, 0.225], ..scaled }.cut(if whole {
            1.0
        } else {
            USUAL_SHARE
        })
    }

    /// The same with the middle cut out, `share` of the picture's shorter side; oblong pictures are stretched.
    pub(crate) fn cut(self, share: f64) -> Self {
        let square = self.height == self.width;
        // Not a multiplication: 224 / (224 / 256) is 256 and nothing less.
        let shorter = (self.height as f64 / share) as usize;
        Self { resize: if square { Resize::Shorter(shorter) } else { self.resize }, ..self }
    }

    /// Numbers in one picture.
    pub fn len(&self) -> usize {
        self.channels * self.height * self.width
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}
