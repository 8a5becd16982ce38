use std::pin::Pin;

use secateur_protocol::Unit;

/// The user stopped the job.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("cancelled")]
pub struct Cancelled;

/// What [`Meter::tick`] returns: a future that is done once the host has had its turn.
pub type Tick<'a> = Pin<Box<dyn Future<Output = Result<(), Cancelled>> + 'a>>;

/// How far a long job is. Each tick reports, yields to the host's event loop and may end the job.
pub trait Meter {
    fn tick(&self, done: u64, total: u64, unit: Unit) -> Tick<'_>;
}

/// A part of a longer job: what is done in it comes on top of `start`, out of `total` in the whole job.
pub struct Part<'a> {
    pub meter: &'a dyn Meter,
    pub start: u64,
    pub total: u64,
}

impl Meter for Part<'_> {
    fn tick(&self, done: u64, _total: u64, unit: Unit) -> Tick<'_> {
        self.meter.tick(self.start + done, self.total, unit)
    }
}

/// Reports to nobody and never cancels.
pub struct Silent;

impl Meter for Silent {
    fn tick(&self, _done: u64, _total: u64, _unit: Unit) -> Tick<'_> {
        Box::pin(async { Ok(()) })
    }
}
