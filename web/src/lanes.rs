//! Who waits for what: which requests are in flight, and the newest wish of each kind behind them.

use std::collections::{BTreeMap, BTreeSet};

use secateur_protocol::{Command, Envelope, RequestId};

/// What a request is for. Each kind has a lane of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Job {
    Hello,
    Device,
    Load,
    Prune,
    /// A cut that is learnt: it takes long and is watched.
    Learn,
    Step,
    TestDigits,
    Drawn,
    Masks,
    Values,
    ZoomMask,
    ZoomValues,
    Evaluate,
    Time,
    /// Both models go on with a text.
    Write,
    /// What both models know of stories.
    Ask,
    /// Both models draw pictures.
    Paint,
    /// The products of a layer's size.
    Products,
    /// Each group cut by itself.
    Sweep,
    /// Two cuts beside each other.
    Contrast,
    /// Who could open an export.
    Verdict,
    Export,
}

impl Job {
    /// For the progress line.
    pub fn what(self) -> &'static str {
        match self {
            Self::Hello | Self::Device => "Opening the device",
            Self::Load => "Loading the model",
            Self::Prune | Self::Step => "Cutting",
            Self::Learn => "Learning",
            Self::TestDigits | Self::Drawn => "Reading digits",
            Self::Masks | Self::Values | Self::ZoomMask | Self::ZoomValues => "Drawing the map",
            Self::Evaluate => "Measuring",
            Self::Time | Self::Products => "Timing",
            Self::Write => "Writing",
            Self::Ask => "Asking",
            Self::Paint => "Drawing",
            Self::Sweep => "Sweeping",
            Self::Contrast => "Cutting twice",
            Self::Verdict => "Looking who opens what",
            Self::Export => "Writing files",
        }
    }
}

/// At most one request of a kind is in flight and one waits; a newer wish replaces the waiting one,
/// so a slider in motion never builds a queue.
#[derive(Default)]
pub struct Lanes {
    last: RequestId,
    in_flight: BTreeMap<RequestId, Job>,
    waiting: BTreeMap<Job, Command>,
}

impl Lanes {
    /// The request to send now, or none when it has to wait for its lane.
    pub fn ask(&mut self, job: Job, command: Command) -> Option<Envelope<Command>> {
        if job != Job::Step && self.in_flight(job).is_some() {
            self.waiting.insert(job, command);
            return None;
        }
        self.last += 1;
        self.in_flight.insert(self.last, job);
        Some(Envelope { id: self.last, body: command })
    }

    /// A request is over; the one that waited for it can be sent.
    pub fn end(&mut self, id: RequestId) -> Option<Envelope<Command>> {
        let job = self.in_flight.remove(&id)?;
        let command = self.waiting.remove(&job)?;
        self.ask(job, command)
    }

    /// Forgets what waits in a lane and gives the command that cancels what is in flight there.
    pub fn cancel(&mut self, job: Job) -> Option<Envelope<Command>> {
        self.waiting.remove(&job);
        self.about(job, |of| Command::Cancel { of })
    }

    /// Forgets what waits in every lane but the device's, which outlives the model.
    pub fn forget_waiting(&mut self) {
        self.waiting.retain(|job, _| *job == Job::Device);
    }

    /// A command about what is in flight in a lane; it has no lane itself and is not answered.
    pub fn about(&mut self, job: Job, command: impl FnOnce(RequestId) -> Command) -> Option<Envelope<Command>> {
        let of = self.in_flight(job)?;
        self.last += 1;
        Some(Envelope { id: self.last, body: command(of) })
    }

    /// What is in flight.
    pub fn jobs(&self) -> BTreeSet<Job> {
        self.in_flight.values().copied().collect()
    }

    pub fn job(&self, id: RequestId) -> Option<Job> {
        self.in_flight.get(&id).copied()
    }

    pub fn in_flight(&self, job: Job) -> Option<RequestId> {
        self.in_flight.iter().find(|(_, other)| **other == job).map(|(id, _)| *id)
    }

    /// Whether the masks will change after this request has been answered: another cut or step is on its way.
    pub fn is_superseded(&self, id: RequestId) -> bool {
        let cuts = |job: &Job| matches!(job, Job::Prune | Job::Learn | Job::Step | Job::Load);
        self.waiting.keys().any(cuts) || self.in_flight.iter().any(|(other, job)| *other > id && cuts(job))
    }

    /// A fresh engine knows of nothing; ids go on.
    pub fn clear(&mut self) {
        self.in_flight.clear();
        self.waiting.clear();
    }
}

#[cfg(test)]
mod tests {
    use secateur_protocol::DeviceChoice;

    use super::*;

    #[test]
    fn the_newest_wish_wins() {
        let mut lanes = Lanes::default();
        let time = |batch| Command::Time { batch, repeats: 1 };
        let first = lanes.ask(Job::Time, time(1)).unwrap();
        assert!(lanes.ask(Job::Time, time(2)).is_none());
        assert!(lanes.ask(Job::Time, time(3)).is_none());
        assert!(lanes.ask(Job::Evaluate, Command::Evaluate).is_some(), "lanes do not wait for each other");
        let next = lanes.end(first.id).unwrap();
        assert_eq!(next.body, time(3));
        assert!(next.id > first.id);
        assert!(lanes.end(next.id).is_none());
        assert!(lanes.end(next.id).is_none(), "ending twice is nothing");
    }

    #[test]
    fn undo_steps_all_count() {
        let mut lanes = Lanes::default();
        assert!(lanes.ask(Job::Step, Command::Undo).is_some());
        assert!(lanes.ask(Job::Step, Command::Undo).is_some());
    }

    #[test]
    fn a_cut_is_superseded_by_what_was_asked_later() {
        let mut lanes = Lanes::default();
        let undo = lanes.ask(Job::Step, Command::Undo).unwrap();
        lanes.ask(Job::Evaluate, Command::Evaluate);
        assert!(!lanes.is_superseded(undo.id), "measuring changes no masks");
        let redo = lanes.ask(Job::Step, Command::Redo).unwrap();
        assert!(lanes.is_superseded(undo.id) && !lanes.is_superseded(redo.id));
        lanes.end(undo.id);
        assert!(!lanes.is_superseded(redo.id));
    }

    #[test]
    fn cancelling_names_the_request_and_forgets_the_wish() {
        let mut lanes = Lanes::default();
        assert!(lanes.cancel(Job::Evaluate).is_none());
        let asked = lanes.ask(Job::Evaluate, Command::Evaluate).unwrap();
        lanes.ask(Job::Evaluate, Command::Evaluate);
        assert_eq!(lanes.cancel(Job::Evaluate).unwrap().body, Command::Cancel { of: asked.id });
        assert!(lanes.end(asked.id).is_none());
    }

    #[test]
    fn another_model_forgets_wishes_but_not_the_device() {
        let mut lanes = Lanes::default();
        let device = || Command::UseDevice { device: DeviceChoice::Cpu };
        let asked = lanes.ask(Job::Evaluate, Command::Evaluate).unwrap();
        lanes.ask(Job::Evaluate, Command::Evaluate);
        let first = lanes.ask(Job::Device, device()).unwrap();
        lanes.ask(Job::Device, device());
        lanes.forget_waiting();
        assert!(lanes.end(asked.id).is_none());
        assert_eq!(lanes.end(first.id).unwrap().body, device());
    }
}
