//! Decides what to ask the engine and when, and takes in what it says.
//!
//! A cut is followed at once by what is cheap and on screen (digits, masks), and after the slider rests
//! by what takes longer (accuracy, times, scores). A newer cut cancels what has become outdated.

use std::collections::BTreeMap;
use std::rc::Rc;

use gloo::timers::callback::Timeout;
use leptos::prelude::*;
use secateur_protocol::{Command, DeviceChoice, Envelope, Event, FileRef, HeatKind, Image, RequestId, Source, VERSION};
use web_sys::File;

use crate::facts::{FINE_CELLS, TILE_CELLS};
use crate::lanes::{Job, Lanes};
use crate::recorded::Recording;
use crate::state::{App, Engine, Progress};
use crate::transport::{Incoming, Transport};
use crate::{budget, frames, pen, save, share};

/// The slider rests when it has not moved for so long.
const REST_MS: u32 = 600;
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
    /// Where the model that is being loaded comes from, and its name on screen.
    loading: Option<(String, Vec<File>)>,
    rest: Option<Timeout>,
    /// The slider was let go; its last cut becomes a step of its own.
    settle: bool,
    /// Digest of the masks whose pictures were asked for.
    pictured: String,
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
                desk.pictured.clear();
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

    // -- asking ------------------------------------------------------------------------------------------------

    fn ask(&self, job: Job, command: Command) {
        let envelope = self.desk.try_update_value(|desk| desk.lanes.ask(job, command)).flatten();
        self.send(envelope);
    }

    fn send(&self, envelope: Option<Envelope<Command>>) {
        let Some(envelope) = envelope else { return };
        let sent = self.desk.try_update_value(|desk| {
            desk.sent_ms.insert(envelope.id, frames::now_ms());
            let files = desk.loading.as_ref().map_or(&[][..], |(_, files)| files);
            let files = if matches!(envelope.body, Command::Load { .. }) { files } else { &[] };
            desk.transport.as_ref().map(|transport| transport.send(&envelope, files))
        });
        if let Some(Some(Err(error))) = sent {
            self.error.set(Some(format!("A request could not be sent to the engine: {error}")));
        }
    }

    fn stop(&self, job: Job) {
        let cancel = self.desk.try_update_value(|desk| desk.lanes.cancel(job)).flatten();
        self.send(cancel);
    }

    /// Cuts as the controls say. `moving`: the slider is under way, one step of history for the whole way.
    pub fn prune(&self, moving: bool) {
        self.show_recorded();
        if self.engine.get_untracked() != Engine::Ready {
            return;
        }
        match self.recipe.get_untracked() {
            Some(Ok(recipe)) => {
                for job in [Job::Evaluate, Job::Time, Job::Values] {
                    self.stop(job);
                }
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
        if self.engine.get_untracked() == Engine::Ready {
            self.ask(Job::Step, command);
        }
    }

    pub fn export(&self) {
        self.ask(Job::Export, Command::Export);
    }

    pub fn cancel(&self, of: RequestId) {
        let job = self.desk.with_value(|desk| desk.lanes.job(of));
        if let Some(job) = job {
            self.stop(job);
        }
    }

    pub fn use_device(&self, device: DeviceChoice) {
        self.inputs.device.set(device);
        if self.engine.get_untracked() == Engine::Ready {
            self.ask(Job::Device, Command::UseDevice { device });
        }
    }

    pub fn load_builtin(&self, id: &str) {
        self.desk.update_value(|desk| desk.loading = Some((format!("builtin:{id}"), Vec::new())));
        self.ask(Job::Load, Command::Load { source: Source::BuiltIn { id: id.into() } });
    }

    pub fn load_files(&self, files: Vec<File>) {
        let Some(weights) = files.iter().find(|file| !file.name().ends_with(".json")).or(files.first()) else { return };
        let name = weights.name();
        let refs = files.iter().map(|file| FileRef { name: file.name(), bytes: file.size() as u64 }).collect();
        if self.engine.get_untracked() != Engine::Ready {
            self.error.set(Some("The engine is still starting; drop the file again in a moment.".into()));
            return;
        }
        self.desk.update_value(|desk| desk.loading = Some((name, files)));
        self.ask(Job::Load, Command::Load { source: Source::Files { files: refs } });
    }

    /// Opens what the controls name: at the start, after a crash, from a link.
    fn load_wanted(&self) {
        let model = self.inputs.model.get_untracked();
        let files = self.desk.with_value(|desk| desk.files.clone());
        match model.strip_prefix("builtin:") {
            Some(id) => self.load_builtin(id),
            None if files.iter().any(|file| file.name() == model) => self.load_files(files),
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
            Some(grey) if self.is_live() => self.ask(Job::Drawn, Command::Predict { image: Image::Drawn { grey } }),
            Some(_) => {}
            None => self.facts.drawn.set(None),
        }
    }

    pub fn predict_test(&self) {
        let first = self.inputs.first_digit.get_untracked();
        let shown = budget::digits(self.macs());
        let indices = (first..first + shown).collect();
        self.ask(Job::TestDigits, Command::Predict { image: Image::Test { indices } });
    }

    /// Asks for the values under the map in the chosen view, unless they are the mask itself.
    pub fn picture_values(&self) {
        let kind = self.inputs.view.get_untracked();
        if kind != HeatKind::Mask && self.is_live() {
            self.ask(Job::Values, Command::Heat { params: self.params(), kind, side: TILE_CELLS });
        }
    }

    /// Asks for the enlarged matrix in full: its mask, then its values.
    pub fn picture_zoomed(&self) {
        if let (Some(param), true) = (self.zoomed.get_untracked(), self.is_live()) {
            let heat = |kind| Command::Heat { params: vec![param], kind, side: FINE_CELLS };
            self.ask(Job::ZoomMask, heat(HeatKind::Mask));
            let kind = self.inputs.view.get_untracked();
            if kind != HeatKind::Mask {
                self.ask(Job::ZoomValues, heat(kind));
            }
        }
    }

    /// Accuracy and times, asked for by hand or after the slider rests.
    pub fn measure(&self) {
        let (batch, repeats) = budget::timing(self.macs());
        self.ask(Job::Evaluate, Command::Evaluate);
        self.ask(Job::Time, Command::Time { batch, repeats });
    }

    fn is_live(&self) -> bool {
        self.engine.get_untracked() == Engine::Ready && !self.facts.recorded.get_untracked()
    }

    fn params(&self) -> Vec<u32> {
        self.regions.get_untracked().iter().flat_map(|region| &region.tiles).map(|tile| tile.param).collect()
    }

    fn macs(&self) -> u64 {
        self.facts.loaded.with_untracked(|loaded| loaded.as_ref().map_or(0, |loaded| loaded.graph.macs()))
    }

    // -- hearing -----------------------------------------------------------------------------------------------

    fn hear(self, incoming: Incoming) {
        match incoming {
            Incoming::Up => {
                let device = self.inputs.device.get_untracked();
                self.ask(Job::Hello, Command::Hello { version: VERSION, device });
            }
            Incoming::Event(envelope, blobs) => self.take(envelope, blobs),
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
            Event::Done | Event::Cancelled => self.finish(id, job),
            Event::Failed { error } => {
                self.error.set(Some(error));
                self.finish(id, job);
            }
            Event::DeviceLost { error } => self.restart(&error),
            Event::Exported { files, report } => {
                let named =
                    files.into_iter().filter_map(|file| Some((file.name, blobs.get(file.data.0 as usize)?.clone())));
                let saved = save::zip(&report, named.collect());
                if let Err(error) = saved {
                    self.error.set(Some(error));
                }
            }
            event => {
                let turn = Turn::of(&event);
                if let (Turn::Level, Some(Job::Step), Event::Level(level)) = (turn, job, &event) {
                    self.follow(level.recipe.as_ref());
                }
                match self.facts.apply(event, &blobs) {
                    Ok(()) => self.go_on(turn, job),
                    Err(sentence) => self.error.set(Some(sentence)),
                }
            }
        }
    }

    /// What follows from the news.
    fn go_on(&self, turn: Turn, job: Option<Job>) {
        match turn {
            Turn::Ready if job == Some(Job::Device) => self.rest_soon(),
            Turn::Ready => {
                self.engine.set(Engine::Ready);
                self.load_wanted();
            }
            Turn::Loaded => self.opened(),
            Turn::Level => self.cut(),
            Turn::Other => {}
        }
    }

    fn opened(&self) {
        self.desk.update_value(|desk| {
            desk.crashes = 0;
            desk.pictured.clear();
            if let Some((name, files)) = desk.loading.take() {
                desk.files = files;
                self.inputs.model.set(name);
            }
        });
        if self.recipe.with_untracked(|recipe| !matches!(recipe, Some(Ok(_)))) {
            self.mend_recipe();
        }
        self.prune(false);
    }

    /// A link may ask for a method or a value that does not exist: say so and go on with the defaults.
    fn mend_recipe(&self) {
        let wrong = match self.recipe.get_untracked() {
            Some(Err(error)) => error.to_string(),
            _ => format!("There is no method {:?} here.", self.inputs.method.get_untracked()),
        };
        self.error.set(Some(format!("The link could not be followed: {wrong}")));
        let known = self.facts.ready.with_untracked(|ready| {
            ready.as_ref().and_then(|ready| ready.methods.last()).map(|card| card.id.to_string())
        });
        self.inputs.values.set(Default::default());
        if let (Some(id), None) = (known, self.card.get_untracked()) {
            self.inputs.method.set(id);
        }
    }

    /// New masks hold.
    fn cut(&self) {
        let was_recorded = self.facts.recorded.get_untracked();
        self.facts.recorded.set(false);
        let digest = self.facts.digest();
        let known = self.desk.with_value(|desk| desk.pictured == digest);
        if was_recorded || !known {
            self.desk.update_value(|desk| desk.pictured = digest);
            self.predict_test();
            self.predict_drawn();
            self.ask(Job::Masks, Command::Heat { params: self.params(), kind: HeatKind::Mask, side: TILE_CELLS });
            if let Some(param) = self.zoomed.get_untracked() {
                let kind = HeatKind::Mask;
                self.ask(Job::ZoomMask, Command::Heat { params: vec![param], kind, side: FINE_CELLS });
            }
        }
        self.rest_soon();
    }

    /// Once nothing has moved for a while: what takes longer.
    fn rest_soon(&self) {
        let app = *self;
        let rest = Timeout::new(REST_MS, move || {
            app.picture_values();
            app.picture_zoomed();
            if budget::measures_by_itself(app.macs()) {
                app.measure();
            }
        });
        self.desk.update_value(|desk| desk.rest = Some(rest));
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
        self.send(next.flatten());
        if job == Some(Job::Prune) && last && self.desk.with_value(|desk| desk.settle) {
            self.prune(false);
        }
    }

    /// Ends the engine and starts a fresh one, which opens the same model and makes the same cut.
    fn restart(self, why: &str) {
        self.progress.set(None);
        let crashes = self.desk.try_update_value(|desk| {
            desk.crashes += 1;
            (desk.transport, desk.rest) = (None, None);
            desk.lanes.clear();
            desk.crashes
        });
        let why = if why.is_empty() { "no reason was given" } else { why };
        if crashes.unwrap_or(MOST_CRASHES) < MOST_CRASHES {
            self.error.set(Some(format!(
                "The engine stopped ({why}). A fresh one is starting with the same model and recipe; if it happens again, choose the CPU at the top."
            )));
            self.start_engine();
        } else {
            let again =
                format!("The engine keeps stopping ({why}). Reload the page, or choose the CPU at the top and reload.");
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
    Other,
}

impl Turn {
    fn of(event: &Event) -> Self {
        match event {
            Event::Ready { .. } => Self::Ready,
            Event::Loaded(_) => Self::Loaded,
            Event::Level(_) => Self::Level,
            _ => Self::Other,
        }
    }
}
