//! Our dependency groups beside those that Torch-Pruning (Fang et al., 2023, "DepGraph") finds in the same models.

mod differences;
mod theirs;

use std::collections::{BTreeMap, BTreeSet};

use secateur_graph::groups::{Group, UnitKind};
use secateur_graph::{Graph, Op};

use super::goldens::{golden, goldens};
use differences::{ALL, DIFFERENCES};
use theirs::{AtOnce, Cell, Theirs};

/// A group of theirs, by its number, and an entry of it.
type Entry = (usize, usize);

/// What became of a golden's groups.
struct Compared {
    theirs: Side,
    ours: Side,
    /// Roots of theirs and names of ours that the other side has not.
    differ: BTreeSet<String>,
}

/// How many groups there are, and how many of them the other side has too.
struct Side {
    groups: usize,
    equal: usize,
}

/// For each unit of a group, what goes with it.
fn units<'a>(graph: &'a Graph, group: &Group) -> Vec<BTreeSet<Cell<'a>>> {
    let mut units = vec![BTreeSet::new(); group.units];
    for member in &group.members {
        let param = graph.param(member.param);
        let axis = if param.transposed { 1 - member.axis } else { member.axis };
        for (at, unit) in member.unit_of.iter().enumerate() {
            if let Some(unit) = unit {
                units[*unit as usize].insert((param.name.as_str(), axis, at));
            }
        }
    }
    units
}

/// The entries of theirs that a unit of ours is made of; none where these take other slices along, or ours ties too many.
fn made_of(graph: &Graph, group: &Group, unit: &BTreeSet<Cell>, theirs: &[Theirs]) -> Option<BTreeSet<Entry>> {
    // With Torch-Pruning what multiplies two tensors ties them: queries that share keys do not go without those.
    let slots: BTreeSet<_> = unit.iter().map(|(param, axis, _)| (*param, *axis)).collect();
    let told = |cell: &Cell| group.bins.is_none() || slots.contains(&(cell.0, cell.1));
    let (mut entries, mut closed) = (BTreeSet::new(), BTreeSet::new());
    let mut counts = BTreeMap::<usize, usize>::new();
    for (at, theirs) in theirs.iter().enumerate() {
        for (entry, cells) in theirs.entries.iter().enumerate().filter(|(_, cells)| !cells.is_disjoint(unit)) {
            closed.extend(cells.iter().copied().filter(told));
            entries.insert((at, entry));
            *counts.entry(at).or_default() += 1;
        }
    }
    let alone = counts.len() == 1;
    let fits = counts.into_iter().all(|(at, count)| may_tie(graph, group.kind, &theirs[at], count, alone));
    (closed == *unit && fits).then_some(entries)
}

/// Whether a unit may tie so many entries of a group of theirs, and others beside that group's.
fn may_tie(graph: &Graph, kind: UnitKind, theirs: &Theirs, count: usize, alone: bool) -> bool {
    // A rotary embedding mixes two places of a head, which Torch-Pruning does not see.
    let mixed = if graph.nodes.iter().any(|node| matches!(node.op, Op::Rotary(_))) { 2 } else { 1 };
    let size = theirs.entries.len();
    match (theirs.at_once, kind) {
        // Groups of a GroupNorm over a concatenation reach across its parts.
        (AtOnce::Places(groups), _) => groups.is_none_or(|groups| count == groups),
        _ if !alone => false,
        (AtOnce::One, _) => count == 1,
        (AtOnce::Heads { queries, .. }, UnitKind::Heads) => count == size / queries,
        (AtOnce::Heads { keys, .. }, UnitKind::KvGroups) => count == size / keys,
        (AtOnce::Heads { queries, .. }, _) => count == queries * mixed,
    }
}

fn compare(graph: &Graph, theirs: &[Theirs]) -> Compared {
    let mut groups = graph.groups();
    // Torch-Pruning cuts features only.
    groups.retain(|group| group.skips.is_empty() && group.kind != UnitKind::Tokens);
    let (mut found, mut ours, mut differ) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
    for group in &groups {
        let units = units(graph, group);
        let entries: Option<Vec<_>> = units.iter().map(|unit| made_of(graph, group, unit, theirs)).collect();
        match entries {
            Some(entries) => found.extend(entries.into_iter().flatten()),
            None => _ = differ.insert(group.name()),
        }
        ours.extend(units.into_iter().flatten());
    }
    let ours_equal = groups.len() - differ.len();
    let is_found = |at: &usize| (0..theirs[*at].entries.len()).all(|entry| found.contains(&(*at, entry)));
    let (equal, missing): (Vec<_>, Vec<_>) = (0..theirs.len()).partition(is_found);
    // What the model answers keeps its size with us.
    let is_answer = |group: &Theirs| group.output && group.entries.iter().all(|cells| cells.is_disjoint(&ours));
    let missing = missing.into_iter().map(|at| &theirs[at]).filter(|group| !is_answer(group));
    differ.extend(missing.map(|group| group.root.to_string()));
    if theirs.is_empty() {
        differ = BTreeSet::from([ALL.to_string()]);
    }
    Compared {
        theirs: Side { groups: theirs.len(), equal: equal.len() },
        ours: Side { groups: groups.len(), equal: ours_equal },
        differ,
    }
}

/// Both sides tie the same slices, in every golden. What differs is what [`DIFFERENCES`] explains, no more and no less.
#[test]
fn groups_are_torch_prunings() {
    let told = DIFFERENCES.iter().flat_map(|(golden, _, names)| names.iter().map(move |name| (*golden, *name)));
    let mut told: BTreeSet<(String, String)> = told.map(|(golden, name)| (golden.into(), name.into())).collect();
    let (mut wrong, mut alike) = (Vec::new(), BTreeSet::new());
    println!("{:<24} theirs equal explained   ours equal explained", "golden");
    for name in goldens() {
        let file = theirs::read(&name);
        let Compared { theirs, ours, differ } = compare(&golden(&name).graph, &theirs::groups(&file));
        let row = |side: Side| format!("{:>6} {:>5} {:>9}", side.groups, side.equal, side.groups - side.equal);
        println!("{name:<24} {} {}", row(theirs), row(ours));
        if differ.is_empty() {
            alike.insert(file["model"].as_str().unwrap().to_string());
        }
        let entries = differ.into_iter().map(|group| (name.clone(), group));
        wrong.extend(entries.filter(|entry| !told.remove(entry)));
    }
    println!("without a difference: {} architectures, {alike:?}", alike.len());
    assert!(wrong.is_empty(), "not as Torch-Pruning has them, and not explained: {wrong:#?}");
    assert!(told.is_empty(), "explained, but no different: {told:#?}");
    assert!(alike.len() >= 12, "{alike:?}");
}
