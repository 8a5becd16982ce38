//! Methods that learn: begun by hand, watched, steered, and offered again when a tab was closed in the middle.

use leptos::prelude::*;
use secateur_protocol::{Command, Level, Need, Steer};

use crate::lanes::Job;
use crate::state::App;
use crate::training::Training;
use crate::unfinished::Unfinished;
use crate::{links, share};

/// At the first of every so many looks it is remembered how far it is.
const REMEMBERED_EVERY: u64 = 10;

impl App {
    /// The chosen method learns: it is begun by hand and not by the slider.
    pub fn learns(&self) -> bool {
        self.card.with(|card| card.as_ref().is_some_and(|card| card.needs(Need::Training)))
    }

    /// A method is learning now.
    pub fn is_learning(&self) -> bool {
        self.busy.with(|busy| busy.contains(&Job::Learn))
    }

    /// There is something to learn, to watch or to take up again.
    pub fn trains(&self) -> bool {
        self.learns() || self.is_learning() || self.unfinished.with(Option::is_some)
    }

    /// Lets the chosen method learn as the controls say.
    pub fn learn(&self) {
        self.mend_units();
        let Some(Ok(recipe)) = self.recipe.get_untracked() else { return };
        self.facts.training.set(Training::default());
        let shown = self.inputs.steer.with_untracked(|steer| steer.sample.is_some());
        self.inputs.steer.set(Steer { sample: shown.then(|| self.prompt()), ..Steer::default() });
        self.make_room();
        self.desk.update_value(|desk| desk.rest = None);
        self.ask(Job::Learn, Command::Prune { recipe, amend: false });
        self.steer(|_| {});
        self.remember();
    }

    /// Changes how the method that learns goes on.
    pub fn steer(&self, change: impl FnOnce(&mut Steer)) {
        self.inputs.steer.update(change);
        let steer = self.inputs.steer.get_untracked();
        let about = self.desk.try_update_value(|desk| desk.lanes.about(Job::Learn, |of| Command::Steer { of, steer }));
        self.send(about.flatten());
    }

    /// Whether to show what the model answers while it learns.
    pub fn show_trials(&self, shown: bool) {
        self.steer(|steer| steer.sample = shown.then(|| self.prompt()));
    }

    /// The text that a language model goes on with.
    fn prompt(&self) -> String {
        self.inputs.writing.with_untracked(|writing| writing.prompt.clone())
    }

    /// Ends what is being learnt and keeps it: it becomes a step of the history. What is asked for next follows it.
    pub fn end_learning(&self) {
        if self.is_asked(Job::Learn) {
            self.steer(|steer| steer.stop = true);
        }
    }

    /// Ends what is being learnt and keeps nothing.
    pub fn drop_learning(&self) {
        self.stop(Job::Learn);
    }

    /// Learning was told of: it ends when the loss has risen above the line.
    pub(super) fn look_at_learning(&self) {
        let crossed = self
            .inputs
            .line
            .get_untracked()
            .is_some_and(|line| self.facts.training.with_untracked(|training| training.has_crossed(line)));
        if crossed && !self.inputs.steer.get_untracked().stop {
            self.end_learning();
        }
        if self.facts.training.with_untracked(|training| training.looks % REMEMBERED_EVERY == 1) {
            self.remember();
        }
    }

    /// Nothing is cut yet when a model opens for a method that has to be begun by hand.
    pub(super) fn opened_to_learn(&self) {
        let dense =
            self.facts.loaded.with_untracked(|loaded| loaded.as_ref().map(|loaded| Level::dense(&loaded.graph)));
        self.facts.level.set(dense.map(Into::into));
        self.facts.recorded.set(false);
        match self.desk.try_update_value(|desk| std::mem::take(&mut desk.learn_next)) {
            Some(true) => self.learn(),
            _ => self.rest_soon(),
        }
    }

    /// Remembers what is being learnt, in case that this tab does not see its end.
    fn remember(&self) {
        let (Some(fragment), Some(card)) = (untrack(|| self.fragment()), self.card.get_untracked()) else { return };
        if self.is_asked(Job::Learn) {
            let (step, steps) = self.facts.training.with_untracked(|training| (training.step, training.steps));
            Unfinished { fragment, method: card.name.to_string(), step, steps }.store();
        }
    }

    pub fn forget_unfinished(&self) {
        Unfinished::forget();
        self.unfinished.set(None);
    }

    /// Puts the controls where they were and learns from the beginning.
    pub fn learn_again(self) {
        let Some(unfinished) = self.unfinished.get_untracked() else { return };
        let Ok(Some(shared)) = share::parse(&unfinished.fragment) else { return self.forget_unfinished() };
        let model = shared.page.model.clone();
        let open = model == self.inputs.model.get_untracked();
        if !open && !model.starts_with("builtin:") {
            let sentence =
                format!("It was learnt on the file {model}, which stays with its owner: drop it here, then go on.");
            return self.error.set(Some(sentence));
        }
        self.forget_unfinished();
        self.desk.update_value(|desk| desk.learn_next = !open);
        links::go_to(self, shared);
        if open {
            self.learn();
        }
    }
}
