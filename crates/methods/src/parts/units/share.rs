use std::collections::BTreeMap;

use secateur_graph::groups::Group;
use secateur_graph::surgery::Removal;

use super::UnitCut;

/// Units in the order in which they go, and how many of each group may go at once.
pub struct Ranked<'a> {
    groups: &'a [Group],
    cut: &'a UnitCut,
    scores: &'a BTreeMap<usize, Vec<f32>>,
    /// For each group that takes part, the units that may go, first those that must, then by rising score.
    orders: BTreeMap<usize, Vec<u32>>,
    /// For groups that compete, of which group each of all their units is, lowest relative score first, and which share of
    /// all costs has gone when half of that unit has.
    together: Option<Vec<(usize, f64)>>,
}

impl<'a> Ranked<'a> {
    /// Equal scores go by the lower unit, of the earlier group. `cost`: what a unit of a group counts where groups compete.
    pub fn new(
        groups: &'a [Group],
        scores: &'a BTreeMap<usize, Vec<f32>>,
        cut: &'a UnitCut,
        cost: impl Fn(&Group) -> f64,
    ) -> Self {
        let order = |(group, scores): (&usize, &Vec<f32>)| {
            let may_go = |unit: &u32| !cut.wishes.stays(*group, *unit) && !groups[*group].is_needed(*unit);
            let mut order: Vec<u32> = (0..scores.len() as u32).filter(may_go).collect();
            order.sort_by(|a, b| scores[*a as usize].total_cmp(&scores[*b as usize]));
            order.sort_by_key(|unit| !cut.wishes.goes(*group, *unit));
            (*group, order)
        };
        let together = cut.global.then(|| {
            let all = scores.iter().flat_map(|(group, scores)| scores.iter().map(|score| (*score, *group)));
            let mut all: Vec<(f32, usize)> = all.collect();
            all.sort_by(|a, b| a.0.total_cmp(&b.0));
            let costs: Vec<f64> = all.iter().map(|(_, at)| cost(&groups[*at])).collect();
            let total: f64 = costs.iter().sum();
            let mut gone = 0.0;
            let shares = costs.into_iter().map(|cost| {
                gone += cost;
                (gone - cost / 2.0) / total
            });
            all.iter().map(|(_, group)| *group).zip(shares).collect()
        });
        Self { groups, cut, scores, orders: scores.iter().map(order).collect(), together }
    }

    /// What goes when about this share of the units does, 0 to 1: of every group as many as is legal and nearest.
    pub fn removal(&self, share: f64) -> Removal {
        let groups = self.orders.iter().map(|(at, order)| (*at, self.lowest(*at, order, share)));
        groups.filter(|(_, units)| !units.is_empty()).collect()
    }

    /// Groups that get units back when less is removed, first the one with the highest relative score among these units. Groups
    /// that lose the same share go together, all of one kind and size.
    pub fn returning(&self, more: &Removal, less: &Removal) -> Vec<Vec<usize>> {
        let mut together: BTreeMap<_, (f32, Vec<usize>)> = BTreeMap::new();
        for (at, scores) in self.scores {
            let stays = |unit: &&u32| !less.get(at).is_some_and(|gone| gone.contains(unit));
            let back = more.get(at).into_iter().flatten().filter(stays);
            if let Some(highest) = back.map(|unit| scores[*unit as usize]).max_by(f32::total_cmp) {
                let Group { kind, units, .. } = self.groups[*at];
                let entry =
                    together.entry((self.cut.global.then_some(at), kind, units)).or_insert((highest, Vec::new()));
                entry.0 = entry.0.max(highest);
                entry.1.push(*at);
            }
        }
        let mut together: Vec<_> = together.into_values().collect();
        together.sort_by(|a, b| b.0.total_cmp(&a.0));
        together.into_iter().map(|(_, groups)| groups).collect()
    }

    /// How many units of a group are to go, if any number were legal.
    fn wanted(&self, at: usize, share: f64) -> f64 {
        let wishes = &self.cut.wishes;
        if let Some(count) = wishes.counts.get(&at) {
            return *count as f64;
        }
        let wanted = match &self.together {
            _ if !self.cut.kinds.contains(&self.groups[at].kind) => 0.0,
            Some(together) => {
                together.iter().take_while(|(_, gone)| *gone <= share).filter(|(of, _)| *of == at).count() as f64
            }
            None => share * self.groups[at].units as f64,
        };
        wanted.max(wishes.remove.get(&at).map_or(0, Vec::len) as f64)
    }

    /// The units of a group that go when this share of all does.
    fn lowest(&self, at: usize, order: &[u32], share: f64) -> Vec<u32> {
        lowest(&self.groups[at], order, self.wanted(at, share), self.cut.multiple)
    }
}

/// The first units of an order, of each bin as many, in all about `wanted` or the nearest number that is legal. What stays is a
/// multiple of `multiple`.
pub fn lowest(group: &Group, order: &[u32], wanted: f64, multiple: usize) -> Vec<u32> {
    let fits = |gone: &usize| *gone == 0 || (group.units - gone).is_multiple_of(multiple);
    let far = |gone: &usize| (*gone as f64 - wanted).abs();
    let nearest = group.legal_counts().filter(fits).min_by(|a, b| far(a).total_cmp(&far(b)));
    let each = nearest.unwrap_or(0) / group.bin_count();
    let mut taken = vec![0; group.bin_count()];
    let mut units = order.to_vec();
    units.retain(|unit| {
        let taken = &mut taken[group.bin(*unit)];
        *taken += 1;
        *taken <= each
    });
    units.sort_unstable();
    units
}
