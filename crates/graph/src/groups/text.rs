use super::{Group, UnitKind};
use crate::Graph;

/// The whole modules that all names start with: `blocks.2` of `blocks.2.q.weight` and `blocks.2.o.weight`.
pub(super) fn common<'a>(mut names: impl Iterator<Item = &'a str>) -> String {
    let Some(first) = names.next() else { return String::new() };
    let mut shared: Vec<&str> = first.split('.').collect();
    shared.pop();
    for name in names {
        let same = shared.iter().zip(name.split('.')).take_while(|(a, b)| **a == *b).count();
        shared.truncate(same);
    }
    shared.join(".")
}

/// `3`, `3..5`, `3..5, 9` for entries in rising order; ends belong to it.
pub fn ranges(entries: impl Iterator<Item = usize>) -> String {
    let mut runs: Vec<(usize, usize)> = Vec::new();
    for at in entries {
        match runs.last_mut() {
            Some((_, end)) if *end + 1 == at => *end = at,
            _ => runs.push((at, at)),
        }
    }
    let run = |(start, end): &(usize, usize)| if start == end { start.to_string() } else { format!("{start}..{end}") };
    runs.iter().map(run).collect::<Vec<_>>().join(", ")
}

impl Group {
    /// A unit in words: `head 3 of blocks.2: rows 96..127 of q_proj, k_proj, v_proj; columns 96..127 of o_proj`.
    /// A bias goes with its weight's rows and is not told.
    pub fn describe(&self, graph: &Graph, unit: u32) -> String {
        if let Some(skip) = self.skips.get(unit as usize) {
            let params: usize = skip.params.iter().map(|id| graph.param(*id).len()).sum();
            let names = skip.params.iter().map(|id| graph.param(*id).name.as_str());
            let names: Vec<&str> = names.filter_map(|name| name.strip_suffix(".weight")).collect();
            return format!("{}: {} parameters of {}", skip.name, crate::grouped(params as u64), names.join(", "));
        }
        let name = |at: usize| graph.param(self.members[at].param).name.as_str();
        let tokens = self.kind == UnitKind::Tokens;
        let place = if tokens { String::new() } else { common((0..self.members.len()).map(name)) };
        let mut parts: Vec<(String, Vec<&str>)> = Vec::new();
        for (at, member) in self.members.iter().enumerate() {
            let param = graph.param(member.param);
            let (one, many) = match (param.dims.len(), member.axis) {
                (1, _) if param.name.ends_with(".bias") => continue,
                (1, _) => ("entry", "entries"),
                (_, 0) => ("row", "rows"),
                (4, 1) => ("input channel", "input channels"),
                _ => ("column", "columns"),
            };
            let entries: Vec<usize> = member.entries(unit).collect();
            let what = if entries.len() == 1 { one } else { many };
            let slice = format!("{what} {}", ranges(entries.into_iter()));
            let short = name(at).strip_prefix(&place).unwrap_or(name(at)).trim_start_matches('.');
            let short = short.strip_suffix(".weight").unwrap_or(short);
            let short = if short.is_empty() || short == "weight" { name(at) } else { short };
            match parts.iter_mut().find(|(other, _)| *other == slice) {
                Some((_, names)) => names.push(short),
                None => parts.push((slice, vec![short])),
            }
        }
        let parts: Vec<String> =
            parts.iter().map(|(slice, names)| format!("{slice} of {}", names.join(", "))).collect();
        let at = if self.kind == UnitKind::Width || place.is_empty() { String::new() } else { format!(" of {place}") };
        let one = if tokens { self.vocabulary.name(unit) } else { format!("{} {unit}", self.kind.one()) };
        format!("{one}{at}: {}", parts.join("; "))
    }
}
