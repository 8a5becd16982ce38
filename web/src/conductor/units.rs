//! Cuts of whole units: what is decided by hand, what each group can lose, and who could open the result.

use leptos::prelude::*;
use secateur_protocol::{Command, Format, Value};

use crate::by_hand::{ByHand, FIELDS, Fate, Place};
use crate::lanes::Job;
use crate::plan;
use crate::sensitivity::Sweep;
use crate::state::App;

impl App {
    /// The method can cut whole units, and the engine is there to do it.
    pub fn can_cut_units(&self) -> bool {
        self.is_live() && self.card.with(|card| card.as_ref().is_some_and(|card| card.field(FIELDS[0]).is_some()))
    }

    /// Decides about a unit, or leaves it to the method again, and cuts.
    pub fn decide(&self, group: usize, unit: u32, fate: Option<Fate>) {
        self.by_hand(group, false, |hand, place| hand.decide(place, unit, fate));
    }

    /// Lets so many units of a group go, or as many as the method wants. `moving`: the slider is under way.
    pub fn set_count(&self, group: usize, count: Option<usize>, moving: bool) {
        self.by_hand(group, moving, |hand, place| {
            match count {
                Some(count) => hand.counts.insert(place.at, count),
                None => hand.counts.remove(&place.at),
            };
            Ok(())
        });
    }

    fn by_hand(&self, group: usize, moving: bool, change: impl FnOnce(&mut ByHand, Place) -> Result<(), String>) {
        if !untrack(|| self.can_cut_units()) {
            return;
        }
        let changed = untrack(|| {
            self.structure.at(group, |place, by_hand| {
                let mut hand = by_hand.clone();
                change(&mut hand, place).map(|()| (hand, place.group.kind.word()))
            })
        });
        match changed {
            Some(Ok((hand, kind))) => {
                let already = untrack(|| self.cuts_units());
                self.inputs.values.update(|values| {
                    if !already {
                        plan::cut_units(values, kind);
                    }
                    hand.write(values);
                });
                self.prune(moving);
            }
            Some(Err(sentence)) => self.error.set(Some(sentence)),
            None => {}
        }
    }

    /// Units of which the open model has none are no choice: the first kind that it has takes their place.
    pub(super) fn mend_units(&self) {
        let kinds = untrack(|| self.structure.kinds());
        let cut = untrack(|| self.cuts_units());
        let units = self.card.with_untracked(|card| {
            let field = card.as_ref()?.field(plan::UNITS)?;
            Some(self.inputs.values.with_untracked(|values| plan::value(field, values).to_string()))
        });
        let missing = units.is_some_and(|units| !plan::names_some(&units, &kinds));
        if let (true, Some(first)) = (cut && missing, kinds.first()) {
            self.inputs
                .values
                .update(|values| drop(values.insert(plan::UNITS.into(), Value::Text(first.word().into()))));
        }
    }

    /// What was decided by hand is about one model's groups: another model starts without.
    pub(super) fn forget_hand(&self) {
        self.inputs.values.update(|values| ByHand::default().write(values));
    }

    /// Cuts each group of the kind that is looked at by itself and measures what is left.
    pub fn sweep(&self) {
        let kind = untrack(|| self.structure.at(self.structure.pick.get().group, |place, _| place.group.kind.word()));
        let recipe = kind.and_then(|kind| {
            self.card.with_untracked(|card| {
                let mut values = self.inputs.values.get_untracked();
                plan::cut_units(&mut values, kind);
                FIELDS.iter().for_each(|key| drop(values.remove(*key)));
                plan::recipe(card.as_ref()?, &values, self.inputs.seed.get_untracked()).ok()
            })
        });
        if let Some(recipe) = recipe {
            self.facts.sweep.set(Sweep::default());
            self.make(Job::Sweep, Command::Sweep { recipe });
        }
    }

    pub fn stop_sweep(&self) {
        self.forget_wish(Some(Job::Sweep));
        self.stop(Job::Sweep);
    }

    /// Asks who could open an export of what is left now.
    pub fn ask_who_opens(&self) {
        self.ask(Job::Verdict, Command::Verdict);
    }

    pub fn export(&self, format: Format) {
        self.facts.exported.set(None);
        self.ask(Job::Export, Command::Export { format });
    }
}
