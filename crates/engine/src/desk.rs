//! The desk: commands wait here, and the running job looks up from its work here.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::future::poll_fn;

use futures_util::stream::LocalBoxStream;
use futures_util::{FutureExt, Stream, StreamExt};
use secateur_exec::{Cancelled, Meter, Tick};
use secateur_protocol::{Command, Envelope, Event, RequestId, Steer, Unit};

use crate::Host;
use crate::learning::Learning;

/// Progress is told at most this often.
const PROGRESS_EVERY_MS: f64 = 50.0;

pub(crate) struct Desk<'a, H> {
    host: &'a H,
    inbox: RefCell<LocalBoxStream<'static, Envelope<Command>>>,
    waiting: RefCell<VecDeque<Envelope<Command>>>,
    running: Cell<Option<RequestId>>,
    /// Somebody cancelled the running job.
    cancelled: Cell<bool>,
    /// How a job is to learn; it may still wait.
    steer: RefCell<Option<(RequestId, Steer)>>,
}

impl<'a, H: Host> Desk<'a, H> {
    pub fn new(host: &'a H, inbox: impl Stream<Item = Envelope<Command>> + 'static) -> Self {
        Self {
            host,
            inbox: RefCell::new(inbox.boxed_local()),
            waiting: RefCell::default(),
            running: Cell::default(),
            cancelled: Cell::default(),
            steer: RefCell::default(),
        }
    }

    /// The next command to work on; none when the inbox is closed and everything is done.
    pub async fn next(&self) -> Option<Envelope<Command>> {
        self.running.set(None);
        self.collect();
        loop {
            if let Some(command) = self.waiting.borrow_mut().pop_front() {
                self.running.set(Some(command.id));
                self.cancelled.set(false);
                return Some(command);
            }
            let arrived = poll_fn(|context| self.inbox.borrow_mut().poll_next_unpin(context)).await?;
            self.take(arrived);
        }
    }

    /// Takes in whatever has arrived, without waiting.
    fn collect(&self) {
        loop {
            let arrived = self.inbox.borrow_mut().next().now_or_never();
            match arrived {
                Some(Some(command)) => self.take(command),
                Some(None) | None => break,
            }
        }
    }

    fn take(&self, arrived: Envelope<Command>) {
        match arrived.body {
            Command::Cancel { of } if self.running.get() == Some(of) => self.cancelled.set(true),
            Command::Steer { of, steer } => drop(self.steer.replace(Some((of, steer)))),
            Command::Cancel { of } => self.drop_waiting(|command| command.id == of),
            Command::Prune { amend: true, .. } => {
                let newest = self.newest_waiting_amend();
                self.drop_waiting(|command| Some(command.id) == newest);
                self.waiting.borrow_mut().push_back(arrived);
            }
            _ => self.waiting.borrow_mut().push_back(arrived),
        }
    }

    /// A waiting amendable cut that nobody will miss: no command after it builds on its result.
    fn newest_waiting_amend(&self) -> Option<RequestId> {
        let waiting = self.waiting.borrow();
        let newest = waiting.iter().rev().find(|command| changes_session(&command.body))?;
        matches!(newest.body, Command::Prune { amend: true, .. }).then_some(newest.id)
    }

    fn drop_waiting(&self, dropped: impl Fn(&Envelope<Command>) -> bool) {
        self.waiting.borrow_mut().retain(|command| {
            let drop = dropped(command);
            if drop {
                self.host.send(Envelope { id: command.id, body: Event::Cancelled }, Vec::new());
            }
            !drop
        });
    }
}

fn changes_session(command: &Command) -> bool {
    use Command::*;
    match command {
        Hello { .. } | UseDevice { .. } | Load { .. } | Prune { .. } | Undo | Redo => true,
        Run { .. } | Predict { .. } | Evaluate | Time { .. } | Heat { .. } | Export { .. } | Verdict => false,
        EvaluateText(_) | Ask | Classify { .. } | Generate(_) | Draw(_) => false,
        Sweep { .. }
        | Contrast { .. }
        | Compare { .. }
        | Train { .. }
        | Bench { .. }
        | BenchProducts { .. }
        | Cancel { .. }
        | Steer { .. } => false,
    }
}

/// The running job's way to its host.
pub(crate) struct Job<'a, H> {
    desk: &'a Desk<'a, H>,
    id: RequestId,
    told_ms: Cell<f64>,
    learning: Learning,
}

impl<'a, H: Host> Job<'a, H> {
    pub fn new(desk: &'a Desk<'a, H>, id: RequestId) -> Self {
        Self { desk, id, told_ms: Cell::new(f64::NEG_INFINITY), learning: Learning::default() }
    }

    pub fn host(&self) -> &H {
        self.desk.host
    }

    pub fn send(&self, event: Event) {
        self.send_with(event, Vec::new());
    }

    /// Lets the host have its turn, takes in what has arrived and looks for a `Cancel`.
    pub async fn breathe(&self) -> Result<(), Cancelled> {
        self.host().pause().await;
        self.desk.collect();
        if self.desk.cancelled.get() { Err(Cancelled) } else { Ok(()) }
    }

    /// How the job is to learn.
    pub fn steering(&self) -> Steer {
        let steer = self.desk.steer.borrow();
        steer.as_ref().filter(|(of, _)| *of == self.id).map(|(_, steer)| steer.clone()).unwrap_or_default()
    }

    /// What was told of learning.
    pub fn learning(&self) -> &Learning {
        &self.learning
    }

    /// Holds a step back while the user wants it held back.
    async fn wait(&self, done: u64) -> Result<(), Cancelled> {
        while self.learning.waits(&self.steering(), done, self.host().now_ms()) {
            self.breathe().await?;
        }
        Ok(())
    }

    pub fn send_with(&self, event: Event, blobs: Vec<Vec<u8>>) {
        self.host().send(Envelope { id: self.id, body: event }, blobs);
    }
}

impl<H: Host> Meter for Job<'_, H> {
    /// Tells the progress and lets the host breathe.
    fn tick(&self, done: u64, total: u64, unit: Unit) -> Tick<'_> {
        Box::pin(async move {
            let now = self.host().now_ms();
            if now - self.told_ms.get() >= PROGRESS_EVERY_MS || done == total {
                self.told_ms.set(now);
                self.send(Event::Progress { done, total, unit });
            }
            self.breathe().await?;
            if unit == Unit::Steps { self.wait(done).await } else { Ok(()) }
        })
    }
}
