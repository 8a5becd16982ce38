//! The groups of the open model, what is gone of them, and which unit is looked at.

use std::collections::BTreeSet;
use std::sync::Arc;

use leptos::prelude::*;
use secateur_graph::groups::{Group, UnitKind};
use secateur_graph::surgery::{Removal, Statistics, Surgery};
use secateur_protocol::{Card, Loaded, Value, Values};

use crate::by_hand::{ByHand, Place};
use crate::facts::Facts;
use crate::plan;
use crate::slices::{self, Band, Left};
use crate::state::Inputs;

/// A group by its place in the graph's list, and one of its units.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pick {
    pub group: usize,
    pub unit: Option<u32>,
}

/// What can only be cut together.
#[derive(Clone, Copy)]
pub struct Structure {
    facts: Facts,
    pub groups: Memo<Arc<Vec<Group>>>,
    /// What is looked at; set by hand, and the first group when the open model has no such unit.
    pub picked: RwSignal<Pick>,
    pub pick: Memo<Pick>,
    /// Units that are gone.
    pub removal: Memo<Arc<Removal>>,
    /// The smaller model; none while nothing is gone.
    pub cut: Memo<Option<Arc<Surgery>>>,
    /// What the controls say of single units; nothing while they cut no units.
    pub by_hand: Memo<ByHand>,
    /// What stays of a group is a multiple of this.
    multiple: Memo<usize>,
    /// Parameters that lose something with the unit looked at.
    pub touched: Memo<BTreeSet<u32>>,
}

impl Structure {
    pub fn new(inputs: Inputs, facts: Facts, card: Memo<Option<Card>>) -> Self {
        let groups = Memo::new(move |_| {
            let groups = |loaded: &Loaded| loaded.graph.groups_with(&loaded.vocabulary);
            facts.loaded.with(|loaded| Arc::new(loaded.as_ref().map_or_else(Vec::new, |loaded| groups(loaded))))
        });
        let picked = RwSignal::new(Pick::default());
        let pick = Memo::new(move |_| {
            let Pick { group, unit } = picked.get();
            let units = groups.with(|groups| groups.get(group).map(|group| group.units));
            let there = |units: usize| Pick { group, unit: unit.filter(|unit| (*unit as usize) < units) };
            units.map_or_else(Pick::default, there)
        });
        let removal = Memo::new(move |_| {
            facts.level.with(|level| {
                Arc::new(level.as_ref().map_or_else(Removal::new, |level| {
                    level.removed.iter().map(|gone| (gone.group as usize, gone.units.clone())).collect()
                }))
            })
        });
        let cut = Memo::new(move |_| {
            let removal = removal.get();
            let cut = |graph: &secateur_graph::Graph| graph.cut(&groups.get(), &removal, Statistics::Kept).ok();
            let loaded = facts.loaded.get().filter(|_| !removal.is_empty())?;
            cut(&loaded.graph).map(Arc::new)
        });
        let by_hand = Memo::new(move |_| {
            let cuts_units =
                |values: &Values| card.with(|card| card.as_ref().is_some_and(|card| plan::cuts_units(card, values)));
            inputs.values.with(|values| if cuts_units(values) { ByHand::read(values) } else { ByHand::default() })
        });
        let multiple = Memo::new(move |_| {
            let value = |card: &Card| {
                let field = card.field(plan::MULTIPLE)?;
                inputs.values.with(|values| plan::is_used(card, field, values).then(|| plan::value(field, values)))
            };
            match card.with(|card| value(card.as_ref()?)) {
                Some(Value::Number(multiple)) => multiple as usize,
                _ => 1,
            }
        });
        let touched = Memo::new(move |_| {
            let Pick { group, unit } = pick.get();
            let touched = |unit| groups.with(|groups| groups.get(group).map(|group| slices::touched(group, unit)));
            unit.and_then(touched).into_iter().flatten().collect()
        });
        Self { facts, groups, picked, pick, removal, cut, by_hand, multiple, touched }
    }

    /// Something in the open model can go as a whole.
    pub fn has_units(&self) -> bool {
        self.groups.with(|groups| !groups.is_empty())
    }

    /// Kinds that the open model has.
    pub fn kinds(&self) -> Vec<UnitKind> {
        let has = |kind: &UnitKind| self.groups.with(|groups| groups.iter().any(|group| group.kind == *kind));
        UnitKind::ALL.into_iter().filter(has).collect()
    }

    /// Something of a group and what the controls say of it; none where there is no such group.
    pub fn at<T>(&self, at: usize, read: impl FnOnce(Place, &ByHand) -> T) -> Option<T> {
        let multiple = self.multiple.get();
        self.groups.with(|groups| {
            let place = Place { at, group: groups.get(at)?, multiple };
            Some(self.by_hand.with(|by_hand| read(place, by_hand)))
        })
    }

    /// How many units of a group are gone.
    pub fn gone(&self, at: usize) -> usize {
        self.removal.with(|removal| removal.get(&at).map_or(0, Vec::len))
    }

    /// For each unit of a group whether it is gone.
    pub fn is_gone(&self, at: usize) -> Vec<bool> {
        let units = self.groups.with(|groups| groups.get(at).map_or(0, |group| group.units));
        let mut is_gone = vec![false; units];
        self.removal.with(|removal| {
            for unit in removal.get(&at).into_iter().flatten() {
                if let Some(gone) = is_gone.get_mut(*unit as usize) {
                    *gone = true;
                }
            }
        });
        is_gone
    }

    /// What a cut leaves of a parameter; none while it is whole.
    pub fn left(&self, param: u32) -> Option<Left> {
        self.cut.with(|cut| self.facts.loaded.with(|loaded| Left::of(&loaded.as_ref()?.graph, cut.as_ref()?, param)))
    }

    /// Looks at the unit that a place of a parameter's matrix belongs to, of the kind looked at if it can be.
    pub fn pick_owner(&self, param: u32, place: (f64, f64)) {
        let pick = untrack(|| {
            let kind = self.at(self.pick.get().group, |place, _| place.group.kind)?;
            self.groups.with(|groups| {
                self.facts.loaded.with(|loaded| slices::owner(groups, kind, &loaded.as_ref()?.graph, param, place))
            })
        });
        if let Some((group, unit)) = pick {
            self.picked.set(Pick { group, unit: Some(unit) });
        }
    }

    /// The bands of a parameter that go with the unit looked at: where they are in the whole matrix, or in what is left.
    pub fn bands(&self, param: u32, left: Option<&Left>) -> Vec<Band> {
        let Pick { group, unit } = self.pick.get();
        let bands = |unit| {
            self.groups.with(|groups| {
                let group = groups.get(group)?;
                self.facts.loaded.with(|loaded| Some(slices::bands(group, unit, &loaded.as_ref()?.graph, param, left)))
            })
        };
        unit.and_then(bands).unwrap_or_default()
    }
}
