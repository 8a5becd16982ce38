use std::pin::Pin;

use secateur_exec::ExecError;
use secateur_exec::train::Seen;

/// What [`Watch::try_out`] returns.
pub type Trial<'a> = Pin<Box<dyn Future<Output = Result<(), ExecError>> + 'a>>;

/// Sees learning as it goes, and may steer it.
pub trait Watch {
    /// Whether somebody wants to look now; it takes time to gather what there is to see.
    fn due(&self) -> bool;

    fn look(&self, look: Look);

    /// What is wanted now.
    fn steer(&self) -> Steer;

    /// Whether somebody wants to see what the model answers now; it takes passes.
    fn tries(&self) -> bool {
        false
    }

    /// Shows what the model answers, as the next step would see it, behind gates that are not decided yet.
    fn try_out<'a>(&'a self, _: &'a Seen) -> Trial<'a> {
        Box::pin(async { Ok(()) })
    }
}

/// Learning at one step.
#[derive(Clone, Debug, PartialEq)]
pub struct Look {
    /// Steps done.
    pub step: u64,
    pub steps: u64,
    /// Of the latest step, before it.
    pub loss: f32,
    /// Other numbers that change, by name: how much of a budget is met, a multiplier, a mean gate.
    pub curves: Vec<(&'static str, f64)>,
    pub gates: Vec<GateRow>,
}

/// How far the gates of one group are open.
#[derive(Clone, Debug, PartialEq)]
pub struct GateRow {
    /// The group's place in the graph's list.
    pub group: usize,
    /// 0 to 1, one for each unit.
    pub open: Vec<f32>,
}

/// What a watcher wants changed while a method learns.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Steer {
    /// Multiplies the method's penalty.
    pub penalty: f64,
    /// Enough is learnt: the method ends with what it has.
    pub stop: bool,
}

impl Default for Steer {
    fn default() -> Self {
        Self { penalty: 1.0, stop: false }
    }
}

/// Nobody looks.
pub struct Unwatched;

impl Watch for Unwatched {
    fn due(&self) -> bool {
        false
    }

    fn look(&self, _: Look) {}

    fn steer(&self) -> Steer {
        Steer::default()
    }
}
