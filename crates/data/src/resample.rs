//! Pictures on another grid, to the last bit as Pillow's `Image.resize` (13.0) makes them: each value a weighted sum in
//! fixed point, along the lines and then across them. A smaller picture's filter is as wide as the pixels it covers.

/// Bits after the point of a weight.
const BITS: u32 = 32 - 8 - 2;

/// How a value is made of those around it.
#[derive(Clone, Copy, Debug)]
pub struct Filter {
    /// How far it reaches, in pixels of the coarser grid.
    reach: f64,
    /// The weight of a pixel by its distance.
    weight: fn(f64) -> f64,
}

pub const BILINEAR: Filter = Filter { reach: 1.0, weight: |x| (1.0 - x).max(0.0) };

/// Catmull-Rom's cubic, a = -0.5 (Keys, 1981).
pub const BICUBIC: Filter = Filter {
    reach: 2.0,
    weight: |x| match x {
        ..1.0 => (1.5 * x - 2.5) * x * x + 1.0,
        ..2.0 => (((x - 5.0) * x + 8.0) * x - 4.0) * -0.5,
        _ => 0.0,
    },
};

/// One value of the new line: the old line's values from `first` on, weighted.
struct Window {
    first: usize,
    weights: Vec<i32>,
}

/// Values [height, width, channels] on a grid of other `sides` (height, width) -> [new height, new width, channels].
/// Neither picture may be empty.
pub fn resize(values: &[u8], from: (usize, usize), channels: usize, sides: (usize, usize), filter: Filter) -> Vec<u8> {
    let ((height, width), (new_height, new_width)) = (from, sides);
    let (columns, rows) = (windows(width, new_width, filter), windows(height, new_height, filter));
    if rows_first(from, sides) {
        return along(&along(values, height, width * channels, &rows), width, channels, &columns);
    }
    along(&along(values, width, channels, &columns), height, new_width * channels, &rows)
}

/// Pillow begins with the rows where many of them go. It decides what is rounded first.
fn rows_first((height, width): (usize, usize), (new_height, new_width): (usize, usize)) -> bool {
    let fewer = |old: usize, new: usize| old as isize - new as isize;
    let rows = fewer(height, new_height);
    rows > 0 && rows > 2 * fewer(width, new_width)
}

/// Every line with its values made anew: [lines, size, items] -> [lines, windows, items]
fn along(values: &[u8], size: usize, items: usize, windows: &[Window]) -> Vec<u8> {
    let mut out = Vec::with_capacity(values.len() / size.max(1) * windows.len());
    for line in values.chunks_exact((size * items).max(1)) {
        for Window { first, weights } in windows {
            out.extend((0..items).map(|item| {
                let old = line[first * items..].iter().skip(item).step_by(items);
                let sum: i32 = weights.iter().zip(old).map(|(weight, value)| weight * i32::from(*value)).sum();
                ((sum + (1 << (BITS - 1))) >> BITS).clamp(0, 255) as u8
            }));
        }
    }
    out
}

/// How a line of `new` values is made of one of `old`.
fn windows(old: usize, new: usize, filter: Filter) -> Vec<Window> {
    let scale = old as f64 / new as f64;
    let wide = scale.max(1.0);
    let reach = filter.reach * wide;
    let window = |at: usize| {
        let centre = (at as f64 + 0.5) * scale;
        let first = (centre - reach + 0.5).max(0.0) as usize;
        let end = ((centre + reach + 0.5) as usize).min(old);
        let weights = (first..end).map(|at| (filter.weight)(((at as f64 - centre + 0.5) / wide).abs()));
        Window { first, weights: fixed(weights.collect()) }
    };
    (0..new).map(window).collect()
}

/// Weights whose sum is 1, in fixed point.
fn fixed(weights: Vec<f64>) -> Vec<i32> {
    let total: f64 = weights.iter().sum();
    let total = if total == 0.0 { 1.0 } else { total };
    weights.into_iter().map(|weight| (weight / total * f64::from(1i32 << BITS)).round() as i32).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn filter() -> impl Strategy<Value = Filter> {
        prop_oneof![Just(BILINEAR), Just(BICUBIC)]
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn at_its_own_size_a_picture_stays(values in prop::collection::vec(any::<u8>(), 5 * 7 * 3), filter in filter()) {
            prop_assert_eq!(resize(&values, (5, 7), 3, (5, 7), filter), values);
        }

        #[test]
        fn one_colour_stays_one_colour(value: u8, height in 1usize..40, width in 1usize..40, filter in filter()) {
            let plain = resize(&[value; 6 * 9], (6, 9), 1, (height, width), filter);
            prop_assert_eq!(plain, vec![value; height * width]);
        }

        #[test]
        fn a_mirrored_picture_gives_a_mirrored_one(
            values in prop::collection::vec(any::<u8>(), 8), width in 1usize..30, filter in filter()
        ) {
            let mirror = |values: &[u8]| values.iter().rev().copied().collect::<Vec<_>>();
            let there = resize(&mirror(&values), (1, 8), 1, (1, width), filter);
            let back = mirror(&resize(&values, (1, 8), 1, (1, width), filter));
            prop_assert!(there.iter().zip(&back).all(|(a, b)| a.abs_diff(*b) <= 1), "{:?} {:?}", there, back);
        }
    }

    #[test]
    fn half_the_size_is_a_weighted_mean() {
        // Triangles of weights 1, 3, 3, 1 around each pair, cut off at the ends.
        assert_eq!(resize(&[0, 80, 160, 240], (1, 4), 1, (1, 2), BILINEAR), [57, 183]);
    }
}
