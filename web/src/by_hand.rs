//! What is decided by hand about units: the recipe's `counts`, `remove` and `protect`, and where a group's slider stops.

use std::collections::{BTreeMap, BTreeSet};

use secateur_graph::groups::Group;
use secateur_protocol::{Value, Values, units_by_group};

const COUNTS: &str = "counts";
const REMOVE: &str = "remove";
const PROTECT: &str = "protect";

/// The fields that are written here and not typed into.
pub const FIELDS: [&str; 3] = [COUNTS, REMOVE, PROTECT];

/// Numbers by the place of their group in the graph's list.
type Lists = BTreeMap<usize, BTreeSet<u32>>;

/// What is to become of a unit in any case.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    Goes,
    Stays,
}

/// Wishes for single groups and units.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ByHand {
    /// How many units of a group go.
    pub counts: BTreeMap<usize, usize>,
    remove: Lists,
    protect: Lists,
}

/// A group, where it stands in the graph's list, and the number of which what stays is a multiple.
#[derive(Clone, Copy)]
pub struct Place<'a> {
    pub at: usize,
    pub group: &'a Group,
    pub multiple: usize,
}

impl ByHand {
    /// The fields' wishes; parts that cannot be read are left out here and told by the engine.
    pub fn read(values: &Values) -> Self {
        let lists = |key| values.get(key).map_or_else(Lists::new, |value| parsed(&value.to_string()));
        let counts = lists(COUNTS).into_iter().filter_map(|(at, counts)| Some((at, *counts.first()? as usize)));
        Self { counts: counts.collect(), remove: lists(REMOVE), protect: lists(PROTECT) }
    }

    /// Puts the wishes into the fields; a field without any is left out.
    pub fn write(&self, values: &mut Values) {
        let counts = self.counts.iter().map(|(at, count)| format!("{at}:{count}"));
        let texts = [counts.collect::<Vec<_>>().join(";"), written(&self.remove), written(&self.protect)];
        for (key, text) in FIELDS.into_iter().zip(texts) {
            match text.is_empty() {
                true => drop(values.remove(key)),
                false => drop(values.insert(key.into(), Value::Text(text))),
            }
        }
    }

    pub fn fate(&self, at: usize, unit: u32) -> Option<Fate> {
        let has = |lists: &Lists| lists.get(&at).is_some_and(|units| units.contains(&unit));
        match (has(&self.remove), has(&self.protect)) {
            (true, _) => Some(Fate::Goes),
            (_, true) => Some(Fate::Stays),
            _ => None,
        }
    }

    /// Decides about a unit, or leaves it to the method again, and sees to it that a legal number of units can go.
    ///
    /// # Errors
    /// A sentence when too few units would be left to choose from; nothing is changed then.
    pub fn decide(&mut self, place: Place, unit: u32, fate: Option<Fate>) -> Result<(), String> {
        let mut next = self.clone();
        let for_their_sake = next.least(place);
        next.forget(place.at, unit);
        match fate {
            Some(Fate::Goes) => drop(next.remove.entry(place.at).or_default().insert(unit)),
            Some(Fate::Stays) => drop(next.protect.entry(place.at).or_default().insert(unit)),
            None => {}
        }
        if !next.remove.contains_key(&place.at) && next.counts.get(&place.at) == Some(&for_their_sake) {
            next.counts.remove(&place.at);
        }
        next.fit(place)?;
        *self = next;
        Ok(())
    }

    fn forget(&mut self, at: usize, unit: u32) {
        for lists in [&mut self.remove, &mut self.protect] {
            lists.entry(at).or_default().remove(&unit);
            lists.retain(|_, units| !units.is_empty());
        }
    }

    /// Moves the number of units that go to the nearest that can.
    fn fit(&mut self, place: Place) -> Result<(), String> {
        let wanted = self.counts.get(&place.at).copied().unwrap_or_else(|| self.units(&self.remove, place.at).count());
        let stops = self.stops(place);
        let near = stops.iter().min_by_key(|stop| stop.abs_diff(wanted)).ok_or_else(|| self.conflict(place))?;
        if *near != wanted {
            self.counts.insert(place.at, *near);
        }
        Ok(())
    }

    fn conflict(&self, place: Place) -> String {
        let (least, most) = (self.least(place), self.most(place));
        let (units, one) = (place.group.units, place.group.kind.one());
        format!(
            "{}: at least {least} of {units} would have to go and at most {most} could; clear another {one} first.",
            place.group.name()
        )
    }

    fn units<'a>(&self, lists: &'a Lists, at: usize) -> impl Iterator<Item = u32> + use<'a> {
        lists.get(&at).into_iter().flatten().copied()
    }

    /// How many have to go so that those removed by hand do: of each bin as many as of the fullest.
    fn least(&self, place: Place) -> usize {
        let each = self.in_bins(place.group, self.units(&self.remove, place.at));
        each.iter().max().unwrap_or(&0) * each.len()
    }

    /// How many can go so that those protected stay, and one at least.
    fn most(&self, place: Place) -> usize {
        let all = self.in_bins(place.group, 0..place.group.units as u32);
        let stay = self.in_bins(place.group, self.units(&self.protect, place.at));
        let free = all.iter().zip(&stay).map(|(all, stay)| all - stay).min().unwrap_or(0) * all.len();
        place.group.legal_counts().last().unwrap_or(0).min(free)
    }

    fn in_bins(&self, group: &Group, units: impl Iterator<Item = u32>) -> Vec<usize> {
        let mut each = vec![0; group.bin_count()];
        units.filter(|unit| (*unit as usize) < group.units).for_each(|unit| each[group.bin(unit)] += 1);
        each
    }

    /// How many units of a group may go, in rising order.
    pub fn stops(&self, place: Place) -> Vec<usize> {
        let (least, most, multiple) = (self.least(place), self.most(place), place.multiple.max(1));
        let fits = |gone: &usize| *gone == 0 || (place.group.units - gone).is_multiple_of(multiple);
        place.group.legal_counts().filter(|gone| (least..=most).contains(gone)).filter(fits).collect()
    }

    /// Why the slider stops where it does, one sentence for each limit.
    pub fn why(&self, place: Place) -> Vec<String> {
        let Place { at, group, multiple } = place;
        let (bins, removed) = (group.bin_count(), self.units(&self.remove, at).count());
        let protected = self.units(&self.protect, at).count();
        let last = group.legal_counts().last().unwrap_or(0);
        let reasons = [
            (bins > 1).then(|| format!("Steps of {bins}: each of {bins} key/value groups has to lose as many.")),
            (multiple > 1).then(|| format!("What stays is a multiple of {multiple}.")),
            (removed > 0).then(|| format!("At least {}: {removed} removed by hand.", self.least(place))),
            (protected > 0 && self.most(place) < last)
                .then(|| format!("At most {}: {protected} protected.", self.most(place))),
            Some(match group.vocabulary.needed.len() {
                0 => format!("At most {last} of {}: something has to stay.", group.units),
                needed => format!("At most {last} of {}: texts cannot do without {needed} of them.", group.units),
            }),
        ];
        reasons.into_iter().flatten().collect()
    }
}

/// What can be read of a field.
fn parsed(text: &str) -> Lists {
    units_by_group(text).flatten().map(|(at, units)| (at, units.into_iter().collect())).collect()
}

fn written(lists: &Lists) -> String {
    let list = |(at, units): (&usize, &BTreeSet<u32>)| {
        let units: Vec<String> = units.iter().map(u32::to_string).collect();
        format!("{at}:{}", units.join(","))
    };
    lists.iter().map(list).collect::<Vec<_>>().join(";")
}

#[cfg(test)]
mod tests {
    use secateur_graph::groups::UnitKind;

    use super::*;

    /// Six heads that share two key and value heads.
    fn heads() -> Group {
        let bins = Some(vec![0, 0, 0, 1, 1, 1]);
        Group {
            kind: UnitKind::Heads,
            at: "attn".into(),
            units: 6,
            members: vec![],
            values: vec![],
            bins,
            skips: vec![],
            vocabulary: Default::default(),
        }
    }

    fn neurons() -> Group {
        Group { kind: UnitKind::Neurons, bins: None, ..heads() }
    }

    fn at(group: &Group) -> Place<'_> {
        Place { at: 3, group, multiple: 1 }
    }

    #[test]
    fn wishes_read_back_and_empty_fields_are_left_out() {
        let mut hand = ByHand { counts: [(0, 4), (7, 0)].into(), ..ByHand::default() };
        let neurons = neurons();
        hand.decide(at(&neurons), 5, Some(Fate::Goes)).unwrap();
        hand.decide(at(&neurons), 0, Some(Fate::Goes)).unwrap();
        let mut values = Values::from([("protect".to_string(), Value::Text("1:1".into()))]);
        hand.write(&mut values);
        let text = |key: &str| values.get(key).map(Value::to_string);
        assert_eq!((text("counts").as_deref(), text("remove").as_deref()), (Some("0:4;7:0"), Some("3:0,5")));
        assert_eq!(text("protect"), None);
        assert_eq!(ByHand::read(&values), hand);
        let odd = Values::from([("remove".to_string(), Value::Text("x;3:a;4:1".into()))]);
        assert_eq!(ByHand::read(&odd).fate(4, 1), Some(Fate::Goes));
    }

    #[test]
    fn a_head_that_shares_keys_takes_one_of_each_other_bin_along() {
        let heads = heads();
        let mut hand = ByHand::default();
        hand.decide(at(&heads), 1, Some(Fate::Goes)).unwrap();
        assert_eq!((hand.counts.get(&3), hand.stops(at(&heads))), (Some(&2), vec![2, 4]));
        hand.decide(at(&heads), 1, None).unwrap();
        assert_eq!(hand, ByHand::default(), "a number that was there for its sake goes with it");
    }

    #[test]
    fn the_slider_stops_only_where_cuts_are_legal() {
        let (heads, neurons) = (heads(), neurons());
        let mut hand = ByHand::default();
        assert_eq!(hand.stops(at(&heads)), [0, 2, 4]);
        assert_eq!(hand.stops(Place { multiple: 4, ..at(&neurons) }), [0, 2]);
        hand.decide(at(&heads), 0, Some(Fate::Stays)).unwrap();
        hand.decide(at(&heads), 2, Some(Fate::Stays)).unwrap();
        assert_eq!(hand.stops(at(&heads)), [0, 2]);
        for stop in hand.stops(at(&heads)) {
            assert!(heads.legal_counts().any(|legal| legal == stop));
        }
        let why = hand.why(at(&heads)).join(" ");
        assert!(why.contains("Steps of 2") && why.contains("At most 2: 2 protected"), "{why}");
    }

    #[test]
    fn what_cannot_be_is_a_sentence_and_changes_nothing() {
        let heads = heads();
        let mut hand = ByHand::default();
        for unit in [0, 1] {
            hand.decide(at(&heads), unit, Some(Fate::Goes)).unwrap();
        }
        let before = hand.clone();
        let said = hand.decide(at(&heads), 2, Some(Fate::Goes)).unwrap_err();
        assert!(said.contains("at least 6 of 6") && said.contains("at most 4"), "{said}");
        assert_eq!(hand, before);
        hand.decide(at(&heads), 0, Some(Fate::Stays)).unwrap();
        assert_eq!(hand.fate(3, 0), Some(Fate::Stays), "one fate at a time");
    }
}
