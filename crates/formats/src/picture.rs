//! Picture files: png and jpeg in, png out.

use std::io::Cursor;

use image::codecs::png::PngEncoder;
use image::{
    DynamicImage, ExtendedColorType, ImageDecoder, ImageEncoder, ImageError, ImageFormat, ImageReader, Limits,
};

use crate::clip;

/// Longest side accepted, in pixels.
const LARGEST_SIDE: u32 = 1 << 14;
/// Most pixels accepted: a file of a few bytes can claim any number.
const MOST_PIXELS: u64 = 1 << 25;

/// Pictures side by side on a sheet.
const COLUMNS: usize = 8;

/// 8-bit values [height, width, channels]: 1 channel of grey or 3 of red, green and blue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Picture {
    pub height: usize,
    pub width: usize,
    pub channels: usize,
    pub values: Vec<u8>,
}

/// Why a picture could not be read or written.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PictureError {
    #[error("wanted a png or jpeg picture, got {got}; save the picture as one of these")]
    Kind { got: String },
    #[error("the picture is damaged: {why}; open it in a picture program and save it again")]
    Damaged { why: String },
    #[error(
        "the picture is too large, wanted at most {side} pixels each way and {all} in all; make it smaller",
        side = LARGEST_SIDE,
        all = MOST_PIXELS
    )]
    Large,
    #[error(
        "wanted {height}×{width} pixels of 1 or 3 values each, got {values} values of {channels} channels; choose a model \
         of grey or colour pictures"
    )]
    Shape { height: usize, width: usize, channels: usize, values: usize },
}

impl Picture {
    /// The picture in a png or jpeg file, turned as its camera says. What is transparent is laid on white, as Hugging
    /// Face does; values of 16 bits are rounded to 8.
    pub fn decode(file: &[u8]) -> Result<Self, PictureError> {
        let mut reader = ImageReader::new(Cursor::new(file));
        reader.set_format(kind(file)?);
        let mut limits = Limits::default();
        (limits.max_image_width, limits.max_image_height) = (Some(LARGEST_SIDE), Some(LARGEST_SIDE));
        reader.limits(limits);
        let mut decoder = reader.into_decoder().map_err(damaged)?;
        let (width, height) = decoder.dimensions();
        if u64::from(width) * u64::from(height) > MOST_PIXELS {
            return Err(PictureError::Large);
        }
        let turned = decoder.orientation().map_err(damaged)?;
        let mut image = DynamicImage::from_decoder(decoder).map_err(damaged)?;
        image.apply_orientation(turned);
        Ok(Self::plain(image))
    }

    /// In 8 bits and without transparency.
    fn plain(image: DynamicImage) -> Self {
        let (height, width) = (image.height() as usize, image.width() as usize);
        let color = image.color();
        let (channels, values) = match (color.has_color(), color.has_alpha()) {
            (false, false) => (1, image.into_luma8().into_raw()),
            (false, true) => (1, on_white(&image.into_luma_alpha8(), 1)),
            (true, false) => (3, image.into_rgb8().into_raw()),
            (true, true) => (3, on_white(&image.into_rgba8(), 3)),
        };
        Self { height, width, channels, values }
    }

    /// Pictures [height, width, channels], one after the other, on one sheet: rows of eight from left to right; places that
    /// are left over stay black.
    pub fn sheet(height: usize, width: usize, channels: usize, pixels: &[u8]) -> Self {
        let line = width * channels;
        let count = pixels.len() / (height * line).max(1);
        let (columns, rows) = (count.min(COLUMNS), count.div_ceil(COLUMNS));
        let mut values = vec![0; rows * height * columns * line];
        for (at, from) in pixels.chunks_exact(line.max(1)).take(count * height).enumerate() {
            let (picture, row) = (at / height, at % height);
            let start = ((picture / COLUMNS * height + row) * columns + picture % COLUMNS) * line;
            values[start..start + line].copy_from_slice(from);
        }
        Self { height: rows * height, width: columns * width, channels, values }
    }

    /// As a png file.
    pub fn encode(&self) -> Result<Vec<u8>, PictureError> {
        let &Self { height, width, channels, ref values } = self;
        let wrong = || PictureError::Shape { height, width, channels, values: values.len() };
        let color = match channels {
            1 => ExtendedColorType::L8,
            3 => ExtendedColorType::Rgb8,
            _ => return Err(wrong()),
        };
        let whole = values.len() == height * width * channels;
        let (Ok(w), Ok(h), true) = (u32::try_from(width), u32::try_from(height), whole) else { return Err(wrong()) };
        let mut file = Vec::new();
        PngEncoder::new(&mut file).write_image(values, w, h, color).map_err(|_| wrong())?;
        Ok(file)
    }
}

/// Told by its first bytes, whatever the file is called.
fn kind(file: &[u8]) -> Result<ImageFormat, PictureError> {
    let got = |got: &str| Err(PictureError::Kind { got: got.into() });
    match image::guess_format(file) {
        Ok(kind @ (ImageFormat::Png | ImageFormat::Jpeg)) => Ok(kind),
        Ok(other) => got(&format!("a {} picture", other.extensions_str().first().unwrap_or(&"strange"))),
        Err(_) if file.is_empty() => got("an empty file"),
        Err(_) => got("something that is no picture"),
    }
}

fn damaged(error: ImageError) -> PictureError {
    match error {
        ImageError::Limits(_) => PictureError::Large,
        other => PictureError::Damaged { why: clip(&other.to_string()) },
    }
}

/// Values [pixels, channels + 1], of which the last of each pixel is opacity, on a white ground.
fn on_white(values: &[u8], channels: usize) -> Vec<u8> {
    let mix = |value: u8, opacity: u8| {
        let (value, opacity) = (u32::from(value), u32::from(opacity));
        ((value * opacity + 255 * (255 - opacity) + 127) / 255) as u8
    };
    values
        .chunks_exact(channels + 1)
        .flat_map(|pixel| pixel[..channels].iter().map(|v| mix(*v, pixel[channels])))
        .collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn picture(channels: usize) -> impl Strategy<Value = Picture> {
        (1usize..20, 1usize..20).prop_flat_map(move |(height, width)| {
            let values = prop::collection::vec(any::<u8>(), height * width * channels);
            values.prop_map(move |values| Picture { height, width, channels, values })
        })
    }

    fn said(file: &[u8]) -> String {
        Picture::decode(file).unwrap_err().to_string()
    }

    /// A png of other values than 8 bits of grey or colour.
    fn encoded(width: u32, height: u32, color: ExtendedColorType, values: &[u8]) -> Vec<u8> {
        let mut file = Vec::new();
        PngEncoder::new(&mut file).write_image(values, width, height, color).unwrap();
        file
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn a_picture_reads_back(picture in prop_oneof![picture(1), picture(3)]) {
            prop_assert_eq!(Picture::decode(&picture.encode().unwrap()).unwrap(), picture);
        }

        /// A sentence or a picture, and never more memory than a file of this size can ask for.
        #[test]
        fn damage_is_said(picture in picture(3), at in any::<prop::sample::Index>(), bit in 0u8..8, cut in any::<bool>()) {
            let mut file = picture.encode().unwrap();
            let at = at.index(file.len());
            if cut { file.truncate(at) } else { file[at] ^= 1 << bit }
            if let Err(error) = Picture::decode(&file) {
                let said = error.to_string();
                prop_assert!(said.contains("; ") && !said.contains('\n'), "{}", said);
            }
        }
    }

    #[test]
    fn transparency_lies_on_white_and_16_bits_become_8() {
        let seen = |color, values: &[u8]| Picture::decode(&encoded(1, 1, color, values)).unwrap().values;
        assert_eq!(seen(ExtendedColorType::Rgba8, &[10, 20, 30, 0]), [255, 255, 255]);
        assert_eq!(seen(ExtendedColorType::Rgba8, &[10, 20, 30, 255]), [10, 20, 30]);
        assert_eq!(seen(ExtendedColorType::La8, &[0, 128]), [127]);
        assert_eq!(seen(ExtendedColorType::L16, &[255, 255]), [255]);
    }

    #[test]
    fn other_files_are_named() {
        assert!(said(b"").contains("got an empty file"));
        assert!(said(b"hello, world").contains("got something that is no picture"));
        assert!(said(b"GIF89a..........").contains("got a gif picture; save the picture as one of these"));
        assert!(said(b"\x89PNG\r\n\x1a\n").contains("damaged"));
    }

    /// A billion pixels in a hundred bytes.
    #[test]
    fn a_picture_that_claims_too_much_is_refused() {
        let claims = |width: u32, height: u32| {
            let mut file = encoded(1, 1, ExtendedColorType::L8, &[0]);
            file[16..20].copy_from_slice(&width.to_be_bytes());
            file[20..24].copy_from_slice(&height.to_be_bytes());
            let sum = crc(&file[12..29]);
            file[29..33].copy_from_slice(&sum.to_be_bytes());
            said(&file)
        };
        for (width, height) in [(16_000, 16_000), (40_000, 40_000), (u32::MAX >> 1, 1)] {
            assert!(claims(width, height).contains("too large, wanted at most 16384 pixels each way"));
        }
    }

    #[test]
    fn pictures_of_a_sheet_stand_in_rows() {
        let sheet = Picture::sheet(2, 1, 1, &(1..=20).collect::<Vec<u8>>());
        assert_eq!((sheet.height, sheet.width), (4, 8));
        let rows: Vec<&[u8]> = sheet.values.chunks(8).collect();
        assert_eq!(rows[..2], [[1, 3, 5, 7, 9, 11, 13, 15], [2, 4, 6, 8, 10, 12, 14, 16]]);
        assert_eq!(rows[2..], [[17, 19, 0, 0, 0, 0, 0, 0], [18, 20, 0, 0, 0, 0, 0, 0]]);
    }

    #[test]
    fn only_whole_pictures_are_written() {
        let picture = Picture { height: 2, width: 2, channels: 3, values: vec![0; 11] };
        assert!(picture.encode().unwrap_err().to_string().contains("got 11 values of 3 channels"));
        let picture = Picture { height: 1, width: 1, channels: 2, values: vec![0; 2] };
        assert!(picture.encode().is_err());
    }

    /// The checksum of a png's chunks.
    fn crc(bytes: &[u8]) -> u32 {
        !bytes.iter().fold(!0u32, |sum, byte| {
            (0..8).fold(sum ^ u32::from(*byte), |sum, _| (sum >> 1) ^ (0xEDB8_8320 & (sum & 1).wrapping_neg()))
        })
    }
}
