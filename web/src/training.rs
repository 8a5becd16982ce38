//! What a method that learns has told: numbers as curves, and the gates as they stand. Pure functions.

use std::sync::Arc;

use secateur_protocol::{GateRow, Score, Written};

use crate::drawings::Drawings;
use crate::facts::Digits;
use crate::heat::Heat;
use crate::wall;

/// Points of a curve, at most: then every two neighbours become one.
const MOST: usize = 512;
/// The newest points that are looked at together, since single batches are noisy.
const RECENT: usize = 3;
/// The curve that every method tells.
pub const LOSS: &str = "loss";

/// One number over the steps.
#[derive(Clone, Debug, PartialEq)]
pub struct Curve {
    pub name: String,
    /// (step, mean over what was told since the point before).
    pub points: Vec<(f64, f64)>,
    /// What was told and is no point yet, and how often it has to be told to become one.
    waiting: Vec<f64>,
    every: usize,
}

impl Curve {
    fn new(name: String) -> Self {
        Self { name, points: Vec::new(), waiting: Vec::new(), every: 1 }
    }

    fn take(&mut self, step: f64, value: f64) {
        self.waiting.push(value);
        if self.waiting.len() < self.every {
            return;
        }
        self.points.push((step, mean(&std::mem::take(&mut self.waiting))));
        if self.points.len() == MOST {
            self.points = self.points.chunks(2).map(|pair| (pair[1].0, (pair[0].1 + pair[1].1) / 2.0)).collect();
            self.every *= 2;
        }
    }

    pub fn newest(&self) -> Option<f64> {
        self.points.last().map(|(_, value)| *value)
    }
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

/// The gates of one group.
#[derive(Clone, Debug, PartialEq)]
pub struct Gates {
    /// Its place in the graph's list of groups.
    pub group: u32,
    pub units: usize,
    /// Gates that are more open than closed.
    pub open: usize,
    /// 0 closed to 1 open, in the rows of a wall; what is missing in the last row is open.
    pub cells: Arc<Heat>,
}

impl Gates {
    fn new(group: u32, open: &[u8]) -> Self {
        let (units, cols) = (open.len(), wall::columns(open.len()));
        let rows = units.div_ceil(cols);
        let mut data: Vec<f32> = open.iter().map(|open| f32::from(*open) / 255.0).collect();
        data.resize(rows * cols, 1.0);
        Self {
            group,
            units,
            open: open.iter().filter(|open| **open > 127).count(),
            cells: Arc::new(Heat { rows, cols, data }),
        }
    }
}

/// What the model answered in the middle of learning, beside the dense one.
#[derive(Clone, Debug, PartialEq)]
pub enum Trial {
    Text(Arc<Written>),
    Digits(Arc<Digits>),
    Pictures(Arc<Drawings>),
}

/// A training as it goes.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Training {
    /// Of the present round: methods that start over have several.
    pub step: u64,
    pub steps: u64,
    pub round: u32,
    /// Steps a second.
    pub rate: f64,
    /// How often it was told.
    pub looks: u64,
    /// Steps of the rounds before.
    before: u64,
    /// The loss first.
    pub curves: Vec<Curve>,
    pub gates: Vec<Gates>,
    /// The newest one.
    pub trial: Option<Trial>,
}

impl Training {
    /// Takes in how far it is and the numbers that go with it.
    pub fn take(&mut self, step: u64, steps: u64, rate: f64, loss: f64, others: Vec<Score>) {
        if self.curves.is_empty() || step < self.step {
            self.before += self.step;
            self.round += 1;
        }
        (self.step, self.steps, self.rate) = (step, steps, rate);
        self.looks += 1;
        let at = (self.before + step) as f64;
        let loss = Score { name: LOSS.into(), value: loss };
        for Score { name, value } in std::iter::once(loss).chain(others) {
            let known = self.curves.iter().position(|curve| curve.name == name).unwrap_or_else(|| {
                self.curves.push(Curve::new(name));
                self.curves.len() - 1
            });
            self.curves[known].take(at, value);
        }
    }

    /// Takes in the gates: `open` holds those of all rows.
    ///
    /// # Errors
    /// A sentence when there are more or fewer than the rows say.
    pub fn take_gates(&mut self, rows: &[GateRow], mut open: &[u8]) -> Result<(), String> {
        let units: usize = rows.iter().map(|row| row.units as usize).sum();
        if units != open.len() {
            return Err(format!("{units} gates came with {} values; they were left out.", open.len()));
        }
        self.gates = rows
            .iter()
            .map(|row| {
                let (mine, others) = open.split_at(row.units as usize);
                open = others;
                Gates::new(row.group, mine)
            })
            .collect();
        Ok(())
    }

    pub fn has_begun(&self) -> bool {
        !self.curves.is_empty()
    }

    /// The first and the last step that the curves know.
    pub fn span(&self) -> (f64, f64) {
        let first = self.curves.first().and_then(|curve| curve.points.first()).map_or(0.0, |(step, _)| *step);
        (first, ((self.before + self.step) as f64).max(first + 1.0))
    }

    /// Seconds to the end of the present round; none before the pace is known.
    pub fn seconds_left(&self) -> Option<f64> {
        (self.rate > 0.0).then(|| self.steps.saturating_sub(self.step) as f64 / self.rate)
    }

    /// The loss has been below a line and is above it now.
    pub fn has_crossed(&self, line: f64) -> bool {
        let Some(Curve { points, .. }) = self.curves.first() else { return false };
        let losses: Vec<f64> = points.iter().map(|(_, loss)| *loss).collect();
        let recent = &losses[losses.len().saturating_sub(RECENT)..];
        losses.iter().any(|loss| *loss <= line) && mean(recent) > line
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(losses: impl IntoIterator<Item = f64>) -> Training {
        let mut training = Training::default();
        let budget = |value| vec![Score { name: "kept".into(), value }];
        (1..).zip(losses).for_each(|(step, loss)| training.take(step, 10_000, 4.0, loss, budget(0.5)));
        training
    }

    #[test]
    fn long_curves_keep_their_mean_and_their_ends() {
        let training = told((1..=5000).map(|at| f64::from(at % 2)));
        let [loss, kept] = &training.curves[..] else { panic!("two curves") };
        assert_eq!((loss.name.as_str(), kept.name.as_str()), (LOSS, "kept"));
        assert!(loss.points.len() < MOST && loss.points.len() > MOST / 4);
        assert!(loss.points.iter().skip(1).all(|(_, loss)| *loss == 0.5), "pairs are merged to their mean");
        assert!(loss.points.windows(2).all(|pair| pair[0].0 < pair[1].0));
        assert_eq!(training.span().1, 5000.0);
        assert_eq!(training.seconds_left(), Some(1250.0));
    }

    #[test]
    fn a_round_that_starts_over_goes_on_to_the_right() {
        let mut training = told([3.0, 2.0, 1.0]);
        training.take(1, 3, 1.0, 2.5, Vec::new());
        assert_eq!((training.round, training.step), (2, 1));
        assert_eq!(training.curves[0].points.last(), Some(&(4.0, 2.5)));
    }

    #[test]
    fn a_line_is_crossed_from_below_only() {
        assert!(!told([9.0, 8.0, 7.0]).has_crossed(5.0), "it has never been below");
        assert!(!told([9.0, 4.0, 6.0, 4.0]).has_crossed(5.0), "one batch is noise");
        assert!(told([9.0, 4.0, 6.0, 5.5, 6.0]).has_crossed(5.0));
        assert!(!Training::default().has_crossed(5.0));
    }

    #[test]
    fn gates_fill_walls() {
        let mut training = Training::default();
        let rows = [GateRow { group: 2, units: 3 }, GateRow { group: 5, units: 40 }];
        let open: Vec<u8> = [255, 0, 128].into_iter().chain([0; 40]).collect();
        training.take_gates(&rows, &open).unwrap();
        let [few, many] = &training.gates[..] else { panic!("two rows") };
        assert_eq!((few.group, few.units, few.open), (2, 3, 2));
        assert_eq!((many.cells.rows, many.cells.cols, many.open), (2, 32, 0));
        assert_eq!((many.cells.at(1, 7), many.cells.at(1, 8)), (0.0, 1.0), "nothing stands after the last");
        assert!(training.take_gates(&rows, &[0; 42]).unwrap_err().contains("43 gates came with 42"));
        assert_eq!(training.gates.len(), 2, "what was known stays");
    }
}
