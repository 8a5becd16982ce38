//! Pictures as models want them.

use crate::digits::SIDE;

/// A grey 28 x 28 picture as a model's input [channels, height, width]: resized, the same in every channel, and
/// normalised to (grey / 255 - mean) / std of the channel.
///
/// Bilinear with pixel centres at halves and edges repeated, as PyTorch's `interpolate(align_corners=False)`; the
/// identity at 28 x 28.
pub fn to_input(grey: &[u8], channels: usize, height: usize, width: usize, mean: &[f32], std: &[f32]) -> Vec<f32> {
    assert_eq!(grey.len(), SIDE * SIDE, "a picture has 28 x 28 grey values");
    assert!(mean.len() == channels && std.len() == channels, "mean and std are given for each channel");
    let plane = resize(grey, height, width);
    let normalised = |(mean, std): (&f32, &f32)| {
        let (mean, std) = (*mean, *std);
        plane.iter().map(move |value| (value / 255.0 - mean) / std).collect::<Vec<_>>()
    };
    mean.iter().zip(std).flat_map(normalised).collect()
}

/// Grey values 0 to 255 on another grid.
fn resize(grey: &[u8], height: usize, width: usize) -> Vec<f32> {
    let rows: Vec<_> = (0..height).map(|row| between(row, height)).collect();
    let columns: Vec<_> = (0..width).map(|column| between(column, width)).collect();
    let mut plane = Vec::with_capacity(height * width);
    for (top, bottom, down) in rows {
        for (left, right, across) in &columns {
            let at = |row: usize, column: usize| f32::from(grey[row * SIDE + column]);
            let mix = |a: f32, b: f32, share: f32| a + (b - a) * share;
            let above = mix(at(top, *left), at(top, *right), *across);
            let below = mix(at(bottom, *left), at(bottom, *right), *across);
            plane.push(mix(above, below, down));
        }
    }
    plane
}

/// The two source lines that line `at` of `size` lies between, and the share of the second.
fn between(at: usize, size: usize) -> (usize, usize, f32) {
    let centre = (at as f32 + 0.5) * SIDE as f32 / size as f32 - 0.5;
    let centre = centre.clamp(0.0, (SIDE - 1) as f32);
    let first = centre as usize;
    (first, (first + 1).min(SIDE - 1), centre - first as f32)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn picture() -> impl Strategy<Value = Vec<u8>> {
        prop::collection::vec(any::<u8>(), SIDE * SIDE)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]

        #[test]
        fn at_28_pixels_the_picture_is_only_normalised(grey in picture(), mean in 0f32..1.0, std in 0.1f32..2.0) {
            let input = to_input(&grey, 1, SIDE, SIDE, &[mean], &[std]);
            let want: Vec<f32> = grey.iter().map(|grey| (f32::from(*grey) / 255.0 - mean) / std).collect();
            prop_assert_eq!(input, want);
        }

        #[test]
        fn channels_differ_only_by_their_mean_and_std(grey in picture(), height in 1usize..60, width in 1usize..60) {
            let input = to_input(&grey, 2, height, width, &[0.0, 0.5], &[1.0, 0.25]);
            prop_assert_eq!(input.len(), 2 * height * width);
            let (first, second) = input.split_at(height * width);
            for (first, second) in first.iter().zip(second) {
                prop_assert!((0.0..=1.0).contains(first));
                prop_assert!((second - (first - 0.5) / 0.25).abs() < 1e-6);
            }
        }

        /// Bilinear interpolation keeps a linear ramp linear, away from the repeated edges.
        #[test]
        fn a_ramp_stays_a_ramp(size in 28usize..240) {
            let grey: Vec<u8> = (0..SIDE * SIDE).map(|at| 9 * (at % SIDE) as u8).collect();
            let plane = to_input(&grey, 1, 1, size, &[0.0], &[1.0]);
            for (column, value) in plane.iter().enumerate() {
                let centre = (column as f32 + 0.5) * 28.0 / size as f32 - 0.5;
                prop_assert!((value * 255.0 - 9.0 * centre.clamp(0.0, 27.0)).abs() < 1e-3);
            }
        }
    }
}
