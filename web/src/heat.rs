//! Heat maps as pixels. A pure function from numbers to RGBA, so it can be tested without a screen.

use secateur_protocol::HeatKind;

use crate::slices::Left;

/// Values of a matrix, shrunk: `rows` x `cols`, row by row; each cell is the mean of what it covers.
#[derive(Clone, Debug, PartialEq)]
pub struct Heat {
    pub rows: usize,
    pub cols: usize,
    pub data: Vec<f32>,
}

impl Heat {
    /// Reads the little-endian f32 buffer that came with a message.
    pub fn from_bytes(rows: u32, cols: u32, bytes: &[u8]) -> Result<Self, String> {
        let (rows, cols) = (rows as usize, cols as usize);
        let want = rows.checked_mul(cols).and_then(|cells| cells.checked_mul(4));
        if want != Some(bytes.len()) {
            return Err(format!(
                "A picture of {rows} × {cols} cells came with {} bytes; it was left out.",
                bytes.len()
            ));
        }
        let data = bytes.chunks_exact(4).map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]])).collect();
        Ok(Self { rows, cols, data })
    }

    /// Greatest finite value; 0 for an empty map.
    pub fn max(&self) -> f32 {
        self.data.iter().copied().filter(|v| v.is_finite()).fold(0.0, f32::max)
    }

    pub fn at(&self, row: usize, col: usize) -> f32 {
        self.data.get(row * self.cols + col).copied().unwrap_or(0.0)
    }

    /// The value of the cell under a relative position (0 to 1 each way).
    fn under(&self, y: f64, x: f64) -> f32 {
        let cell = |at: f64, n: usize| ((at * n as f64) as usize).min(n.saturating_sub(1));
        self.at(cell(y, self.rows), cell(x, self.cols))
    }
}

type Rgb = [f32; 3];

/// Colours of one theme: a ramp for kept values, paper and stripe for what is cut.
pub struct Palette {
    ramp: [Rgb; 4],
    cut: Rgb,
    stripe: Rgb,
}

/// Lightness falls (rises in the dark) evenly along the ramp, so it also reads in grey.
pub const LIGHT: Palette = Palette {
    ramp: [[236.0, 240.0, 229.0], [150.0, 199.0, 171.0], [25.0, 128.0, 102.0], [4.0, 46.0, 45.0]],
    cut: [251.0, 244.0, 236.0],
    stripe: [224.0, 137.0, 80.0],
};

pub const DARK: Palette = Palette {
    ramp: [[29.0, 41.0, 38.0], [24.0, 93.0, 78.0], [62.0, 174.0, 137.0], [216.0, 246.0, 217.0]],
    cut: [31.0, 25.0, 22.0],
    stripe: [178.0, 98.0, 51.0],
};

impl Palette {
    /// Colour of a value from 0 to 1.
    fn colour(&self, value: f32) -> Rgb {
        let at = value.clamp(0.0, 1.0) * (self.ramp.len() - 1) as f32;
        let low = (at as usize).min(self.ramp.len() - 2);
        mix(self.ramp[low], self.ramp[low + 1], at - low as f32)
    }

    /// The ramp as a CSS gradient.
    pub fn css(&self) -> String {
        let stops: Vec<String> = self.ramp.iter().map(|[r, g, b]| format!("rgb({r} {g} {b})")).collect();
        format!("linear-gradient(to right, {})", stops.join(", "))
    }
}

fn mix(a: Rgb, b: Rgb, t: f32) -> Rgb {
    std::array::from_fn(|i| a[i] + (b[i] - a[i]) * t)
}

/// What to draw: values with the kept fraction laid over them, or the kept fraction alone; of a smaller matrix what is left.
pub struct Picture<'a> {
    pub kind: HeatKind,
    pub values: Option<&'a Heat>,
    pub kept: Option<&'a Heat>,
    pub left: Option<&'a Left>,
}

/// Paints `width` x `height` device pixels as RGBA. Cut cells are striped as well as coloured; `stripe` is
/// the distance between stripes in pixels.
pub fn paint(picture: &Picture, palette: &Palette, width: usize, height: usize, stripe: usize) -> Vec<u8> {
    let mut pixels = Vec::with_capacity(width * height * 4);
    let scale = picture.values.map_or(1.0, Heat::max).max(f32::MIN_POSITIVE);
    let stripe = stripe.max(2);
    for y in 0..height {
        for x in 0..width {
            let place = ((y as f64 + 0.5) / height as f64, (x as f64 + 0.5) / width as f64);
            let (relative_y, relative_x) = picture.left.map_or(place, |left| left.whole(place.0, place.1));
            let kept = picture.kept.map_or(1.0, |kept| kept.under(relative_y, relative_x));
            let value = match (picture.kind, picture.values) {
                (HeatKind::Mask, _) | (_, None) => 0.6,
                // The square root spreads the many small values.
                (_, Some(values)) => (values.under(relative_y, relative_x) / scale).max(0.0).sqrt(),
            };
            let on_stripe = (x + y) % stripe < stripe.div_ceil(3);
            let cut = if on_stripe { palette.stripe } else { palette.cut };
            let colour = mix(cut, palette.colour(value), if kept.is_finite() { kept.clamp(0.0, 1.0) } else { 1.0 });
            pixels.extend(colour.map(|channel| channel as u8));
            pixels.push(255);
        }
    }
    pixels
}

#[cfg(test)]
mod tests {
    use super::*;

    fn heat(rows: usize, cols: usize, data: &[f32]) -> Heat {
        Heat { rows, cols, data: data.to_vec() }
    }

    #[test]
    fn buffers_of_the_wrong_length_are_refused() {
        assert!(Heat::from_bytes(2, 2, &[0; 16]).is_ok());
        assert!(Heat::from_bytes(2, 2, &[0; 15]).is_err());
        assert!(Heat::from_bytes(u32::MAX, u32::MAX, &[0; 16]).is_err());
    }

    #[test]
    fn kept_and_cut_cells_differ_in_colour_and_pattern() {
        let (values, kept) = (heat(1, 2, &[1.0, 1.0]), heat(1, 2, &[1.0, 0.0]));
        let picture = Picture { kind: HeatKind::Weight, values: Some(&values), kept: Some(&kept), left: None };
        let pixels = paint(&picture, &LIGHT, 24, 12, 6);
        let colours = |columns: std::ops::Range<usize>| {
            let mut seen: Vec<&[u8]> = (0..12)
                .flat_map(|y| columns.clone().map(move |x| y * 24 + x))
                .map(|at| &pixels[at * 4..][..4])
                .collect();
            seen.sort();
            seen.dedup();
            seen.len()
        };
        assert_eq!(pixels.len(), 24 * 12 * 4);
        assert_eq!(colours(0..12), 1, "kept cells of one value are one colour");
        assert_eq!(colours(12..24), 2, "cut cells have stripes");
    }

    #[test]
    fn the_ramp_is_monotonous_in_lightness() {
        for palette in [LIGHT, DARK] {
            let light: Vec<f32> = (0..=20)
                .map(|at| palette.colour(at as f32 / 20.0))
                .map(|[r, g, b]| 0.2126 * r + 0.7152 * g + 0.0722 * b)
                .collect();
            let falls = light.windows(2).all(|pair| pair[1] < pair[0]);
            let rises = light.windows(2).all(|pair| pair[1] > pair[0]);
            assert!(falls || rises, "{light:?}");
        }
    }

    #[test]
    fn odd_numbers_do_not_panic() {
        let odd = heat(2, 2, &[f32::NAN, f32::INFINITY, -1.0, 0.0]);
        let empty = heat(0, 0, &[]);
        for values in [&odd, &empty] {
            let picture = Picture { kind: HeatKind::Importance, values: Some(values), kept: Some(values), left: None };
            assert_eq!(paint(&picture, &DARK, 3, 3, 0).len(), 36);
        }
    }
}
