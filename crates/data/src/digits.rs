//! 10,000 handwritten digits of MNIST, shuffled once for all, in three parts.

use std::ops::Range;

use crate::DataError;
use crate::idx::read_gz;

/// Height and width of a picture.
pub const SIDE: usize = 28;
/// Bytes of a picture.
pub const PIXELS: usize = SIDE * SIDE;
pub const CLASSES: usize = 10;

const IMAGES: &str = "digits/images.idx3.gz";
const LABELS: &str = "digits/labels.idx1.gz";

/// The pictures and what they show.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Digits {
    /// Grey values, 0 = background, picture by picture, each row by row: n x [`PIXELS`].
    pub images: Vec<u8>,
    /// The digit in each picture, 0 to 9.
    pub labels: Vec<u8>,
}

/// What a part of the data may be used for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Split {
    /// The built-in models have learnt from these.
    Train,
    /// Statistics for pruning are gathered on these.
    Calibration,
    /// Nothing but measuring.
    Test,
}

impl Split {
    /// Which pictures.
    pub const fn range(self) -> Range<usize> {
        match self {
            Self::Train => 0..8_000,
            Self::Calibration => 8_000..9_000,
            Self::Test => 9_000..10_000,
        }
    }
}

impl Digits {
    /// From the two files in `public/digits`, as they are.
    pub fn parse(images_gz: &[u8], labels_gz: &[u8]) -> Result<Self, DataError> {
        let (images_sizes, images) = read_gz(IMAGES, images_gz, 3)?;
        let (labels_sizes, labels) = read_gz(LABELS, labels_gz, 1)?;
        let count = Split::Test.range().end as u32;
        expect(IMAGES, [count, SIDE as u32, SIDE as u32], images_sizes)?;
        expect(LABELS, [count, 1, 1], labels_sizes)?;
        if let Some(at) = labels.iter().position(|label| *label >= CLASSES as u8) {
            let (want, got) = ("digits from 0 to 9".to_string(), format!("{} at {at}", labels[at]));
            return Err(DataError::Content { file: LABELS, want, got });
        }
        Ok(Self { images, labels })
    }

    /// Which pictures a part holds.
    pub fn split(&self, split: Split) -> Range<usize> {
        split.range()
    }

    /// Picture `at`: [`PIXELS`] grey values.
    pub fn grey(&self, at: usize) -> &[u8] {
        &self.images[at * PIXELS..(at + 1) * PIXELS]
    }
}

fn expect(file: &'static str, want: [u32; 3], got: [u32; 3]) -> Result<(), DataError> {
    if want == got {
        return Ok(());
    }
    Err(DataError::Content { file, want: format!("sizes {want:?}"), got: format!("{got:?}") })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn public(path: &str) -> Vec<u8> {
        std::fs::read(format!("{}/../../public/{path}", env!("CARGO_MANIFEST_DIR"))).expect("a file of the repository")
    }

    fn bundled() -> Digits {
        Digits::parse(&public(IMAGES), &public(LABELS)).unwrap()
    }

    #[test]
    fn the_bundled_digits_are_complete() {
        let digits = bundled();
        assert_eq!((digits.images.len(), digits.labels.len()), (10_000 * PIXELS, 10_000));
        let parts = [Split::Train, Split::Calibration, Split::Test].map(|part| digits.split(part));
        assert_eq!(parts.map(|part| part.len()), [8_000, 1_000, 1_000]);
    }

    #[test]
    fn every_part_shows_every_digit_about_as_often() {
        let digits = bundled();
        for part in [Split::Train, Split::Calibration, Split::Test] {
            let labels = &digits.labels[digits.split(part)];
            for class in 0..CLASSES as u8 {
                let share = labels.iter().filter(|label| **label == class).count() as f64 / labels.len() as f64;
                assert!((0.065..0.14).contains(&share), "{part:?} shows {class} in {share} of its pictures");
            }
        }
    }

    /// The mean picture of a class is nearest for most pictures of that class, so labels and pictures belong together.
    #[test]
    fn pictures_match_their_labels() {
        let digits = bundled();
        let mut means = vec![[0f32; PIXELS]; CLASSES];
        let mut counts = [0f32; CLASSES];
        for at in digits.split(Split::Train) {
            let class = usize::from(digits.labels[at]);
            counts[class] += 1.0;
            means[class].iter_mut().zip(digits.grey(at)).for_each(|(sum, grey)| *sum += f32::from(*grey));
        }
        for (mean, count) in means.iter_mut().zip(counts) {
            mean.iter_mut().for_each(|sum| *sum /= count);
        }
        let far = |grey: &[u8], mean: &[f32; PIXELS]| -> f32 {
            grey.iter().zip(mean).map(|(grey, mean)| (f32::from(*grey) - mean).powi(2)).sum()
        };
        let nearest = |grey: &[u8]| (0..CLASSES).min_by(|a, b| far(grey, &means[*a]).total_cmp(&far(grey, &means[*b])));
        let test = digits.split(Split::Test);
        let right = test.filter(|at| nearest(digits.grey(*at)) == Some(usize::from(digits.labels[*at]))).count();
        assert!(right > 780, "{right} of 1,000"); // the usual figure for this classifier on MNIST is 820
    }

    #[test]
    fn damaged_files_are_refused_with_a_sentence() {
        let (images, labels) = (public(IMAGES), public(LABELS));
        let error = |images: &[u8], labels: &[u8]| Digits::parse(images, labels).unwrap_err().to_string();
        assert!(error(&images[..images.len() / 2], &labels).contains("images.idx3.gz: could not unpack"));
        assert!(error(b"<html>", &labels).contains("images.idx3.gz: could not unpack"));
        assert!(error(&labels, &labels).contains("wanted an IDX file of bytes with 3 axes"));
        assert!(error(&images, &images).contains("labels.idx1.gz: wanted an IDX file of bytes with 1 axes"));
    }
}
