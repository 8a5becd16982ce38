//! The desk: commands wait here, and the running job looks up from its work here.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::future::poll_fn;

use futures_util::stream::LocalBoxStream;
use futures_util::{FutureExt, Stream, StreamExt};
use secateur_exec::{Cancelled, Meter, Tick};
use secateur_protocol::{Command, Envelope, Event, RequestId, Unit};

use crate::Host;

/// Progress is told at most this often.
const PROGRESS_EVERY_MS: f64 = 50.0;

pub(crate) struct Desk<'a, H> {
    host: &'a H,
    inbox: RefCell<LocalBoxStream<'static, Envelope<Command>>>,
    waiting: RefCell<VecDeque<Envelope<Command>>>,
    running: Cell<Option<RequestId>>,
    /// Somebody cancelled the running job.
    cancelled: Cell<bool>,
}

impl<'a, H: Host> Desk<'a, H> {
    pub fn new(host: &'a H, inbox: impl Stream<Item = Envelope<Command>> + 'static) -> Self {
        Self {
            host,
            inbox: RefCell::new(inbox.boxed_local()),
            waiting: RefCell::default(),
            running: Cell::default(),
            cancelled: Cell::default(),
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
        EvaluateText(_) | Classify { .. } | Generate(_) | Draw(_) => false,
        Sweep { .. } | Compare { .. } | Train { .. } | Bench { .. } | BenchProducts { .. } | Cancel { .. } => false,
    }
}

/// The running job's way to its host.
pub(crate) struct Job<'a, H> {
    desk: &'a Desk<'a, H>,
    id: RequestId,
    told_ms: Cell<f64>,
}

impl<'a, H: Host> Job<'a, H> {
    pub fn new(desk: &'a Desk<'a, H>, id: RequestId) -> Self {
        Self { desk, id, told_ms: Cell::new(f64::NEG_INFINITY) }
    }

    pub fn host(&self) -> &H {
        self.desk.host
    }

    pub fn send(&self, event: Event) {
        self.send_with(event, Vec::new());
    }

    pub fn send_with(&self, event: Event, blobs: Vec<Vec<u8>>) {
        self.host().send(Envelope { id: self.id, body: event }, blobs);
    }
}

impl<H: Host> Meter for Job<'_, H> {
    /// Tells the progress, lets the host breathe and looks for a `Cancel`.
    fn tick(&self, done: u64, total: u64, unit: Unit) -> Tick<'_> {
        Box::pin(async move {
            let now = self.host().now_ms();
            if now - self.told_ms.get() >= PROGRESS_EVERY_MS || done == total {
                self.told_ms.set(now);
                self.send(Event::Progress { done, total, unit });
            }
            self.host().pause().await;
            self.desk.collect();
            if self.desk.cancelled.get() { Err(Cancelled) } else { Ok(()) }
        })
    }
}
