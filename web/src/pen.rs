//! A hand-drawn digit as the data set's makers would have prepared it.
//!
//! MNIST: the digit is scaled into a 20 x 20 box with its aspect kept and its centre of mass is put
//! in the middle of 28 x 28 (LeCun, Cortes, Burges, "The MNIST database"). Strokes are scaled before
//! they are painted, so the pen is as wide on a small digit as on a large one.

/// Pixels each way.
pub const SIDE: usize = 28;
const BOX: f32 = 20.0;
/// Half the width of the pen in pixels, edge included; MNIST's strokes are two to three pixels wide.
const RADIUS: f32 = 1.35;

/// A point on the drawing area, any unit, y down.
pub type Point = (f32, f32);

/// 28 x 28 grey values, row by row, 0 = background; none when nothing is drawn.
pub fn paint(strokes: &[Vec<Point>]) -> Option<Vec<u8>> {
    let strokes = fit(strokes)?;
    let first = ink(&strokes, (0.0, 0.0));
    let (x, y) = centre_of_mass(&first);
    let middle = (SIDE as f32 - 1.0) / 2.0;
    Some(ink(&strokes, (middle - x, middle - y)).iter().map(|v| (v * 255.0).round() as u8).collect())
}

/// Scales the strokes so that the painted digit fills the 20 x 20 box in the middle.
fn fit(strokes: &[Vec<Point>]) -> Option<Vec<Vec<Point>>> {
    let points = || strokes.iter().flatten().filter(|(x, y)| x.is_finite() && y.is_finite());
    let (mut low, mut high) = (*points().next()?, *points().next()?);
    for &(x, y) in points() {
        low = (low.0.min(x), low.1.min(y));
        high = (high.0.max(x), high.1.max(y));
    }
    let extent = (high.0 - low.0).max(high.1 - low.1);
    let scale = if extent > 0.0 { (BOX - 2.0 * RADIUS) / extent } else { 0.0 };
    let middle = (SIDE as f32 - 1.0) / 2.0;
    let place = |&(x, y): &Point| {
        (middle + (x - (low.0 + high.0) / 2.0) * scale, middle + (y - (low.1 + high.1) / 2.0) * scale)
    };
    let finite = |point: &&Point| point.0.is_finite() && point.1.is_finite();
    Some(strokes.iter().map(|stroke| stroke.iter().filter(finite).map(place).collect()).collect())
}

/// Paints with a round pen, one pixel of soft edge; values 0 to 1.
fn ink(strokes: &[Vec<Point>], shift: Point) -> Vec<f32> {
    let mut pixels = vec![0.0f32; SIDE * SIDE];
    for (at, pixel) in pixels.iter_mut().enumerate() {
        let here = ((at % SIDE) as f32 - shift.0, (at / SIDE) as f32 - shift.1);
        for stroke in strokes {
            let single = if stroke.len() == 1 { &stroke[..] } else { &[] };
            let dots = single.iter().map(|point| distance(here, *point, *point));
            let lines = stroke.windows(2).map(|ends| distance(here, ends[0], ends[1]));
            for d in dots.chain(lines) {
                *pixel = pixel.max((RADIUS + 0.5 - d).clamp(0.0, 1.0));
            }
        }
    }
    pixels
}

/// From a point to a line between two others.
fn distance(p: Point, a: Point, b: Point) -> f32 {
    let (dx, dy) = (b.0 - a.0, b.1 - a.1);
    let length_sq = dx * dx + dy * dy;
    let along = if length_sq > 0.0 { ((p.0 - a.0) * dx + (p.1 - a.1) * dy) / length_sq } else { 0.0 };
    let along = along.clamp(0.0, 1.0);
    (p.0 - a.0 - along * dx).hypot(p.1 - a.1 - along * dy)
}

fn centre_of_mass(pixels: &[f32]) -> Point {
    let sum: f32 = pixels.iter().sum::<f32>().max(f32::MIN_POSITIVE);
    let mean = |of: fn(usize) -> usize| pixels.iter().enumerate().map(|(at, v)| of(at) as f32 * v).sum::<f32>() / sum;
    (mean(|at| at % SIDE), mean(|at| at / SIDE))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grey(strokes: &[Vec<Point>]) -> Vec<f32> {
        paint(strokes).unwrap().iter().map(|v| f32::from(*v)).collect()
    }

    #[test]
    fn nothing_drawn_is_nothing() {
        assert_eq!(paint(&[]), None);
        assert_eq!(paint(&[vec![]]), None);
        assert_eq!(paint(&[vec![(f32::NAN, 1.0)]]), None);
    }

    #[test]
    fn the_centre_of_mass_is_the_middle() {
        let seven = vec![vec![(3.0, 2.0), (90.0, 2.0), (40.0, 200.0)]];
        let (x, y) = centre_of_mass(&grey(&seven));
        assert!((x - 13.5).abs() < 0.3 && (y - 13.5).abs() < 0.3, "{x} {y}");
    }

    #[test]
    fn place_and_size_of_the_drawing_do_not_matter() {
        let one = vec![vec![(10.0, 10.0), (14.0, 40.0)], vec![(8.0, 12.0), (10.0, 10.0)]];
        let far: Vec<Vec<Point>> =
            one.iter().map(|s| s.iter().map(|(x, y)| (x * 7.0 + 100.0, y * 7.0 - 3.0)).collect()).collect();
        let worst = grey(&one).iter().zip(grey(&far)).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
        assert!(worst <= 1.0, "{worst}");
    }

    #[test]
    fn the_digit_fills_twenty_pixels() {
        let pixels = grey(&[vec![(0.0, 0.0), (0.0, 100.0)]]);
        let rows = (0..SIDE).filter(|row| pixels[row * SIDE..][..SIDE].iter().any(|v| *v > 64.0)).count();
        assert!((19..=21).contains(&rows), "{rows}");
    }
}
