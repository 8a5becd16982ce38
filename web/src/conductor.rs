//! Decides what to ask the engine and when, and takes in what it says.
//!
//! A cut is followed at once by what is cheap and on screen (digits, masks), and after the slider rests
//! by what takes longer (accuracy, times, scores). A newer cut cancels what has become outdated.

use std::collections::BTreeMap;
use std::rc::Rc;

use gloo::timers::callback::Timeout;
use leptos::prelude::*;
use secateur_protocol::{Command, DeviceChoice, Envelope, FileRef, HeatKind, Image, RequestId, Source};
use web_sys::File;

use crate::facts::{FINE_CELLS, TILE_CELLS};
use crate::lanes::{Job, Lanes};
use crate::recorded::Recording;
use crate::state::{App, Engine};
use crate::transport::Transport;
use crate::{budget, frames, pen, share};

pub use contrast::Other;

mod contrast;
mod demo;
mod hear;
mod learn;
mod make;
mod rest;
mod units;

/// Progress is shown for jobs that last longer than a blink.
const BLINK_MS: f64 = 250.0;
/// An engine that dies so often without getting up is not started again.
const MOST_CRASHES: u32 = 3;

/// What the conductor keeps between messages. None of it is shown.
#[derive(Default)]
pub struct Desk {
    transport: Option<Transport>,
    recording: Option<Rc<Recording>>,
    lanes: Lanes,
    sent_ms: BTreeMap<RequestId, f64>,
    /// The user's open files, for the engine to read again after a crash.
    files: Vec<File>,
    /// The device that works, to go back to when another one does not.
    device: DeviceChoice,
    /// Files of the model that is being loaded; none for a built-in one.
    loading: Vec<File>,
    /// Texts that the user has typed, as files, for the cuts that are calibrated on them.
    texts: Vec<File>,
    /// The method learns as soon as the model is open.
    learn_next: bool,
    /// Another model is on its way: what is asked of this one would be answered by that one.
    opening: bool,
    rest: Option<Timeout>,
    /// The slider was let go; its last cut becomes a step of its own.
    settle: bool,
    /// What the newest answer of each kind is about; see [`App::subject`].
    known: BTreeMap<Job, String>,
    /// What the models were asked to make, to be asked again after a cut.
    wishes: BTreeMap<Job, Command>,
    /// When the digits and masks on screen were asked for.
    pictured_ms: f64,
    crashes: u32,
}

impl App {
    /// Shows the recorded run and starts the engine.
    pub fn start(self) {
        leptos::task::spawn_local(async move {
            if let Ok(recording) = Recording::fetch().await {
                self.desk.update_value(|desk| desk.recording = Some(Rc::new(recording)));
                if self.facts.ready.with_untracked(Option::is_none) {
                    self.with_recording(|recording| recording.open(&self.facts));
                }
                self.show_recorded();
            }
        });
        self.start_engine();
    }

    fn start_engine(self) {
        self.engine.set(Engine::Starting);
        match Transport::start(move |incoming| self.hear(incoming)) {
            Ok(transport) => self.desk.update_value(|desk| {
                desk.lanes.clear();
                desk.known.clear();
                desk.transport = Some(transport);
            }),
            Err(error) => self.engine.set(Engine::Down(format!("The engine could not be started: {error}"))),
        }
    }

    fn with_recording(&self, show: impl FnOnce(&Recording)) {
        if let Some(recording) = self.desk.with_value(|desk| desk.recording.clone()) {
            show(&recording);
        }
    }

    /// While nothing is live: the recorded masks nearest to what the controls ask for.
    fn show_recorded(&self) {
        if self.facts.recorded.get_untracked() {
            let (method, sparsity) = (self.inputs.method.get_untracked(), untrack(|| self.sparsity()));
            self.with_recording(|recording| recording.show_nearest(&method, sparsity.unwrap_or(0.5), &self.facts));
        }
    }

    /// Sends now, or when the lane is free. Without an engine nothing is sent: it hears all that matters
    /// once it is ready.
    fn ask(&self, job: Job, command: Command) {
        if job != Job::Hello && self.engine.get_untracked() != Engine::Ready {
            return;
        }
        if self.desk.with_value(|desk| desk.opening) && !matches!(job, Job::Hello | Job::Device | Job::Load) {
            return;
        }
        let envelope = self.desk.try_update_value(|desk| desk.lanes.ask(job, command)).flatten();
        self.send(envelope);
    }

    fn send(&self, envelope: Option<Envelope<Command>>) {
        let Some(envelope) = envelope else { return };
        let sent = self.desk.try_update_value(|desk| {
            desk.sent_ms.insert(envelope.id, frames::now_ms());
            let files = match &envelope.body {
                Command::Load { .. } => &desk.loading[..],
                Command::Contrast { .. } => &desk.texts[..],
                _ => &[],
            };
            desk.transport.as_ref().map(|transport| transport.send(&envelope, files))
        });
        if let Some(Some(Err(error))) = sent {
            self.error.set(Some(format!("A request could not be sent to the engine: {error}")));
        }
        self.tell_busy();
    }

    /// Shows what is in flight.
    fn tell_busy(&self) {
        let jobs = self.desk.with_value(|desk| desk.lanes.jobs());
        if self.busy.with_untracked(|busy| *busy != jobs) {
            self.busy.set(jobs);
        }
    }

    fn stop(&self, job: Job) {
        let cancel = self.desk.try_update_value(|desk| desk.lanes.cancel(job)).flatten();
        self.send(cancel);
    }

    /// Cuts as the controls say, unless that has to be learnt: then somebody has to want it, see [`App::learn`]. `moving`: the
    /// slider is under way, one step of history for the whole way.
    pub fn prune(&self, moving: bool) {
        self.show_recorded();
        self.mend_units();
        match self.recipe.get_untracked() {
            Some(Ok(_)) if untrack(|| self.learns()) => {}
            Some(Ok(recipe)) => {
                self.end_learning();
                self.make_room();
                self.desk.update_value(|desk| (desk.rest, desk.settle) = (None, false));
                self.ask(Job::Prune, Command::Prune { recipe, amend: moving });
            }
            Some(Err(error)) => self.error.set(Some(error.to_string())),
            None => {}
        }
    }

    /// The slider was let go.
    pub fn settle(&self) {
        let busy = self.desk.try_update_value(|desk| {
            desk.settle = desk.lanes.in_flight(Job::Prune).is_some();
            desk.settle
        });
        if busy == Some(false) {
            self.prune(false);
        }
    }

    pub fn step(&self, command: Command) {
        self.end_learning();
        self.make_room();
        self.ask(Job::Step, command);
    }

    pub fn cancel(&self, of: RequestId) {
        if let Some(job) = self.desk.with_value(|desk| desk.lanes.job(of)) {
            self.forget_wish(Some(job));
            self.stop(job);
        }
    }

    pub fn use_device(&self, device: DeviceChoice) {
        self.inputs.device.set(device);
        self.end_learning();
        self.ask(Job::Device, Command::UseDevice { device });
    }

    pub fn load_builtin(&self, id: &str) {
        if self.engine.get_untracked() != Engine::Ready {
            self.inputs.model.set(format!("builtin:{id}"));
        }
        self.desk.update_value(|desk| desk.loading.clear());
        self.load(Source::BuiltIn { id: id.into() });
    }

    pub fn load_files(&self, files: Vec<File>) {
        let files = self.with_open_files(files);
        let refs = files.iter().map(|file| FileRef { name: file.name(), bytes: file.size() as u64 }).collect();
        if self.engine.get_untracked() != Engine::Ready {
            self.error.set(Some("The engine is still starting; drop the file again in a moment.".into()));
            return;
        }
        self.desk.update_value(|desk| desk.loading = files);
        self.load(Source::Files { files: refs });
    }

    /// What still waits was meant for the model that is going, and its parameters have other numbers.
    fn load(&self, source: Source) {
        self.end_learning();
        self.desk.update_value(|desk| {
            (desk.opening, desk.rest) = (true, None);
            desk.lanes.forget_waiting();
        });
        self.ask(Job::Load, Command::Load { source });
    }

    /// Files that come without weights, e.g. a tokenizer.json, belong to the open model's.
    fn with_open_files(&self, mut files: Vec<File>) -> Vec<File> {
        let weights = |file: &File| [".safetensors", ".onnx"].iter().any(|end| file.name().ends_with(end));
        if !files.iter().any(weights) {
            let mut open = self.desk.with_value(|desk| desk.files.clone());
            open.retain(|old| files.iter().all(|new| new.name() != old.name()));
            files.extend(open);
        }
        files
    }

    /// Opens what the controls name: at the start, after a crash, from a link.
    fn load_wanted(&self) {
        let model = self.inputs.model.get_untracked();
        let files = self.desk.with_value(|desk| desk.files.clone());
        match model.strip_prefix("builtin:") {
            Some(id) => self.load_builtin(id),
            None if !files.is_empty() => self.load_files(files),
            None => {
                self.error.set(Some(format!(
                    "The link was made with the file {model}, which stays with its owner. Drop it here to see the same cut; until then, this is digits-vit."
                )));
                self.load_builtin(crate::figures::model_name(share::FIRST_MODEL));
            }
        }
    }

    /// Predicts the drawn digit, if there is one.
    pub fn predict_drawn(&self) {
        match pen::paint(&self.inputs.strokes.get_untracked()) {
            Some(grey) if untrack(|| self.is_live() && self.sees_pictures()) => {
                self.make_room();
                self.ask(Job::Drawn, Command::Predict { image: Image::Drawn { grey } });
            }
            Some(_) => {}
            None => self.facts.drawn.set(None),
        }
    }

    pub fn predict_test(&self) {
        if !untrack(|| self.sees_pictures()) {
            return;
        }
        let first = self.inputs.first_digit.get_untracked();
        let shown = budget::digits(self.macs());
        let indices = (first..first + shown).collect();
        self.make_room();
        self.ask(Job::TestDigits, Command::Predict { image: Image::Test { indices } });
    }

    /// Asks for the values under the map in the chosen view, unless they are the mask itself.
    pub fn picture_values(&self) {
        let kind = self.inputs.view.get_untracked();
        if kind != HeatKind::Mask && untrack(|| self.is_live()) {
            self.ask(Job::Values, Command::Heat { params: self.params(), kind, side: TILE_CELLS });
        }
    }

    /// Asks for the enlarged matrix in full: its mask, then its values.
    pub fn picture_zoomed(&self) {
        if let (Some(param), true) = (self.zoomed.get_untracked(), untrack(|| self.is_live())) {
            let heat = |kind| Command::Heat { params: vec![param], kind, side: FINE_CELLS };
            self.ask(Job::ZoomMask, heat(HeatKind::Mask));
            let kind = self.inputs.view.get_untracked();
            if kind != HeatKind::Mask {
                self.ask(Job::ZoomValues, heat(kind));
            }
        }
    }

    fn params(&self) -> Vec<u32> {
        self.regions.get_untracked().iter().flat_map(|region| &region.tiles).map(|tile| tile.param).collect()
    }

    fn macs(&self) -> u64 {
        self.facts.loaded.with_untracked(|loaded| loaded.as_ref().map_or(0, |loaded| loaded.graph.macs()))
    }
}
