//! Two cuts beside each other, layer by layer: counts, overlap, and a picture of where they part. Pure functions.

use secateur_protocol::Contrasted;

use crate::drawings::Rgba;

/// Cells of a picture each way, at most.
pub const CELLS: u32 = 96;

/// What was asked for, in words, and what has been told.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Contrast {
    pub a: String,
    pub b: String,
    /// In graph order.
    pub layers: Vec<Layer>,
}

/// One parameter under both cuts.
#[derive(Clone, Debug, PartialEq)]
pub struct Layer {
    pub told: Contrasted,
    rows: usize,
    cols: usize,
    /// For each cell the shares of entries that go in both, in the first and in the second cut only; 0 to 255.
    shares: Vec<u8>,
}

impl Contrast {
    /// Takes a layer in; one told again takes the older one's place.
    ///
    /// # Errors
    /// A sentence when picture and size do not fit together.
    pub fn take(&mut self, told: Contrasted, rows: u32, cols: u32, shares: &[u8]) -> Result<(), String> {
        let (rows, cols) = (rows as usize, cols as usize);
        if rows.checked_mul(cols).and_then(|cells| cells.checked_mul(3)) != Some(shares.len()) {
            return Err(format!(
                "A picture of {rows} × {cols} cells came with {} shares; it was left out.",
                shares.len()
            ));
        }
        self.layers.retain(|layer| layer.told.param != told.param);
        self.layers.push(Layer { told, rows, cols, shares: shares.to_vec() });
        Ok(())
    }

    /// All layers taken together.
    pub fn total(&self) -> Contrasted {
        let zero = Contrasted { param: 0, both: 0, only_a: 0, only_b: 0, of: 0 };
        self.layers.iter().fold(zero, |sum, Layer { told, .. }| Contrasted {
            param: 0,
            both: sum.both + told.both,
            only_a: sum.only_a + told.only_a,
            only_b: sum.only_b + told.only_b,
            of: sum.of + told.of,
        })
    }

    pub fn of(&self, param: u32) -> Option<&Layer> {
        self.layers.iter().find(|layer| layer.told.param == param)
    }

    /// The layer in which the two overlap least, of those that both cut.
    pub fn least_alike(&self) -> Option<u32> {
        let overlaps = self.layers.iter().filter_map(|layer| Some((overlap(&layer.told)?, layer.told.param)));
        overlaps.min_by(|a, b| a.0.total_cmp(&b.0)).map(|(_, param)| param)
    }
}

/// Entries that both cuts remove, of those that any of them does (Jaccard, 1901); none where nothing is removed.
pub fn overlap(told: &Contrasted) -> Option<f64> {
    let any = told.both + told.only_a + told.only_b;
    (any > 0).then(|| told.both as f64 / any as f64)
}

/// Kept, gone in both, gone in the first only, gone in the second only: in light and in dark.
type Colours = [[f32; 3]; 4];
const LIGHT: Colours = [[241.0, 238.0, 228.0], [150.0, 158.0, 152.0], [179.0, 71.0, 0.0], [0.0, 114.0, 178.0]];
const DARK: Colours = [[26.0, 33.0, 30.0], [107.0, 119.0, 113.0], [240.0, 149.0, 90.0], [124.0, 196.0, 242.0]];

impl Layer {
    /// Cells of the longer side.
    pub fn longer_side(&self) -> usize {
        self.rows.max(self.cols)
    }

    /// Every cell as a square of `scale` pixels: what goes in the first cut only leans one way, in the second only the other.
    pub fn paint(&self, dark: bool, scale: usize) -> Rgba {
        let colours = if dark { &DARK } else { &LIGHT };
        let (width, height) = (self.cols * scale, self.rows * scale);
        let mut pixels = Vec::with_capacity(width * height * 4);
        for y in 0..height {
            for x in 0..width {
                let cell = (y / scale * self.cols + x / scale) * 3;
                let shares = [0, 1, 2].map(|which| f32::from(self.shares[cell + which]) / 255.0);
                pixels.extend(blend(colours, shares, x, y).map(|channel| channel as u8));
                pixels.push(255);
            }
        }
        Rgba { width, height, pixels }
    }
}

/// Strokes of a colour cover two thirds of what it has a share in.
fn blend(colours: &Colours, [both, a, b]: [f32; 3], x: usize, y: usize) -> [f32; 3] {
    let strokes = [1.0, f32::from(u8::from((x + y) % 6 < 4)), f32::from(u8::from((x + 6 - y % 6) % 6 < 4))];
    let weights = [both * strokes[0], a * strokes[1], b * strokes[2]];
    let rest = (1.0 - weights.iter().sum::<f32>()).max(0.0);
    std::array::from_fn(|at| {
        let covered: f32 = weights.iter().zip(&colours[1..]).map(|(weight, colour)| weight * colour[at]).sum();
        (colours[0][at] * rest + covered).min(255.0)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(param: u32, both: u64, only_a: u64, only_b: u64) -> Contrasted {
        Contrasted { param, both, only_a, only_b, of: 100 }
    }

    #[test]
    fn overlap_is_of_what_any_removes() {
        assert_eq!(overlap(&told(0, 3, 1, 2)), Some(0.5));
        assert_eq!(overlap(&told(0, 0, 0, 0)), None);
        let mut contrast = Contrast::default();
        for (param, both) in [(4, 9), (7, 1), (9, 0)] {
            let part = u64::from(both > 0);
            contrast.take(told(param, both, part, part), 1, 1, &[0; 3]).unwrap();
        }
        assert_eq!(contrast.least_alike(), Some(7), "a layer that nobody cuts is no disagreement");
        assert_eq!(contrast.total(), Contrasted { param: 0, both: 10, only_a: 2, only_b: 2, of: 300 });
        contrast.take(told(4, 0, 1, 1), 1, 1, &[0; 3]).unwrap();
        assert_eq!((contrast.layers.len(), contrast.total().both), (3, 1));
    }

    #[test]
    fn a_picture_of_the_wrong_size_is_left_out() {
        let mut contrast = Contrast::default();
        assert!(contrast.take(told(0, 1, 1, 1), 2, 2, &[0; 11]).unwrap_err().contains("11 shares"));
        assert!(contrast.take(told(0, 1, 1, 1), u32::MAX, u32::MAX, &[0; 3]).is_err());
        assert!(contrast.layers.is_empty());
    }

    #[test]
    fn what_only_one_cut_removes_differs_in_colour_and_pattern() {
        let mut contrast = Contrast::default();
        contrast.take(told(0, 1, 1, 1), 1, 3, &[255, 0, 0, 0, 255, 0, 0, 0, 255]).unwrap();
        for dark in [false, true] {
            let Rgba { width, pixels, .. } = contrast.layers[0].paint(dark, 12);
            let seen = |cell: usize| {
                let at = (0..12).flat_map(|y| (0..12).map(move |x| (y * width + cell * 12 + x) * 4));
                let mut colours: Vec<&[u8]> = at.map(|at| &pixels[at..at + 3]).collect();
                colours.sort();
                colours.dedup();
                colours.len()
            };
            assert_eq!([0, 1, 2].map(seen), [1, 2, 2], "plain where both agree, strokes where one is alone");
        }
    }
}
