//! What Torch-Pruning found, from `tests/golden/groups/*.json`; `groups.py` beside them says how they are written.

use std::collections::BTreeSet;

use serde_json::Value;

/// An entry of an axis of a tensor: the tensor's name and the axis as the checkpoint has them, and the place.
pub type Cell<'a> = (&'a str, usize, usize);

/// A group of theirs.
pub struct Theirs<'a> {
    /// The tensor at whose entries the group was asked for.
    pub root: &'a str,
    /// What goes with those entries; once, where several say the same.
    pub entries: Vec<BTreeSet<Cell<'a>>>,
    pub at_once: AtOnce,
    /// Whether their cut makes the model's answers smaller.
    pub output: bool,
}

/// How many entries they cut at once.
#[derive(Clone, Copy)]
pub enum AtOnce {
    One,
    /// Those of a head, of which there are so many for queries and for keys.
    Heads {
        queries: usize,
        keys: usize,
    },
    /// The same places of all groups of a GroupNorm; none where this many did not leave its groups as they were.
    Places(Option<usize>),
}

/// The file of a golden.
pub fn read(golden: &str) -> Value {
    let path = format!("{}/../../tests/golden/groups/{golden}.json", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}; run groups.py {golden}"));
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// The groups of a file.
pub fn groups(file: &Value) -> Vec<Theirs<'_>> {
    file["groups"].as_array().unwrap().iter().map(group).collect()
}

fn group(json: &Value) -> Theirs<'_> {
    let mut entries = vec![BTreeSet::new(); number(&json["size"])];
    for member in json["members"].as_array().unwrap() {
        let (param, axis) = (member["param"].as_str().unwrap(), number(&member["axis"]));
        for (root, at) in index(member.get("index"), entries.len()) {
            entries[root].insert((param, axis, at));
        }
    }
    let once: BTreeSet<_> = entries.into_iter().collect();
    Theirs {
        root: json["root"]["param"].as_str().unwrap(),
        entries: once.into_iter().collect(),
        at_once: at_once(json),
        output: json.get("output").is_some(),
    }
}

fn at_once(json: &Value) -> AtOnce {
    if let Some(heads) = json["heads"].as_object() {
        let counts = || heads.values().map(number);
        return AtOnce::Heads { queries: counts().max().unwrap(), keys: counts().min().unwrap() };
    }
    match json.get("channel_groups") {
        Some(groups) => AtOnce::Places((json["check"] == "equal").then(|| number(groups))),
        None => AtOnce::One,
    }
}

/// A member's `index` as (entry of the root, entry of the member).
fn index(runs: Option<&Value>, size: usize) -> Vec<(usize, usize)> {
    let Some(runs) = runs else { return (0..size).map(|at| (at, at)).collect() };
    let mut found = Vec::new();
    for run in runs.as_array().unwrap() {
        let field = |key: &str, default: usize| run.get(key).map_or(default, number);
        let (root, first, each) = (field("root", 0), field("first", 0), field("each", 1));
        let stride = field("stride", each);
        for at in 0..field("count", size) {
            found.extend((0..each).map(|place| (root + at, first + at * stride + place)));
        }
    }
    found
}

fn number(json: &Value) -> usize {
    json.as_u64().unwrap() as usize
}
