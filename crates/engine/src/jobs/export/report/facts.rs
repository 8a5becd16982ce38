//! What there is to tell about a cut.

use std::collections::BTreeMap;

use secateur_graph::groups::{Group, ranges};
use secateur_graph::surgery::Surgery;
use secateur_graph::{Param, ParamId, grouped};
use secateur_protocol::{Format, Recipe, Report, Timing, Verdict};

use super::costs::{Cost, costs, percent, why};
use super::samples::Samples;
use crate::checkpoint::Checkpoint;
use crate::history::Cut;
use crate::jobs::export::verdict::verdicts;

/// What a report is made from.
pub(super) struct Given<'a, F> {
    pub checkpoint: &'a Checkpoint<F>,
    pub cut: &'a Cut,
    /// What is left where whole units went.
    pub surgery: Option<&'a Surgery>,
    pub report: &'a Report,
    pub timing: Option<&'a Timing>,
    /// Bytes of an entry in the file, of each parameter.
    pub widths: Vec<u64>,
}

/// Everything that both writers tell, in words and figures.
pub(super) struct Facts {
    pub title: String,
    pub headline: String,
    pub about: Vec<(&'static str, String)>,
    /// A line for a shell, and the page's link for a model that comes along.
    pub repeat: Vec<(&'static str, String)>,
    pub notes: Vec<String>,
    pub costs: Vec<Cost>,
    pub why: String,
    /// Prunable ones, and others that lose something, in graph order.
    pub tensors: Vec<Tensor>,
    /// How many others there are, and their entries.
    pub whole: (usize, u64),
    pub groups: Vec<GroupCut>,
    pub samples: Samples,
    /// Of the formats that hold a model.
    pub verdicts: Vec<Verdict>,
}

/// A tensor before and after.
pub(super) struct Tensor {
    pub name: String,
    /// As its file has it: `128 × 64`, and `64 × 64` behind it where it became smaller.
    pub shape: String,
    pub entries: u64,
    pub kept: u64,
}

/// Units of a group that went.
pub(super) struct GroupCut {
    pub name: String,
    pub units: usize,
    /// In rising order.
    pub gone: Vec<u32>,
    /// Which ones, in words.
    pub which: String,
}

impl Facts {
    pub fn new<F>(given: &Given<'_, F>, samples: Samples) -> Self {
        let Given { checkpoint, cut, surgery, report, .. } = given;
        let model = &checkpoint.model;
        let (tensors, whole) = tensors(given);
        let groups = model.graph.groups();
        let mut verdicts = verdicts(model, *surgery);
        verdicts.retain(|verdict| verdict.format != Format::Report);
        Self {
            title: format!("{}, pruned by {}", short(&checkpoint.name), cut.recipe.method),
            headline: headline(report),
            about: vec![
                ("Model", checkpoint.name.clone()),
                ("What it is", model.verdict.clone()),
                ("Recipe", format!("{} ({})", cut.recipe.canonical(), cut.recipe.id())),
                ("Seed", cut.recipe.seed.to_string()),
                ("Masks", report.masks_digest.clone()),
                ("Measured on", report.device.clone()),
            ],
            repeat: repeat(&checkpoint.name, &cut.recipe),
            notes: cut.notes.clone(),
            costs: costs(given),
            why: why(given),
            tensors,
            whole,
            groups: cut.removal.iter().map(|(at, gone)| group(&groups[*at], gone)).collect(),
            samples,
            verdicts,
        }
    }
}

impl Facts {
    /// What is said of the tensors that are not listed, if there are any.
    pub fn whole_words(&self) -> Option<String> {
        let (count, entries) = self.whole;
        let entries = grouped(entries);
        match count {
            0 => None,
            1 => Some(format!("1 other tensor keeps all of its {entries} entries.")),
            _ => Some(format!("{count} other tensors keep all of their {entries} entries.")),
        }
    }
}

/// `digits-vit` of `builtin:digits-vit`, `model.safetensors` of a path.
fn short(name: &str) -> &str {
    let name = name.strip_prefix("builtin:").unwrap_or(name);
    name.rsplit(['/', '\\']).next().unwrap_or(name)
}

fn headline(report: &Report) -> String {
    let cut = format!(
        "{} of {} prunable weights are cut.",
        percent(report.sparsity_prunable),
        grouped(report.prunable_total)
    );
    if report.metric_samples == 0 {
        return cut;
    }
    let [dense, pruned] = [report.metric_dense, report.metric_pruned].map(|value| report.figure(value));
    format!("{cut} On {}: {} {pruned}, dense {dense}.", report.measured_on(), report.metric_name)
}

fn repeat(model: &str, recipe: &Recipe) -> Vec<(&'static str, String)> {
    let mut line = format!("secateur prune {} --method {}", quoted(model), quoted(&recipe.method));
    for (key, value) in &recipe.values {
        line += &format!(" --set {}", quoted(&format!("{key}={value}")));
    }
    line += &format!(" --seed {} -o pruned", recipe.seed);
    let link = model.starts_with("builtin:").then(|| format!("#{}&model={model}", recipe.canonical()));
    let link = link.map(|link| ("Behind the page's address", link));
    [("On the command line", line)].into_iter().chain(link).collect()
}

/// As a word for a POSIX shell.
fn quoted(word: &str) -> String {
    let plain = |char: char| char.is_ascii_alphanumeric() || "-_./:=,+@%".contains(char);
    if !word.is_empty() && word.chars().all(plain) { word.into() } else { format!("'{}'", word.replace('\'', r"'\''")) }
}

fn tensors<F>(given: &Given<'_, F>) -> (Vec<Tensor>, (usize, u64)) {
    let graph = &given.checkpoint.model.graph;
    let smaller: Option<BTreeMap<ParamId, &Param>> = given.surgery.map(|surgery| {
        let parts = surgery.params.iter().zip(&surgery.graph.params);
        parts.map(|(slices, param)| (slices.from, param)).collect()
    });
    let tensor = |id: ParamId| {
        let param = graph.param(id);
        let entries = param.len() as u64;
        let before = sizes(param);
        let (shape, kept) = match &smaller {
            None => (before, given.cut.masks.get(id).map_or(entries, |mask| mask.count_kept() as u64)),
            Some(smaller) => match smaller.get(&id) {
                None => (format!("{before} → gone"), 0),
                Some(left) if left.len() == param.len() => (before, entries),
                Some(left) => (format!("{before} → {}", sizes(left)), left.len() as u64),
            },
        };
        Tensor { name: param.name.clone(), shape, entries, kept }
    };
    let prunable: Vec<ParamId> = graph.prunable().collect();
    let all = graph.param_ids().map(|id| (prunable.contains(&id), tensor(id)));
    let (told, whole): (Vec<_>, Vec<_>) = all.partition(|(prunable, tensor)| *prunable || tensor.kept < tensor.entries);
    let entries = whole.iter().map(|(_, tensor)| tensor.entries).sum();
    (told.into_iter().map(|(_, tensor)| tensor).collect(), (whole.len(), entries))
}

fn sizes(param: &Param) -> String {
    param.stored_shape().iter().map(usize::to_string).collect::<Vec<_>>().join(" × ")
}

fn group(group: &Group, gone: &[u32]) -> GroupCut {
    let mut gone = gone.to_vec();
    gone.sort_unstable();
    let skipped: Vec<&str> =
        gone.iter().filter_map(|unit| Some(group.skips.get(*unit as usize)?.name.as_str())).collect();
    let which = if skipped.is_empty() { ranges(gone.iter().map(|unit| *unit as usize)) } else { skipped.join(", ") };
    GroupCut { name: group.name(), units: group.units, gone, which }
}

#[cfg(test)]
mod tests {
    use secateur_protocol::Value;

    use super::*;

    #[test]
    fn the_line_to_repeat_survives_a_shell() {
        let values =
            [("calibration".to_string(), Value::Text("it's $HOME.txt".into())), ("n".into(), Value::Number(2.0))];
        let recipe = Recipe { method: "wanda".into(), values: values.into(), seed: 7 };
        let said = repeat("my model; rm -r.safetensors", &recipe);
        let line = r"secateur prune 'my model; rm -r.safetensors' --method wanda --set 'calibration=it'\''s $HOME.txt' --set n=2 --seed 7 -o pruned";
        assert_eq!(said, [("On the command line", line.to_string())]);
        let link = &repeat("builtin:digits-vit", &recipe)[1].1;
        assert_eq!(link, "#method=wanda&seed=7&calibration=it%27s%20%24HOME.txt&n=2&model=builtin:digits-vit");
    }
}
