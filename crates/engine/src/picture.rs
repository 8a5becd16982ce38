//! The user's picture files as a model takes them.

use secateur_data::pixels::Pixels;
use secateur_data::resample::{BICUBIC, BILINEAR};
use secateur_formats::Picture;
use secateur_models::{Filter, InputSpec, Resize};

use crate::checkpoint::read_small;
use crate::stop::Stop;
use crate::{Asset, Host};

/// A larger file is something else.
const FILE_LIMIT: u64 = 64 << 20;
/// Pixels that a resized picture may have: a long, narrow one grows when its shorter side does.
const MOST_PIXELS: usize = 1 << 26;

/// A png or jpeg file: [channels, height, width], resized, cut and normalised.
pub(crate) async fn input<H: Host>(host: &H, spec: &InputSpec, name: &str) -> Result<Vec<f32>, Stop> {
    let want = "a png or jpeg picture";
    let file = read_small(host, Asset::User(name), FILE_LIMIT, want).await?;
    let picture = Picture::decode(&file).map_err(|error| Stop::because(format!("{name}: {error}")))?;
    prepared(spec, picture).map_err(|why| Stop::because(format!("{name}: {why}")))
}

/// The picture as the model takes it, or why that is impossible.
fn prepared(spec: &InputSpec, picture: Picture) -> Result<Vec<f32>, String> {
    let &InputSpec { channels, height, width, resize, filter, .. } = spec;
    if channels != 1 && channels != 3 {
        return Err(format!("the model takes pictures of {channels} channels; wanted one of grey (1) or colour (3)"));
    }
    let Picture { height: rows, width: columns, channels: colours, values } = picture;
    let pixels = Pixels { height: rows, width: columns, channels: colours, values }.with_channels(channels);
    let filter = match filter {
        Filter::Bilinear => BILINEAR,
        Filter::Bicubic => BICUBIC,
    };
    let sides = match resize {
        Resize::Keep => None,
        Resize::Exactly(height, width) => Some((height, width)),
        Resize::Shorter(side) => Some(pixels.sides_with_shorter(side)),
    };
    let resized = match sides {
        None => pixels,
        Some((h, w)) if h.saturating_mul(w) > MOST_PIXELS => {
            return Err(format!("{rows}×{columns} pixels are too long and narrow for the model; cut the picture"));
        }
        Some((h, w)) => pixels.resized(h, w, filter),
    };
    Ok(resized.middle(height, width).normalised(&spec.mean, &spec.std))
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use pollster::block_on;
    use secateur_formats::MemoryFile;
    use secateur_formats::safetensors::{read_f32, read_header};
    use secateur_models::initial;
    use serde_json::{Map, Value, json};

    use super::*;

    fn golden(name: &str) -> Vec<u8> {
        let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../tests/golden/pictures").join(name);
        std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    }

    /// Colour pictures of 12×12 pixels, with a preprocessor_config.json.
    fn spec(settings: &Value) -> InputSpec {
        let config = json!({
            "model_type": "vit", "hidden_size": 8, "num_hidden_layers": 1, "num_attention_heads": 2,
            "intermediate_size": 16, "hidden_act": "gelu", "layer_norm_eps": 1e-6, "image_size": 12, "patch_size": 4,
            "num_channels": 3, "qkv_bias": true, "num_labels": 2,
        });
        initial(&config).unwrap().with_preprocessor(settings).unwrap().pictures.unwrap()
    }

    /// Hugging Face's processors, with Pillow.
    #[test]
    fn pictures_come_to_the_model_as_from_hugging_face() {
        let processors: Map<String, Value> = serde_json::from_slice(&golden("processors.json")).unwrap();
        let expected = MemoryFile::new(golden("expected.safetensors"));
        let header = block_on(read_header(&expected)).unwrap();
        assert!(processors.len() >= 5 && header.tensors.len() == 3 * processors.len());
        for tensor in &header.tensors {
            let (processor, file) = tensor.name.split_once('.').unwrap();
            let spec = spec(&processors[processor]);
            let picture = Picture::decode(&golden(&format!("{file}.png"))).unwrap();
            let got = prepared(&spec, picture).unwrap();
            let want = block_on(read_f32(&expected, tensor)).unwrap();
            let off = want.iter().zip(&got).map(|(want, got)| (want - got).abs()).fold(0.0, f32::max);
            println!("{}: off by {off:.1e}", tensor.name);
            assert!(got.len() == want.len() && off <= 1e-6, "{} is off by {off}", tensor.name);
        }
    }

    /// Decoders of jpeg round in ways of their own.
    #[test]
    fn a_jpeg_is_turned_as_its_camera_says() {
        let upright = Picture::decode(&golden("colours.png")).unwrap();
        let turned = Picture::decode(&golden("turned.jpg")).unwrap();
        assert_eq!((turned.height, turned.width, turned.channels), (upright.width, upright.height, 3));
        let at = |picture: &Picture, row: usize, column: usize| {
            let from = 3 * (row * picture.width + column);
            [0, 1, 2].map(|channel| i32::from(picture.values[from + channel]))
        };
        let mut off = 0;
        for row in 0..turned.height {
            for column in 0..turned.width {
                let (here, there) = (at(&turned, row, column), at(&upright, upright.height - 1 - column, row));
                off += here.iter().zip(there).map(|(here, there)| (here - there).abs()).sum::<i32>();
            }
        }
        let mean = f64::from(off) / turned.values.len() as f64;
        assert!(mean < 6.0, "off by {mean} of 255 in the mean");
    }

    #[test]
    fn pictures_that_cannot_be_brought_into_shape_are_told_why() {
        let spec = spec(&json!({"size": {"shortest_edge": 8000}, "image_processor_type": "CLIPImageProcessor"}));
        let narrow = || Picture { height: 1, width: 16_000, channels: 1, values: vec![0; 16_000] };
        let why = prepared(&spec, narrow()).unwrap_err();
        assert!(why.contains("1×16000 pixels are too long and narrow"), "{why}");
        let latent = InputSpec { channels: 4, ..spec };
        assert!(prepared(&latent, narrow()).unwrap_err().contains("pictures of 4 channels"));
    }
}
