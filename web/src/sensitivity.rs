//! What a sweep says: the metric of each group by the share of its units that is gone, as curves. Pure functions.

use std::collections::BTreeMap;

use secateur_protocol::Swept;

use crate::{figures, metric};

/// Points of a sweep by group and number of units gone.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Sweep {
    points: BTreeMap<(u32, u32), Swept>,
}

/// Size of a curve's drawing; positions keep away from its edges.
pub const WIDTH: f64 = 120.0;
pub const HEIGHT: f64 = 44.0;
const EDGE: f64 = 5.0;

impl Sweep {
    /// Takes a point in; one measured again takes the older one's place.
    pub fn take(&mut self, point: Swept) {
        self.points.insert((point.group, point.gone), point);
    }

    pub fn is_empty(&self) -> bool {
        self.points.is_empty()
    }

    pub fn len(&self) -> usize {
        self.points.len()
    }

    /// Points of one group, the fewest gone first.
    pub fn of(&self, group: usize) -> impl Iterator<Item = &Swept> {
        self.points.values().filter(move |point| point.group as usize == group)
    }

    /// Lowest and highest metric, the dense model's with them: one scale for all curves.
    fn scale(&self, dense: Option<f64>) -> (f64, f64) {
        let all = self.points.values().map(|point| point.metric).chain(dense).filter(|metric| metric.is_finite());
        all.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), metric| (low.min(metric), high.max(metric)))
    }

    /// A group's curve from the dense model on, as places in the drawing.
    pub fn curve(&self, group: usize, dense: Option<f64>) -> Vec<(f64, f64)> {
        let (low, high) = self.scale(dense);
        let height = |metric: f64| if high > low { (metric - low) / (high - low) } else { 0.5 };
        let place = |(share, metric): (f64, f64)| {
            (EDGE + share * (WIDTH - 2.0 * EDGE), HEIGHT - EDGE - height(metric) * (HEIGHT - 2.0 * EDGE))
        };
        let points = self.of(group).map(|point| (f64::from(point.gone) / f64::from(point.of.max(1)), point.metric));
        let points = dense.map(|metric| (0.0, metric)).into_iter().chain(points);
        points.filter(|(_, metric)| metric.is_finite()).map(place).collect()
    }

    /// `accuracy with 25 % gone 97.1 %, with 50 % gone 88.0 %`; none where nothing was measured.
    pub fn words(&self, group: usize) -> Option<String> {
        let name = &self.of(group).next()?.metric_name;
        let one = |point: &Swept| {
            let share = figures::percent(f64::from(point.gone) / f64::from(point.of.max(1)), 0);
            format!("with {share} gone {}", metric::named(name, point.metric))
        };
        Some(format!("{name} {}", self.of(group).map(one).collect::<Vec<_>>().join(", ")))
    }

    /// What the scale of the curves runs over, and how many points there are.
    pub fn summary(&self, dense: Option<f64>) -> Option<String> {
        let name = &self.points.values().next()?.metric_name;
        let (low, high) = self.scale(dense);
        let [low, high] = [low, high].map(|metric| metric::named(name, metric));
        let plural = if self.len() == 1 { "" } else { "s" };
        Some(format!("{} point{plural}; curves: {name} from {low} to {high}, over the share of units gone", self.len()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sweep(points: &[(u32, u32, f64)]) -> Sweep {
        let mut sweep = Sweep::default();
        for &(group, gone, metric) in points {
            sweep.take(Swept { group, gone, of: 8, metric_name: "accuracy".into(), metric });
        }
        sweep
    }

    #[test]
    fn curves_share_a_scale_and_go_from_left_to_right() {
        let sweep = sweep(&[(1, 4, 0.5), (1, 2, 0.9), (2, 4, 0.1), (1, 4, 0.6)]);
        let curve = sweep.curve(1, Some(0.9));
        assert_eq!(curve.len(), 3, "the dense model and two points, the newer one of the same place");
        assert!(curve.windows(2).all(|pair| pair[0].0 < pair[1].0));
        assert_eq!(curve[0].1, curve[1].1, "as good as dense");
        let low = sweep.curve(2, Some(0.9))[1];
        assert!(low.1 > curve[2].1, "worse is lower");
        assert!((0.0..=HEIGHT).contains(&low.1));
    }

    #[test]
    fn words_name_the_metric_and_what_is_gone() {
        let sweep = sweep(&[(0, 2, 0.971), (0, 4, 0.5)]);
        let space = '\u{202f}';
        let want = format!("accuracy with 25{space}% gone 97.1{space}%, with 50{space}% gone 50.0{space}%");
        assert_eq!(sweep.words(0), Some(want));
        assert_eq!(sweep.words(1), None);
        assert!(sweep.summary(None).unwrap().starts_with("2 points"));
    }

    #[test]
    fn numbers_that_are_none_leave_gaps() {
        let sweep = sweep(&[(0, 2, f64::NAN), (0, 4, 0.5)]);
        assert_eq!(sweep.curve(0, None).len(), 1);
        assert!(Sweep::default().summary(Some(0.9)).is_none());
    }
}
