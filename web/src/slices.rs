//! What a cut leaves of a matrix, and which bands of it belong to a unit. Pure functions; positions are 0 to 1.

use secateur_graph::groups::{Group, Member, UnitKind};
use secateur_graph::surgery::Surgery;
use secateur_graph::{Graph, ParamId};

/// The rows and columns of a matrix that are left after surgery.
#[derive(Clone, Debug, PartialEq)]
pub struct Left {
    rows: Side,
    cols: Side,
}

/// One side: entries that stay, in rising order, of how many.
#[derive(Clone, Debug, PartialEq)]
struct Side {
    kept: Vec<usize>,
    of: usize,
}

/// Rows (or columns) of a matrix from one position to another; of what is gone only the seam is left.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Band {
    pub rows: bool,
    pub from: f64,
    pub to: f64,
}

impl Left {
    /// None for a parameter that the cut leaves whole.
    pub fn of(graph: &Graph, cut: &Surgery, param: u32) -> Option<Self> {
        let dims = &graph.params.get(param as usize)?.dims;
        let slices = cut.params.iter().find(|slices| slices.from == ParamId(param));
        let side = |axis: usize| {
            let of = dims.get(axis).map_or(1, |dim| dim.size);
            let kept = slices.map_or_else(Vec::new, |slices| match slices.kept.get(axis) {
                Some(Some(kept)) => kept.clone(),
                _ => (0..of).collect(),
            });
            Side { kept, of }
        };
        let left = Self { rows: side(0), cols: side(1) };
        (!left.is_whole()).then_some(left)
    }

    fn is_whole(&self) -> bool {
        [&self.rows, &self.cols].iter().all(|side| side.kept.len() == side.of)
    }

    /// The new height and width, of the old ones.
    pub fn sizes(&self) -> (f64, f64) {
        (self.rows.share(), self.cols.share())
    }

    /// Where a place in what is left lies in the whole matrix.
    pub fn whole(&self, y: f64, x: f64) -> (f64, f64) {
        (self.rows.whole(y), self.cols.whole(x))
    }
}

impl Side {
    fn share(&self) -> f64 {
        self.kept.len() as f64 / self.of.max(1) as f64
    }

    fn whole(&self, at: f64) -> f64 {
        let entry = at * self.kept.len() as f64;
        let old = self.kept.get(entry as usize).or(self.kept.last()).copied().unwrap_or(0);
        (old as f64 + entry.fract()) / self.of.max(1) as f64
    }

    /// Where an edge before an old entry lies now.
    fn now(&self, edge: usize) -> f64 {
        self.kept.partition_point(|kept| *kept < edge) as f64 / self.kept.len().max(1) as f64
    }
}

/// The bands of a parameter that go with a unit, in the whole matrix or in what is left of it.
pub fn bands(group: &Group, unit: u32, graph: &Graph, param: u32, left: Option<&Left>) -> Vec<Band> {
    let id = ParamId(param);
    if let Some(skip) = group.skips.get(unit as usize) {
        let all = Band { rows: true, from: 0.0, to: 1.0 };
        return if skip.params.contains(&id) { vec![all] } else { Vec::new() };
    }
    let members = group.members.iter().filter(|member| member.param == id && member.axis < 2);
    members
        .flat_map(|member| {
            let (rows, of) = (member.axis == 0, graph.param(id).dims[member.axis].size);
            let now = move |edge: usize| match left {
                Some(left) => if rows { &left.rows } else { &left.cols }.now(edge),
                None => edge as f64 / of.max(1) as f64,
            };
            let band = move |(from, to)| Band { rows, from: now(from), to: now(to) };
            runs(member.entries(unit)).into_iter().map(band)
        })
        .collect()
}

/// Neighbours as one run: [from, to).
fn runs(entries: impl Iterator<Item = usize>) -> Vec<(usize, usize)> {
    let mut runs: Vec<(usize, usize)> = Vec::new();
    for at in entries {
        match runs.last_mut().filter(|(_, end)| *end == at) {
            Some((_, end)) => *end = at + 1,
            None => runs.push((at, at + 1)),
        }
    }
    runs
}

/// The group and unit that a place of a parameter's matrix belongs to, 0 to 1 each way; of several the first of the kind that is
/// preferred.
pub fn owner(
    groups: &[Group],
    prefer: UnitKind,
    graph: &Graph,
    param: u32,
    (y, x): (f64, f64),
) -> Option<(usize, u32)> {
    let of = |group: &Group| {
        let members = group.members.iter().filter(|member| member.param.0 == param && member.axis < 2);
        let unit = |member: &Member| {
            let size = graph.param(member.param).dims[member.axis].size;
            let at = if member.axis == 0 { y } else { x };
            *member.unit_of.get(((at * size as f64) as usize).min(size.saturating_sub(1)))?
        };
        members.filter_map(unit).next()
    };
    let owners = groups.iter().enumerate().filter_map(|(at, group)| Some((group.kind != prefer, at, of(group)?)));
    owners.min().map(|(_, at, unit)| (at, unit))
}

/// Parameters that lose something with a unit.
pub fn touched(group: &Group, unit: u32) -> Vec<u32> {
    let members = group.members.iter().filter(|member| member.entries(unit).next().is_some());
    let skipped = group.skips.get(unit as usize).into_iter().flat_map(|skip| &skip.params);
    members.map(|member| member.param.0).chain(skipped.map(|id| id.0)).collect()
}

#[cfg(test)]
mod tests {
    use secateur_graph::Builder;
    use secateur_graph::ops::{Activation, Input, Linear};
    use secateur_graph::surgery::{Removal, Statistics};

    use super::*;

    /// 4 inputs, 8 neurons, 2 answers.
    fn mlp() -> Graph {
        let mut g = Builder::default();
        let x = g.add("x", Input::new(&[4]), &[]).unwrap();
        let x = g.add("up", Linear::new(4, 8, true), &[x]).unwrap();
        let x = g.add("act", Activation::Relu, &[x]).unwrap();
        let x = g.add("down", Linear::new(8, 2, true), &[x]).unwrap();
        g.finish(x)
    }

    fn param(graph: &Graph, name: &str) -> u32 {
        graph.find_param(name).unwrap().0
    }

    #[test]
    fn a_neurons_bands_are_a_row_above_and_a_column_below() {
        let graph = mlp();
        let group = &graph.groups()[0];
        let of = |name: &str| bands(group, 2, &graph, param(&graph, name), None);
        assert_eq!(of("up.weight"), [Band { rows: true, from: 0.25, to: 0.375 }]);
        assert_eq!(of("down.weight"), [Band { rows: false, from: 0.25, to: 0.375 }]);
        assert!(of("down.bias").is_empty());
        assert!(touched(group, 2).contains(&param(&graph, "up.bias")));
    }

    #[test]
    fn what_is_left_maps_onto_what_was() {
        let graph = mlp();
        let groups = graph.groups();
        let cut = graph.cut(&groups, &Removal::from([(0, vec![0, 1, 2, 5])]), Statistics::Kept).unwrap();
        let up = Left::of(&graph, &cut, param(&graph, "up.weight")).unwrap();
        assert_eq!(up.sizes(), (0.5, 1.0));
        // Rows 3, 4, 6, 7 are left: the third of them is row 6.
        assert_eq!(up.whole(0.5, 0.25), (6.0 / 8.0, 0.25));
        assert_eq!(Left::of(&graph, &cut, param(&graph, "down.bias")), None);
        let gone = bands(&groups[0], 5, &graph, param(&graph, "up.weight"), Some(&up));
        assert_eq!(gone, [Band { rows: true, from: 0.5, to: 0.5 }], "a seam between rows 4 and 6");
        let there = bands(&groups[0], 6, &graph, param(&graph, "up.weight"), Some(&up));
        assert_eq!(there, [Band { rows: true, from: 0.5, to: 0.75 }]);
    }

    #[test]
    fn a_place_belongs_to_the_unit_whose_band_covers_it() {
        let graph = mlp();
        let groups = graph.groups();
        let owner = |name: &str, place| owner(&groups, UnitKind::Heads, &graph, param(&graph, name), place);
        assert_eq!(owner("up.weight", (0.3, 0.9)), Some((0, 2)));
        assert_eq!(owner("down.weight", (0.9, 1.0)), Some((0, 7)));
        for unit in 0..8 {
            let Band { from, to, .. } = bands(&groups[0], unit, &graph, param(&graph, "up.weight"), None)[0];
            assert_eq!(owner("up.weight", ((from + to) / 2.0, 0.0)), Some((0, unit)));
        }
    }

    #[test]
    fn neighbours_are_one_run() {
        assert_eq!(runs([1, 2, 3, 7].into_iter()), [(1, 4), (7, 8)]);
        assert!(runs(std::iter::empty()).is_empty());
    }
}
