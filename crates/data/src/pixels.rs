//! Pictures of any size and colour, brought into shape for a model.

use crate::resample::{Filter, resize};

/// 8-bit values [height, width, channels], 1 channel of grey or 3 of red, green and blue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pixels {
    pub height: usize,
    pub width: usize,
    pub channels: usize,
    pub values: Vec<u8>,
}

impl Pixels {
    /// In grey (1 channel) or in colour (3); how bright a colour is, by ITU-R 601, as Pillow works it out.
    pub fn with_channels(self, channels: usize) -> Self {
        let values = match (self.channels, channels) {
            (1, 3) => self.values.iter().flat_map(|grey| [*grey; 3]).collect(),
            (3, 1) => self.values.as_chunks().0.iter().map(brightness).collect(),
            _ => return self,
        };
        Self { channels, values, ..self }
    }

    /// On a grid of other sides.
    pub fn resized(&self, height: usize, width: usize, filter: Filter) -> Self {
        let values = resize(&self.values, (self.height, self.width), self.channels, (height, width), filter);
        Self { height, width, channels: self.channels, values }
    }

    /// Height and width with so many pixels on the shorter side and the same proportions, rounded down.
    pub fn sides_with_shorter(&self, shorter: usize) -> (usize, usize) {
        let longer = |short: usize, long: usize| shorter * long / short.max(1);
        if self.width <= self.height {
            (longer(self.width, self.height), shorter)
        } else {
            (shorter, longer(self.height, self.width))
        }
    }

    /// The middle of the picture, with black around it where the picture is too small.
    pub fn middle(&self, height: usize, width: usize) -> Self {
        let start = |old: usize, new: usize| (old as isize - new as isize) / 2;
        let (top, left) = (start(self.height, height), start(self.width, width));
        let pixel = |row: usize, column: usize| {
            let (row, column) = (row.checked_add_signed(top)?, column.checked_add_signed(left)?);
            let at = (row < self.height && column < self.width).then(|| (row * self.width + column) * self.channels)?;
            self.values.get(at..at + self.channels)
        };
        let mut values = vec![0; height * width * self.channels];
        for (at, out) in values.chunks_exact_mut(self.channels.max(1)).enumerate() {
            if let Some(pixel) = pixel(at / width, at % width) {
                out.copy_from_slice(pixel);
            }
        }
        Self { height, width, channels: self.channels, values }
    }

    /// (value / 255 - mean) / std of the channel: [channels, height, width]
    pub fn normalised(&self, mean: &[f32], std: &[f32]) -> Vec<f32> {
        let plane = |(channel, (mean, std)): (usize, (&f32, &f32))| {
            let (mean, std) = (*mean, *std);
            let values = self.values.iter().skip(channel).step_by(self.channels.max(1));
            values.map(move |value| (f32::from(*value) / 255.0 - mean) / std).collect::<Vec<_>>()
        };
        mean.iter().zip(std).enumerate().flat_map(plane).collect()
    }
}

fn brightness([red, green, blue]: &[u8; 3]) -> u8 {
    let weighted = u32::from(*red) * 19_595 + u32::from(*green) * 38_470 + u32::from(*blue) * 7_471;
    ((weighted + (1 << 15)) >> 16) as u8
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resample::BILINEAR;

    /// Every value tells its place.
    fn numbered(height: usize, width: usize) -> Pixels {
        Pixels { height, width, channels: 1, values: (0..height * width).map(|at| at as u8 + 1).collect() }
    }

    #[test]
    fn colours_become_grey_and_grey_becomes_colour() {
        let colours = [[255, 0, 0], [0, 255, 0], [0, 0, 255], [7, 7, 7]];
        let picture = Pixels { height: 2, width: 2, channels: 3, values: colours.concat() };
        let grey = picture.clone().with_channels(1);
        assert_eq!((grey.channels, grey.values.as_slice()), (1, [76, 150, 29, 7].as_slice()));
        assert_eq!(grey.with_channels(3).values, [[76; 3], [150; 3], [29; 3], [7; 3]].concat());
        assert_eq!(picture.clone().with_channels(3), picture);
    }

    #[test]
    fn the_middle_is_cut_out_or_framed_in_black() {
        let picture = numbered(4, 5); // 1 to 5, 6 to 10, 11 to 15, 16 to 20
        assert_eq!(picture.middle(2, 3).values, [7, 8, 9, 12, 13, 14]);
        assert_eq!(picture.middle(2, 2).values, [7, 8, 12, 13]);
        assert_eq!(picture.middle(4, 5), picture);
        assert_eq!(picture.middle(1, 8).values, [0, 6, 7, 8, 9, 10, 0, 0]);
        assert_eq!(numbered(1, 1).middle(2, 2).values, [1, 0, 0, 0]);
    }

    #[test]
    fn the_shorter_side_sets_the_size() {
        let sides = |height, width| numbered(height, width).sides_with_shorter(8);
        assert_eq!((sides(3, 5), sides(5, 3), sides(4, 4), sides(1, 9)), ((8, 13), (13, 8), (8, 8), (8, 72)));
    }

    #[test]
    fn channels_are_normalised_each_by_itself() {
        let picture = Pixels { height: 1, width: 2, channels: 3, values: vec![0, 51, 255, 255, 102, 0] };
        let got = picture.normalised(&[0.0, 0.2, 1.0], &[1.0, 0.1, 2.0]);
        let want = [0.0, 1.0, 0.0, 2.0, 0.0, -0.5];
        assert!(got.iter().zip(want).all(|(got, want)| (got - want).abs() < 1e-6), "{got:?}");
        assert_eq!(picture.resized(2, 2, BILINEAR).values.len(), 12);
    }
}
