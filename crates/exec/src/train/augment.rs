use crate::rng::Rng;

/// Random small changes to a picture, so that a model learns what a digit may look like.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Augment {
    /// Most pixels moved each way.
    pub shift: f32,
    /// Most degrees turned each way.
    pub turn: f32,
    /// Most change of size, as a fraction: 0.1 is 90 % to 110 %.
    pub scale: f32,
}

impl Augment {
    /// Moves, turns and scales one picture [channels, height, width] about its middle, read with bilinear
    /// interpolation; places outside take the nearest pixel of the edge.
    pub(super) fn apply(&self, picture: &[f32], shape: [usize; 3], rng: &mut Rng) -> Vec<f32> {
        let [channels, height, width] = shape;
        let (dx, dy) = (rng.between(-self.shift, self.shift), rng.between(-self.shift, self.shift));
        let (sin, cos) = rng.between(-self.turn, self.turn).to_radians().sin_cos();
        let scale = 1.0 / (1.0 + rng.between(-self.scale, self.scale));
        let (middle_x, middle_y) = ((width as f32 - 1.0) / 2.0, (height as f32 - 1.0) / 2.0);
        let mut out = Vec::with_capacity(picture.len());
        for plane in picture.chunks_exact(height * width).take(channels) {
            for at in 0..height * width {
                let (x, y) = ((at % width) as f32 - middle_x - dx, (at / width) as f32 - middle_y - dy);
                let from_x = middle_x + scale * (cos * x - sin * y);
                let from_y = middle_y + scale * (sin * x + cos * y);
                out.push(sample(plane, height, width, from_x, from_y));
            }
        }
        out
    }
}

/// The plane's value between pixels.
fn sample(plane: &[f32], height: usize, width: usize, x: f32, y: f32) -> f32 {
    let (x, y) = (x.clamp(0.0, width as f32 - 1.0), y.clamp(0.0, height as f32 - 1.0));
    let (left, top) = (x as usize, y as usize);
    let (right, bottom) = ((left + 1).min(width - 1), (top + 1).min(height - 1));
    let (fx, fy) = (x - left as f32, y - top as f32);
    let row = |y: usize| plane[y * width + left] * (1.0 - fx) + plane[y * width + right] * fx;
    row(top) * (1.0 - fy) + row(bottom) * fy
}

#[cfg(test)]
mod tests {
    use super::Augment;
    use crate::rng::Rng;

    #[test]
    fn no_change_is_the_identity() {
        let picture: Vec<f32> = (0..2 * 5 * 4).map(|at| at as f32).collect();
        let still = Augment { shift: 0.0, turn: 0.0, scale: 0.0 };
        assert_eq!(still.apply(&picture, [2, 5, 4], &mut Rng::keyed(1, "test", 0, "")), picture);
    }

    #[test]
    fn a_shift_moves_the_middle_of_mass_by_at_most_itself() {
        let mut picture = vec![0.0; 28 * 28];
        picture[14 * 28 + 14] = 1.0;
        let augment = Augment { shift: 2.0, turn: 0.0, scale: 0.0 };
        for step in 0..20 {
            let moved = augment.apply(&picture, [1, 28, 28], &mut Rng::keyed(1, "test", step, ""));
            let mass: f32 = moved.iter().sum();
            let x = moved.iter().enumerate().map(|(at, v)| (at % 28) as f32 * v).sum::<f32>() / mass;
            assert!((mass - 1.0).abs() < 1e-4 && (x - 14.0).abs() <= 2.001, "mass {mass}, x {x}");
        }
    }
}
