//! Pictures on their way from noise, step by step, the dense model's and the pruned one's.

/// What all steps of one drawing have in common.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sizes {
    pub steps: u32,
    /// Pictures of each model.
    pub count: usize,
    pub height: usize,
    pub width: usize,
    /// 3 are red, green and blue; of others the first is shown as grey.
    pub channels: usize,
}

/// Steps kept take up at most about so many bytes.
const MOST_BYTES: usize = 64 << 20;

impl Sizes {
    /// `of`: pictures of each model, height, width, channels.
    pub fn new(steps: u32, of: [u32; 4]) -> Self {
        let [count, height, width, channels] = of.map(|size| size as usize);
        Self { steps, count, height, width, channels }
    }

    /// Bytes of one step: all pictures of both models. None when there is no such number.
    fn bytes(&self) -> Option<usize> {
        let sides = [self.count, self.height, self.width, self.channels];
        sides.iter().try_fold(2usize, |product, side| product.checked_mul(*side))
    }
}

/// What has been drawn so far.
#[derive(Clone, Debug, PartialEq)]
pub struct Drawings {
    pub sizes: Sizes,
    /// Names the cut that was drawn under.
    pub cut: String,
    /// The steps kept, in order, with their pixels: u8, dense pictures first.
    frames: Vec<(u32, Vec<u8>)>,
}

/// A picture to put on a canvas: red, green, blue, opacity.
#[derive(Clone, Debug, PartialEq)]
pub struct Rgba {
    pub width: usize,
    pub height: usize,
    pub pixels: Vec<u8>,
}

impl Drawings {
    /// Takes a step in: the next one of this drawing, or the first one of a new drawing of the cut of this name.
    ///
    /// # Errors
    /// A sentence when sizes and pixels do not fit together.
    pub fn take(drawn: &mut Option<Self>, sizes: Sizes, step: u32, pixels: &[u8], cut: String) -> Result<(), String> {
        if sizes.bytes() != Some(pixels.len()) || pixels.is_empty() {
            let Sizes { count, height, width, channels, .. } = sizes;
            return Err(format!(
                "Twice {count} pictures of {height} × {width} × {channels} came with {} bytes; they were left out.",
                pixels.len()
            ));
        }
        let goes_on = |old: &Self| old.sizes == sizes && old.last() < Some(step);
        let drawings = match drawn.take().filter(goes_on) {
            Some(old) => drawn.insert(old),
            None => drawn.insert(Self { sizes, cut, frames: Vec::new() }),
        };
        // A long way is shown in strides, the end always.
        let stride = (pixels.len().saturating_mul(sizes.steps as usize)).div_ceil(MOST_BYTES).max(1);
        if (step as usize).is_multiple_of(stride) || step == sizes.steps || drawings.frames.is_empty() {
            drawings.frames.push((step, pixels.to_vec()));
        }
        Ok(())
    }

    /// The newest step that is kept.
    pub fn last(&self) -> Option<u32> {
        self.frames.last().map(|(step, _)| *step)
    }

    /// The place of the kept step that is shown: the newest one, or the last one up to the step that is held.
    pub fn place(&self, held: Option<u32>) -> usize {
        let kept = held.map_or(self.frames.len(), |held| self.frames.partition_point(|(step, _)| *step <= held));
        kept.saturating_sub(1)
    }

    /// Whether the pictures are done.
    pub fn is_done(&self) -> bool {
        self.last() == Some(self.sizes.steps)
    }

    /// The number of the kept step at a place.
    pub fn step(&self, at: usize) -> Option<u32> {
        self.frames.get(at).map(|(step, _)| *step)
    }

    /// Picture number `index` of one model, after the kept step at a place.
    pub fn picture(&self, at: usize, pruned: bool, index: usize) -> Option<Rgba> {
        let Sizes { count, height, width, channels, .. } = self.sizes;
        let size = height * width * channels;
        let from = (if pruned { count } else { 0 } + index) * size;
        let shown = self.frames.get(at)?.1.get(from..from + size)?;
        let colour = |pixel: &[u8]| match *pixel {
            [red, green, blue] => [red, green, blue, 255],
            [grey, ..] => [grey, grey, grey, 255],
            [] => [0; 4],
        };
        Some(Rgba { width, height, pixels: shown.chunks(channels).flat_map(colour).collect() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SIZES: Sizes = Sizes { steps: 3, count: 2, height: 1, width: 2, channels: 1 };

    fn told(steps: &[u32]) -> Option<Drawings> {
        let mut drawn = None;
        for &step in steps {
            let pixels: Vec<u8> = (0..8).map(|at| at + 10 * step as u8).collect();
            Drawings::take(&mut drawn, SIZES, step, &pixels, String::new()).unwrap();
        }
        drawn
    }

    fn steps(drawn: &Option<Drawings>) -> Vec<u32> {
        drawn.iter().flat_map(|drawn| (0..).map_while(|at| drawn.step(at))).collect()
    }

    #[test]
    fn steps_come_in_order_and_a_new_drawing_starts_over() {
        assert_eq!(steps(&told(&[0, 1, 2, 3])), [0, 1, 2, 3]);
        assert_eq!(steps(&told(&[1, 2, 1])), [1]);
        assert_eq!(steps(&told(&[1, 1])), [1]);
        let mut drawn = told(&[1, 2]);
        Drawings::take(&mut drawn, Sizes { count: 1, ..SIZES }, 3, &[0; 4], String::new()).unwrap();
        assert_eq!(steps(&drawn), [3]);
    }

    #[test]
    fn a_held_step_is_shown_while_others_arrive() {
        let drawn = told(&[1, 2]).unwrap();
        assert_eq!([None, Some(0), Some(1), Some(2), Some(9)].map(|held| drawn.place(held)), [1, 0, 0, 1, 1]);
        assert!(!drawn.is_done() && told(&[1, 2, 3]).unwrap().is_done());
    }

    #[test]
    fn each_picture_is_found() {
        let drawn = told(&[1, 2]).unwrap();
        let grey = |at, pruned, index| drawn.picture(at, pruned, index).map(|picture| picture.pixels[0]);
        assert_eq!(
            [grey(0, false, 0), grey(0, false, 1), grey(0, true, 0), grey(1, true, 1)],
            [10, 12, 14, 26].map(Some)
        );
        assert_eq!((grey(2, false, 0), grey(0, true, 2)), (None, None));
        let colours = Sizes { channels: 3, width: 1, ..SIZES };
        let mut coloured = None;
        Drawings::take(&mut coloured, colours, 1, &[1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12], String::new()).unwrap();
        assert_eq!(coloured.unwrap().picture(0, true, 0).unwrap().pixels, [7, 8, 9, 255]);
    }

    #[test]
    fn a_long_way_is_kept_in_strides() {
        let sizes = Sizes { steps: 999, count: 1, height: 256, width: 256, channels: 1 };
        let mut drawn = None;
        for step in 1..=999 {
            Drawings::take(&mut drawn, sizes, step, &vec![0; 2 << 16], String::new()).unwrap();
        }
        let kept = steps(&drawn);
        assert!(kept.len() <= 502 && kept.len() > 400, "{}", kept.len());
        assert_eq!((kept.first(), kept.last()), (Some(&1), Some(&999)));
    }

    #[test]
    fn odd_sizes_are_a_sentence_and_change_nothing() {
        let mut drawn = told(&[1]);
        for sizes in [Sizes { count: 3, ..SIZES }, Sizes { channels: 0, ..SIZES }, Sizes { width: usize::MAX, ..SIZES }]
        {
            assert!(Drawings::take(&mut drawn, sizes, 2, &[0; 8], String::new()).unwrap_err().contains("8 bytes"));
        }
        assert!(Drawings::take(&mut drawn, Sizes { count: 0, ..SIZES }, 2, &[], String::new()).is_err());
        assert_eq!(steps(&drawn), [1]);
    }
}
