use std::collections::BTreeMap;

use secateur_graph::groups::Group;
use secateur_graph::surgery::Removal;

use super::UnitCut;

/// Units in the order in which they go, and how many of each group may go at once.
pub struct Ranked<'a> {
    groups: &'a [Group],
    cut: &'a UnitCut,
    /// For each group that takes part, the units that may go, first those that must, then by rising score.
    orders: BTreeMap<usize, Vec<u32>>,
    /// For groups that compete, of which group each of all their units is, lowest relative score first.
    together: Option<Vec<usize>>,
}

impl<'a> Ranked<'a> {
    /// Equal scores go by the lower unit, of the earlier group.
    pub fn new(groups: &'a [Group], scores: &BTreeMap<usize, Vec<f32>>, cut: &'a UnitCut) -> Self {
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
            all.into_iter().map(|(_, group)| group).collect()
        });
        Self { groups, cut, orders: scores.iter().map(order).collect(), together }
    }

    /// What goes when about this share of the units does, 0 to 1: of every group as many as is legal and nearest.
    pub fn removal(&self, share: f64) -> Removal {
        let groups = self.orders.iter().map(|(at, order)| (*at, self.lowest(*at, order, share)));
        groups.filter(|(_, units)| !units.is_empty()).collect()
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
                let first = (share * together.len() as f64).round() as usize;
                together.iter().take(first).filter(|of| **of == at).count() as f64
            }
            None => share * self.groups[at].units as f64,
        };
        wanted.max(wishes.remove.get(&at).map_or(0, Vec::len) as f64)
    }

    /// The lowest units of a group, of each bin as many, about so many in all.
    fn lowest(&self, at: usize, order: &[u32], share: f64) -> Vec<u32> {
        let group = &self.groups[at];
        let wanted = self.wanted(at, share);
        let fits = |gone: &usize| *gone == 0 || (group.units - gone).is_multiple_of(self.cut.multiple);
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
}
