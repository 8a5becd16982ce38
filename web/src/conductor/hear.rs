//! Taking in what the engine says, and what follows from it.

use std::sync::Arc;

use leptos::prelude::*;
use secateur_protocol::{Card, Command, DeviceChoice, Envelope, Event, RequestId, VERSION};

use super::{BLINK_MS, MOST_CRASHES};
use crate::lanes::Job;
use crate::state::{App, Engine, Progress, first_recipe};
use crate::transport::Incoming;
use crate::unfinished::Unfinished;
use crate::{frames, save};

impl App {
    pub(super) fn hear(self, incoming: Incoming) {
        match incoming {
            Incoming::Up => self.say_hello(),
            Incoming::Event(envelope, blobs) => self.take(*envelope, blobs),
            Incoming::Odd(sentence) => self.error.set(Some(sentence)),
            Incoming::Crashed(why) => self.restart(&why),
        }
    }

    fn take(self, Envelope { id, body }: Envelope<Event>, blobs: Vec<Vec<u8>>) {
        let job = self.desk.with_value(|desk| desk.lanes.job(id));
        match body {
            Event::Progress { done, total, unit } => {
                let since = self.desk.with_value(|desk| desk.sent_ms.get(&id).copied()).unwrap_or(f64::MAX);
                if let (Some(job), true) = (job, frames::now_ms() - since > BLINK_MS) {
                    self.progress.set(Some(Progress { id, what: job.what(), done, total, unit: Some(unit) }));
                }
            }
            Event::Done => {
                if let Some(job) = job {
                    let subject = self.subject(job);
                    self.desk.update_value(|desk| drop(desk.known.insert(job, subject)));
                }
                self.finish(id, job);
            }
            Event::Cancelled => {
                self.keep_in_step(id, job);
                self.finish(id, job);
            }
            Event::Failed { error } => {
                self.keep_in_step(id, job);
                self.finish(id, job);
                self.forget_wish(job);
                self.fall_back(job, &error);
                self.error.set(Some(error));
            }
            Event::DeviceLost { error } => self.restart(&error),
            Event::Exported { files, report } => {
                let named =
                    files.into_iter().filter_map(|file| Some((file.name, blobs.get(file.data.0 as usize)?.clone())));
                let saved = save::zip(&report, named.collect());
                match saved {
                    Ok(()) => self.facts.exported.set(Some(Arc::new(report))),
                    Err(error) => self.error.set(Some(error)),
                }
            }
            event @ (Event::Written(_) | Event::Predictions { .. } | Event::Drawn { .. })
                if job == Some(Job::Learn) =>
            {
                if let Err(sentence) = self.facts.tried(event, &blobs) {
                    self.error.set(Some(sentence));
                }
            }
            event => {
                let turn = Turn::of(&event);
                match self.facts.apply(event, &blobs) {
                    Ok(()) => self.go_on(turn, id, job),
                    Err(sentence) => self.error.set(Some(sentence)),
                }
            }
        }
    }

    fn say_hello(&self) {
        let device = self.inputs.device.get_untracked();
        self.ask(Job::Hello, Command::Hello { version: VERSION, device });
    }

    /// A device or model that cannot be opened, here or on the machine a link came to, leaves the one that can.
    fn fall_back(&self, job: Option<Job>, error: &str) {
        let device = self.inputs.device;
        match job {
            Some(Job::Device) => device.set(self.desk.with_value(|desk| desk.device)),
            Some(Job::Load) => {
                self.desk.update_value(|desk| desk.learn_next = false);
                if let Some(open) = self.facts.loaded.get_untracked() {
                    self.inputs.model.set(open.model.clone());
                }
            }
            Some(Job::Hello) if device.get_untracked() != DeviceChoice::Auto => {
                device.set(DeviceChoice::Auto);
                self.say_hello();
            }
            Some(Job::Hello) => self.engine.set(Engine::Down(error.to_string())),
            _ => {}
        }
    }

    /// What follows from the news.
    fn go_on(&self, turn: Turn, id: RequestId, job: Option<Job>) {
        if let Turn::Ready = turn {
            self.desk.update_value(|desk| desk.device = self.inputs.device.get_untracked());
        }
        match turn {
            Turn::Ready if job == Some(Job::Device) => self.rest_soon(),
            Turn::Ready => {
                self.engine.set(Engine::Ready);
                self.load_wanted();
            }
            Turn::Loaded => self.opened(),
            Turn::Level => {
                self.keep_in_step(id, job);
                self.cut(id);
            }
            // As long as it can measure, it stands on its feet.
            Turn::Learning => self.look_at_learning(),
            Turn::Report => self.desk.update_value(|desk| desk.crashes = 0),
            Turn::Other => {}
        }
    }

    /// Puts the controls where the masks are after an undo, a cancelled or a failed cut, unless the user has
    /// already asked for something else.
    fn keep_in_step(&self, id: RequestId, job: Option<Job>) {
        let settled = !self.desk.with_value(|desk| desk.lanes.is_superseded(id));
        if let (Some(Job::Prune | Job::Step), true, Some(level)) = (job, settled, self.facts.level.get_untracked()) {
            let asked = self.recipe.get_untracked().and_then(Result::ok);
            if asked != level.recipe {
                self.follow(level.recipe.as_ref());
            }
        }
    }

    fn opened(&self) {
        self.desk.update_value(|desk| {
            desk.opening = false;
            desk.known.clear();
            desk.wishes.clear();
            desk.files = std::mem::take(&mut desk.loading);
        });
        let name = self.facts.loaded.with_untracked(|loaded| loaded.as_ref().map(|loaded| loaded.model.clone()));
        let name = name.unwrap_or_default();
        if name != self.inputs.model.get_untracked() {
            self.forget_hand();
        }
        self.inputs.model.set(name);
        if self.recipe.with_untracked(|recipe| !matches!(recipe, Some(Ok(_)))) {
            self.mend_recipe();
        }
        self.do_without_samples();
        if untrack(|| self.learns()) { self.opened_to_learn() } else { self.prune(false) }
    }

    /// There are samples of digits and, with a tokenizer, of texts: a model that reads neither starts with a method that
    /// asks for none.
    fn do_without_samples(&self) {
        let asks = |card: &Card| card.fields.iter().any(|field| field.key == "samples");
        let tokenizer = self.desk.with_value(|desk| desk.files.iter().any(|file| file.name() == "tokenizer.json"));
        let reads = untrack(|| self.sees_pictures() || self.writes() || (tokenizer && self.reads_tokens()));
        if reads || !self.card.get_untracked().is_some_and(|card| asks(&card)) {
            return;
        }
        let other = self.facts.ready.with_untracked(|ready| {
            let mut cards = ready.as_ref()?.methods.iter().filter(|card| card.needs.is_empty());
            cards.find(|card| card.filing.criterion != "random").map(|card| card.id.to_string())
        });
        if let Some(id) = other {
            self.inputs.method.set(id);
        }
    }

    /// A link may ask for a method or a value that does not exist: say so and go on with the defaults.
    fn mend_recipe(&self) {
        let wrong = match self.recipe.get_untracked() {
            Some(Err(error)) => error.to_string(),
            _ => format!("There is no method {:?} here.", self.inputs.method.get_untracked()),
        };
        self.error.set(Some(format!("The link could not be followed: {wrong}")));
        self.inputs.values.set(Default::default());
        if self.card.get_untracked().is_none() {
            self.inputs.method.set(first_recipe().method);
        }
    }

    fn finish(&self, id: RequestId, job: Option<Job>) {
        if self.progress.with_untracked(|progress| progress.as_ref().is_some_and(|progress| progress.id == id)) {
            self.progress.set(None);
        }
        let next = self.desk.try_update_value(|desk| {
            desk.sent_ms.remove(&id);
            desk.lanes.end(id)
        });
        let last = matches!(next, Some(None));
        if job == Some(Job::Load) && last {
            self.desk.update_value(|desk| desk.opening = false);
            self.rest_soon();
        }
        self.send(next.flatten());
        self.tell_busy();
        if job == Some(Job::Learn) {
            self.forget_unfinished();
        }
        if job == Some(Job::Prune) && last && self.desk.with_value(|desk| desk.settle) {
            self.prune(false);
        }
    }

    /// Ends the engine and starts a fresh one, which opens the same model and makes the same cut.
    fn restart(self, why: &str) {
        self.progress.set(None);
        if self.is_asked(Job::Learn) {
            self.unfinished.set(Unfinished::stored());
        }
        let crashes = self.desk.try_update_value(|desk| {
            desk.crashes += 1;
            (desk.transport, desk.rest) = (None, None);
            desk.lanes.clear();
            desk.crashes
        });
        self.tell_busy();
        let why = if why.is_empty() { "no reason was given" } else { why };
        if crashes.unwrap_or(MOST_CRASHES) < MOST_CRASHES {
            self.error.set(Some(format!(
                "The engine stopped ({why}). A fresh one is starting with the same model and recipe; if it happens again, choose the CPU at the top."
            )));
            self.start_engine();
        } else {
            let again =
                format!("The engine keeps stopping ({why}). Reload the page, or choose the CPU at the top and reload.");
            self.error.set(None);
            self.engine.set(Engine::Down(again));
        }
    }
}

/// News that something else follows from.
#[derive(Clone, Copy)]
enum Turn {
    Ready,
    Loaded,
    Level,
    Learning,
    Report,
    Other,
}

impl Turn {
    fn of(event: &Event) -> Self {
        match event {
            Event::Ready { .. } => Self::Ready,
            Event::Loaded(_) => Self::Loaded,
            Event::Level(_) => Self::Level,
            Event::Learning { .. } => Self::Learning,
            Event::Report(_) => Self::Report,
            _ => Self::Other,
        }
    }
}
