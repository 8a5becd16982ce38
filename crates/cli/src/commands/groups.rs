//! What of a model can only be cut together.

use secateur_graph::Graph;
use secateur_graph::groups::Group;
use serde_json::{Value, json};

use crate::args::GroupsArgs;
use crate::client::look;
use crate::progress::Progress;
use crate::{Answer, Result};

pub fn run(progress: Progress, args: GroupsArgs) -> Result<Answer> {
    let loaded = look(progress, &args.model)?;
    let graph = &loaded.graph;
    let groups = graph.groups_with(&loaded.vocabulary);
    if let Some(name) = &args.group {
        let found = groups.iter().find(|group| group.name() == *name);
        let names = || groups.iter().map(Group::name).collect::<Vec<_>>().join("; ");
        let group = found.ok_or_else(|| format!("there is no group {name:?}; there are: {}", names()))?;
        let units: Vec<String> = (0..group.units as u32).map(|unit| group.describe(graph, unit)).collect();
        return Ok(Answer { text: units.join("\n"), json: whole(graph, group) });
    }
    let mut text = format!("{}: {} groups of units that go together\n", loaded.model, groups.len());
    for group in &groups {
        text += &format!("\n{} ({})\n  {}\n", group.name(), legal(group), group.describe(graph, 0));
    }
    Ok(Answer { text, json: json!({ "groups": groups.iter().map(|group| brief(graph, group)).collect::<Vec<_>>() }) })
}

/// How many may go.
fn legal(group: &Group) -> String {
    match group.bin_count() {
        1 => match group.vocabulary.needed.len() {
            0 | 1 => format!("{} units, all but one may go", group.units),
            needed => format!("{} units, all but {needed} may go", group.units),
        },
        bins => format!("{} units, as many of each of {bins} key/value groups may go", group.units),
    }
}

fn brief(graph: &Graph, group: &Group) -> Value {
    json!({
        "group": group.name(),
        "kind": group.kind.word(),
        "units": group.units,
        "legal": group.legal_counts().collect::<Vec<_>>(),
        "first": group.describe(graph, 0),
    })
}

fn whole(graph: &Graph, group: &Group) -> Value {
    let member = |member: &secateur_graph::groups::Member| {
        let entries = |unit| member.entries(unit).collect::<Vec<_>>();
        let units = (0..group.units as u32).map(entries).collect::<Vec<_>>();
        json!({ "param": graph.param(member.param).name, "axis": member.axis, "entries": units })
    };
    let mut json = brief(graph, group);
    json["members"] = group.members.iter().map(member).collect();
    json["text"] = (0..group.units as u32).map(|unit| group.describe(graph, unit)).collect();
    json
}
