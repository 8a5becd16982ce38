//! Where numbers stand on an axis. Pure functions; places are 0 to 1 from the low end.

use crate::figures;

/// One axis.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Axis {
    low: f64,
    high: f64,
    log: bool,
}

/// Where the greatest of positive numbers is so many times the least, they stand by their logarithms.
const WIDE: f64 = 20.0;

impl Axis {
    /// Holds all numbers that are finite; of none, 0 to 1.
    pub fn of(numbers: impl IntoIterator<Item = f64>) -> Self {
        let finite = numbers.into_iter().filter(|number| number.is_finite());
        let (low, high) = finite.fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), n| (l.min(n), h.max(n)));
        match (low <= high, low < high) {
            (false, _) => Self { low: 0.0, high: 1.0, log: false },
            (true, false) => Self { low: low - 0.5, high: low + 0.5, log: false },
            (true, true) => Self { low, high, log: low > 0.0 && high > WIDE * low },
        }
    }

    /// The same, without logarithms.
    pub fn linear(numbers: impl IntoIterator<Item = f64>) -> Self {
        Self { log: false, ..Self::of(numbers) }
    }

    /// From one number to another.
    pub fn from_to(low: f64, high: f64) -> Self {
        Self { low, high, log: false }
    }

    /// Numbers beyond the ends stand at them.
    pub fn place(&self, number: f64) -> f64 {
        let [low, high, at] = [self.low, self.high, number].map(|number| if self.log { number.ln() } else { number });
        ((at - low) / (high - low)).clamp(0.0, 1.0)
    }

    /// The number at a place.
    pub fn at(&self, place: f64) -> f64 {
        let place = place.clamp(0.0, 1.0);
        match self.log {
            true => (self.low.ln() + place * (self.high.ln() - self.low.ln())).exp(),
            false => self.low + place * (self.high - self.low),
        }
    }

    /// Both ends and the middle, as people read them.
    pub fn ends(&self) -> [String; 3] {
        [0.0, 0.5, 1.0].map(|place| figures::three_digits(self.at(place)))
    }
}

/// Points as an SVG polyline has them, on a drawing of this size; those that are no numbers are left out.
pub fn line(points: impl Iterator<Item = (f64, f64)>, x: Axis, y: Axis, width: f64, height: f64) -> String {
    let finite = points.filter(|(at, number)| at.is_finite() && number.is_finite());
    let place = |(at, number)| format!("{:.1},{:.1}", x.place(at) * width, (1.0 - y.place(number)) * height);
    finite.map(place).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_and_numbers_lead_back_to_each_other() {
        for axis in [Axis::of([2.0, 5.0, f64::NAN]), Axis::of([1.0, 5000.0]), Axis::of([-3.0, 900.0])] {
            for place in [0.0, 0.3, 1.0] {
                assert!((axis.place(axis.at(place)) - place).abs() < 1e-9, "{axis:?} at {place}");
            }
        }
        assert_eq!(Axis::of([1.0, 100.0]).at(0.5).round(), 10.0, "wide ranges stand by their logarithms");
        assert_eq!(Axis::of([0.0, 100.0]).at(0.5), 50.0, "but not where there is a zero");
        assert_eq!(Axis::linear([1.0, 101.0]).at(0.5), 51.0);
    }

    #[test]
    fn odd_numbers_have_a_place_too() {
        assert_eq!(Axis::of([]).place(0.5), 0.5);
        assert_eq!(Axis::of([7.0]).place(7.0), 0.5, "one number stands in the middle");
        assert_eq!(Axis::of([1.0, 2.0]).place(9.0), 1.0);
        let points = [(0.0, 1.0), (1.0, f64::NAN), (2.0, 2.0)];
        let (x, y) = (Axis::from_to(0.0, 2.0), Axis::of([1.0, 2.0]));
        assert_eq!(line(points.into_iter(), x, y, 100.0, 10.0), "0.0,10.0 100.0,0.0");
    }
}
