//! What follows a cut: at once what is cheap and on screen, after a rest what takes longer.

use gloo::timers::callback::Timeout;
use leptos::prelude::*;
use secateur_protocol::{Command, HeatKind, RequestId};

use crate::facts::{FINE_CELLS, TILE_CELLS};
use crate::lanes::Job;
use crate::state::App;
use crate::{budget, frames, share};

/// The slider rests when it has not moved for so long.
const REST_MS: u32 = 600;
/// While the slider moves, digits and masks are asked for at most this often.
const PICTURE_MS: f64 = 200.0;
/// What stops when the user does something.
const BACKGROUND: [Job; 10] = [
    Job::Evaluate,
    Job::Time,
    Job::Values,
    Job::ZoomValues,
    Job::Write,
    Job::Ask,
    Job::Paint,
    Job::Products,
    Job::Sweep,
    Job::Contrast,
];

impl App {
    /// New masks hold: what is on screen follows at once, the rest after a rest.
    pub(super) fn cut(&self, id: RequestId) {
        self.facts.recorded.set(false);
        let since = frames::now_ms() - self.desk.with_value(|desk| desk.pictured_ms);
        let passing = since < PICTURE_MS && self.desk.with_value(|desk| desk.lanes.is_superseded(id));
        if !passing && !self.is_known(Job::Masks) {
            self.picture_masks();
        }
        self.rest_soon();
    }

    fn picture_masks(&self) {
        self.desk.update_value(|desk| desk.pictured_ms = frames::now_ms());
        self.predict_test();
        self.predict_drawn();
        let kind = HeatKind::Mask;
        self.ask(Job::Masks, Command::Heat { params: self.params(), kind, side: TILE_CELLS });
        if let Some(param) = self.zoomed.get_untracked() {
            self.ask(Job::ZoomMask, Command::Heat { params: vec![param], kind, side: FINE_CELLS });
        }
    }

    /// Accuracy and times, where `wanted`: asked for by hand or after the slider rests.
    pub fn measure(&self, wanted: impl Fn(Job) -> bool) {
        let (batch, repeats) = budget::timing(self.macs());
        if wanted(Job::Evaluate) {
            self.ask(Job::Evaluate, Command::Evaluate);
        }
        if wanted(Job::Time) && untrack(|| self.runs()) {
            self.ask(Job::Time, Command::Time { batch, repeats });
        }
    }

    /// Stops what nobody is waiting for, so that what the user does is answered at once. It is taken up again
    /// after a rest.
    pub(super) fn make_room(&self) {
        if BACKGROUND.iter().any(|job| self.is_asked(*job)) {
            BACKGROUND.iter().for_each(|job| self.stop(*job));
            self.rest_soon();
        }
    }

    /// Once nothing has moved for a while: what takes longer and is not known yet for these masks.
    pub(super) fn rest_soon(&self) {
        let app = *self;
        let rest = Timeout::new(REST_MS, move || {
            if !app.is_known(Job::Masks) && !app.is_asked(Job::Masks) {
                app.picture_masks();
            }
            if !app.is_known(Job::Values) {
                app.picture_values();
            }
            if !app.is_known(Job::ZoomValues) {
                app.picture_zoomed();
            }
            app.make_again();
            if budget::measures_by_itself(app.macs(), untrack(|| app.tokens_at_once())) {
                app.measure(|job| !app.is_known(job));
            }
        });
        self.desk.update_value(|desk| desk.rest = Some(rest));
    }

    /// What the newest answer to a request is about: masks, view, matrix, device.
    pub(super) fn subject(&self, job: Job) -> String {
        let view = share::view_word(self.inputs.view.get_untracked());
        match job {
            Job::Values => format!("{view} {}", self.facts.cut()),
            Job::ZoomValues => format!("{view} {} {:?}", self.facts.cut(), self.zoomed.get_untracked()),
            Job::Evaluate | Job::Time => format!("{} {}", self.facts.cut(), self.device_name()),
            Job::Write | Job::Ask | Job::Paint => {
                format!("{} {} {:?}", self.facts.cut(), self.device_name(), self.wish(job))
            }
            // No cut changes them, and another device is not asked unless somebody wants it.
            Job::Products | Job::Sweep | Job::Contrast => format!("{:?}", self.wish(job)),
            _ => self.facts.cut(),
        }
    }

    fn wish(&self, job: Job) -> Option<Command> {
        self.desk.with_value(|desk| desk.wishes.get(&job).cloned())
    }

    fn device_name(&self) -> String {
        let ready = self.facts.ready.get_untracked();
        ready.map_or_else(String::new, |ready| ready.adapter.name.clone())
    }

    pub(super) fn is_asked(&self, job: Job) -> bool {
        self.desk.with_value(|desk| desk.lanes.in_flight(job).is_some())
    }

    pub(super) fn is_known(&self, job: Job) -> bool {
        let subject = self.subject(job);
        self.desk.with_value(|desk| desk.known.get(&job) == Some(&subject))
    }
}
