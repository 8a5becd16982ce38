//! A method that learns is watched and steered through its job.

use std::cell::Cell;

use secateur_methods::{Look, Watch};
use secateur_protocol::{BlobId, Event, GateRow, Score, Steer};

use crate::Host;
use crate::desk::Job;

/// Learning is told of at most this often.
const EVERY_MS: f64 = 100.0;

/// What a job has told of its learning, and how it was held back.
#[derive(Default)]
pub(crate) struct Learning {
    told: Cell<Option<(u64, f64)>>,
    /// Single steps made while paused.
    singles: Cell<u64>,
    /// The one step was made after which a pause holds.
    caught_up: Cell<bool>,
    /// When the latest step began.
    began_ms: Cell<f64>,
}

impl Learning {
    /// Whether the next step, after `done`, has to wait.
    pub fn waits(&self, steer: &Steer, done: u64, now_ms: f64) -> bool {
        if steer.stop {
            return false;
        }
        if steer.paused {
            // A step that was too early to be told would show itself only with the next one: one more, which is told, and then
            // what is on screen is what is held.
            if self.told.get().is_some_and(|(told, _)| told < done) && !self.caught_up.replace(true) {
                return false;
            }
            let free = steer.singles > self.singles.get();
            self.singles.set(steer.singles.min(self.singles.get() + u64::from(free)));
            return !free;
        }
        self.caught_up.set(false);
        self.singles.set(steer.singles);
        let waits = done > 0 && now_ms - self.began_ms.get() < steer.slow_ms;
        if !waits {
            self.began_ms.set(now_ms);
        }
        waits
    }
}

impl<H: Host> Watch for Job<'_, H> {
    fn due(&self) -> bool {
        let now = self.host().now_ms();
        self.learning().told.get().is_none_or(|(_, told_ms)| now - told_ms >= EVERY_MS) || self.steering().paused
    }

    fn look(&self, look: Look) {
        let now = self.host().now_ms();
        let rate =
            self.learning().told.get().map_or(0.0, |(step, told_ms)| {
                look.step.saturating_sub(step) as f64 * 1000.0 / (now - told_ms).max(1e-3)
            });
        self.learning().told.set(Some((look.step, now)));
        let curves = look.curves.into_iter().map(|(name, value)| Score { name: name.into(), value }).collect();
        let Look { step, steps, loss, gates, .. } = Look { curves: Vec::new(), ..look };
        self.send(Event::Learning { step, steps, loss: f64::from(loss), rate, curves });
        if !gates.is_empty() {
            let rows =
                gates.iter().map(|row| GateRow { group: row.group as u32, units: row.open.len() as u32 }).collect();
            let open = gates.iter().flat_map(|row| &row.open).map(|open| (open.clamp(0.0, 1.0) * 255.0).round() as u8);
            self.send_with(Event::Gates { step, rows, open: BlobId(0) }, vec![open.collect()]);
        }
    }

    fn steer(&self) -> secateur_methods::Steer {
        let Steer { penalty, stop, .. } = self.steering();
        secateur_methods::Steer { penalty, stop }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_paused_job_makes_single_steps() {
        let learning = Learning::default();
        let paused = |singles| Steer { paused: true, singles, ..Steer::default() };
        assert!(learning.waits(&paused(0), 3, 0.0));
        assert!(!learning.waits(&paused(1), 3, 1.0), "one step");
        assert!(learning.waits(&paused(1), 4, 2.0), "and no more");
        assert!(!learning.waits(&paused(3), 4, 3.0) && !learning.waits(&paused(3), 5, 4.0));
        assert!(learning.waits(&paused(3), 6, 5.0));
        assert!(!learning.waits(&Steer { stop: true, ..paused(3) }, 6, 6.0));
        assert!(!learning.waits(&Steer::default(), 6, 7.0));
    }

    #[test]
    fn a_pause_holds_what_was_told() {
        let learning = Learning::default();
        learning.told.set(Some((3, 0.0)));
        let paused = Steer { paused: true, ..Steer::default() };
        assert!(!learning.waits(&paused, 4, 1.0), "step 4 was not told");
        assert!(learning.waits(&paused, 5, 2.0), "one step more is enough");
        learning.waits(&Steer::default(), 5, 3.0);
        learning.told.set(Some((6, 4.0)));
        assert!(learning.waits(&paused, 6, 5.0), "step 6 was told");
    }

    #[test]
    fn in_slow_motion_a_step_takes_its_time() {
        let learning = Learning::default();
        let slow = Steer { slow_ms: 200.0, ..Steer::default() };
        assert!(!learning.waits(&slow, 0, 1000.0));
        assert!(learning.waits(&slow, 1, 1100.0));
        assert!(!learning.waits(&slow, 1, 1200.0));
        assert!(learning.waits(&slow, 2, 1399.0));
    }
}
