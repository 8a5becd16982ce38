//! What preprocessor_config.json says about pictures.

use secateur_formats::config::Setting;
use secateur_formats::quote;
use serde_json::Value;

use crate::source::Source;
use crate::{Filter, InputSpec, Model, ModelError, Resize};

/// A bound for arithmetic and memory, far above real models.
const LARGEST_SIDE: usize = 1 << 13;

/// Hugging Face's processors of classifiers that read a single number as the shorter side; others read it as both sides.
const BY_SHORTER_SIDE: &[&str] = &["CLIP", "Bit", "ConvNext", "Levit", "MobileNet"];

/// ConvNext's processor cuts the middle out of pictures that are smaller than this, and only stretches others.
const LARGEST_CUT: usize = 384;

impl Model {
    /// The same model with its pictures as preprocessor_config.json says; what it leaves out stays as it is.
    pub fn with_preprocessor(mut self, settings: &Value) -> Result<Self, ModelError> {
        let source = &Source { config: Some(settings), tensors: None };
        if let Some(pictures) = &mut self.pictures {
            check_scale(source)?;
            normalise(source, pictures)?;
            resize(source, pictures)?;
        }
        Ok(self)
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

fn normalise(source: &Source, pictures: &mut InputSpec) -> Result<(), ModelError> {
    let channels = pictures.channels;
    if source.setting("do_normalize")? == Some(false) {
        pictures.mean = vec![0.0; channels];
        pictures.std = vec![1.0; channels];
        return Ok(());
    }
    if let Some(mean) = by_channel(source, "image_mean", channels)? {
        pictures.mean = mean;
    }
    if let Some(std) = by_channel(source, "image_std", channels)? {
        pictures.std = std;
    }
    match pictures.std.iter().find(|std| **std <= 0.0) {
        Some(std) => Err(ModelError::setting("image_std", "above 0", std)),
        None => Ok(()),
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

/// What is resized and not cut must have the model's size, and so must what is cut.
fn resize(source: &Source, pictures: &mut InputSpec) -> Result<(), ModelError> {
    let (height, width) = (pictures.height, pictures.width);
    let wrong = |key, (h, w): (usize, usize)| {
        ModelError::setting(key, format!("{height}×{width}, which the model takes"), format!("{h}×{w}"))
    };
    let cut: Option<bool> = source.setting("do_center_crop")?;
    let cut_to = source.setting("crop_size")?.map(Size::sides).filter(|_| cut != Some(false));
    if let Some(sides) = cut_to.filter(|sides| *sides != (height, width)) {
        return Err(wrong("crop_size", sides));
    }
    pictures.filter = filter(source)?.unwrap_or(pictures.filter);
    pictures.resize = asked(source)?.unwrap_or(pictures.resize);
    match pictures.resize {
        Resize::Exactly(h, w) if h < height || w < width => Err(wrong("size", (h, w))),
        Resize::Exactly(h, w) if cut == Some(false) && (h, w) != (height, width) => Err(wrong("size", (h, w))),
        _ => Ok(()),
    }
}

/// The resizing that is asked for, if any is mentioned.
fn asked(source: &Source) -> Result<Option<Resize>, ModelError> {
    if source.setting("do_resize")? == Some(false) {
        return Ok(Some(Resize::Keep));
    }
    let shorter = match source.setting("size")? {
        None => return Ok(None),
        Some(Size::Shorter(side)) => side,
        Some(Size::Number(side)) if by_shorter_side(source)? => side,
        Some(size) => {
            let (height, width) = size.sides();
            return Ok(Some(Resize::Exactly(height, width)));
        }
    };
    Ok(Some(match source.setting::<f64>("crop_pct")? {
        None => Resize::Shorter(shorter),
        Some(_) if shorter >= LARGEST_CUT => Resize::Exactly(shorter, shorter),
        Some(share) => Resize::Shorter((shorter as f64 / share_of(share)?) as usize),
    }))
}

fn by_shorter_side(source: &Source) -> Result<bool, ModelError> {
    let name: Option<String> = match source.setting("image_processor_type")? {
        Some(name) => Some(name),
        None => source.setting("feature_extractor_type")?,
    };
    Ok(name.is_some_and(|name| BY_SHORTER_SIDE.iter().any(|start| name.starts_with(start))))
}

/// A share of a picture's side that is worth looking at.
pub fn share_of(share: f64) -> Result<f64, ModelError> {
    let fits = (0.1..=1.0).contains(&share);
    fits.then_some(share).ok_or_else(|| ModelError::setting("crop_pct", "a number from 0.1 to 1", share))
}

/// A size as it is written.
#[derive(Clone, Copy)]
enum Size {
    Number(usize),
    /// Height and width.
    Sides(usize, usize),
    Shorter(usize),
}

impl Size {
    fn sides(self) -> (usize, usize) {
        match self {
            Self::Number(side) | Self::Shorter(side) => (side, side),
            Self::Sides(height, width) => (height, width),
        }
    }
}

impl Setting for Size {
    const WANT: &'static str =
        "a number of pixels, or an object with \"height\" and \"width\" or with \"shortest_edge\", each from 1 to 8192";

    fn from_json(value: &Value) -> Option<Self> {
        let side = |value: &Value| usize::from_json(value).filter(|side| (1..=LARGEST_SIDE).contains(side));
        let Some(sides) = value.as_object() else { return side(value).map(Self::Number) };
        let said: Vec<_> = sides.iter().filter(|(_, side)| !side.is_null()).collect();
        match said.as_slice() {
            [(key, edge)] if *key == "shortest_edge" => side(edge).map(Self::Shorter),
            [_, _] => Some(Self::Sides(side(value.get("height")?)?, side(value.get("width")?)?)),
            _ => None,
        }
    }
}

/// By its number in PIL.
fn filter(source: &Source) -> Result<Option<Filter>, ModelError> {
    match source.setting::<usize>("resample")? {
        None => Ok(None),
        Some(2) => Ok(Some(Filter::Bilinear)),
        Some(3) => Ok(Some(Filter::Bicubic)),
        Some(other) => Err(ModelError::setting("resample", "2 (bilinear) or 3 (bicubic), which are supported", other)),
    }
}
