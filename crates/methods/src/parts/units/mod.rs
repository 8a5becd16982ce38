//! Cuts of whole units: heads, neurons, channels, layers. A criterion's scores of single weights are lifted to units, the
//! lowest go, and a budget says how many.

mod budget;
mod score;
mod share;
mod wishes;

use std::collections::{BTreeMap, BTreeSet};

use secateur_graph::groups::{Group, UnitKind};
use secateur_graph::surgery::{CutError, Removal, Statistics};
use secateur_graph::{Mask, Masks};
use secateur_protocol::{Card, Recipe};

use super::fields::Values;
use crate::lab::Source;
use crate::{Lab, MethodError};

pub(super) use budget::Budget;
use share::Ranked;
pub(super) use share::lowest;
pub(crate) use wishes::Wishes;

/// Which units go, and how many.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct UnitCut {
    kinds: Vec<UnitKind>,
    budget: Budget,
    /// Units of all groups compete, by scores relative to their group's mean; else every group loses the same share.
    global: bool,
    /// What stays of a group is a multiple of this where its size allows.
    multiple: usize,
    wishes: Wishes,
    statistics: Statistics,
}

/// Kinds of units as the `units` field lists them.
pub(super) const UNITS: [&str; 12] = [
    UnitKind::Neurons.word(),
    UnitKind::Heads.word(),
    "heads,neurons",
    "heads,width",
    "heads,channels",
    UnitKind::KvGroups.word(),
    UnitKind::HeadDims.word(),
    UnitKind::Channels.word(),
    UnitKind::Width.word(),
    UnitKind::SubLayers.word(),
    UnitKind::Blocks.word(),
    UnitKind::Tokens.word(),
];

impl UnitCut {
    /// None where the recipe's pattern is another one.
    pub fn read(card: &Card, recipe: &Recipe) -> Result<Option<Self>, MethodError> {
        let values = Values { card, recipe };
        if values.text("pattern")? != "unit" {
            return Ok(None);
        }
        let units = values.text("units")?;
        let named = |kind: &UnitKind| units.split(',').any(|word| word == kind.word());
        Ok(Some(Self {
            kinds: UnitKind::ALL.into_iter().filter(named).collect(),
            budget: Budget::read(&values)?,
            global: values.text("share")? == "global",
            multiple: (values.number("multiple")? as usize).max(1),
            wishes: Wishes::read(&values)?,
            statistics: match values.text("norms")?.as_str() {
                "recomputed" => Statistics::Recomputed,
                _ => Statistics::Kept,
            },
        }))
    }

    /// A share of the units of these kinds.
    pub fn share(kinds: Vec<UnitKind>, share: f64, global: bool, wishes: Wishes) -> Self {
        Self { kinds, budget: Budget::Units(share), global, multiple: 1, wishes, statistics: Statistics::Kept }
    }

    /// What norms measure when features go.
    pub fn statistics(&self) -> Statistics {
        self.statistics
    }

    /// What goes, by the place of each group in the graph's list, and what the user should know.
    pub async fn choose(&self, lab: &mut Lab<'_>, source: &Source) -> Result<(Removal, Vec<String>), MethodError> {
        let groups = lab.graph.groups_with(lab.vocabulary);
        let wished: BTreeSet<usize> = self.wishes.groups().collect();
        if let Some(group) = wished.iter().find(|group| **group >= groups.len()) {
            return Err(CutError::NoGroup { group: *group, groups: groups.len() }.into());
        }
        for (at, units) in &self.wishes.remove {
            groups[*at].check_needed(units).map_err(CutError::from)?;
        }
        // What only single units are wished of needs its scores too: they say which others go with them.
        let takes_part = |at: &usize| self.kinds.contains(&groups[*at].kind) || wished.contains(at);
        let places: Vec<usize> = (0..groups.len()).filter(takes_part).collect();
        if places.is_empty() {
            return Err(nothing_to_cut(&self.kinds, &groups));
        }
        let mut scores = BTreeMap::new();
        for (done, at) in places.iter().enumerate() {
            lab.tick(done, places.len(), secateur_protocol::Unit::Layers).await?;
            scores.insert(*at, score::units(lab, source, *at, &groups[*at]).await?);
        }
        let ranked = Ranked::new(&groups, &scores, self, |group| source.criterion.lift.cost(lab.graph, group));
        self.budget.meet(lab, &groups, &ranked).await
    }
}

/// The model has none of these kinds of units.
pub(crate) fn nothing_to_cut(kinds: &[UnitKind], groups: &[Group]) -> MethodError {
    let there = UnitKind::ALL.into_iter().filter(|kind| groups.iter().any(|group| group.kind == *kind));
    let words = |kinds: Vec<UnitKind>| kinds.into_iter().map(UnitKind::word).collect::<Vec<_>>().join(", ");
    MethodError::NoUnits { wanted: words(kinds.to_vec()), there: words(there.collect()) }
}

/// Masks of all that goes with a removal, and full ones for the other prunable parameters.
pub(crate) fn masks(lab: &Lab<'_>, removal: &Removal) -> Result<Masks, MethodError> {
    let mut masks = lab.graph.unit_masks(&lab.graph.groups(), removal)?;
    for id in lab.graph.prunable() {
        if masks.get(id).is_none() {
            masks.set(lab.graph, id, Mask::full(lab.graph.param(id).len()))?;
        }
    }
    Ok(masks)
}
