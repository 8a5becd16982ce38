//! What a sweep has measured, a line of JSON for each run, so that it can be stopped at any time and gone on with.

use std::collections::BTreeMap;
use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use secateur_protocol::Value;
use serde::{Deserialize, Serialize};

use super::plan::Run;
use crate::Result;

/// One run's line.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Measured {
    pub id: String,
    /// The line of the curves that it belongs to.
    pub name: String,
    pub model: String,
    pub settings: BTreeMap<String, Value>,
    pub seed: u64,
    /// What `secateur --json prune` said; none where it failed.
    pub report: Option<serde_json::Value>,
    /// Why it failed.
    pub error: Option<String>,
}

/// The file of results.
pub struct Results {
    path: PathBuf,
    pub lines: Vec<Measured>,
}

impl Results {
    /// Those of an earlier run, if there are any. The end of a line that was being written when somebody stopped it counts for
    /// nothing.
    pub fn open(path: &Path) -> Result<Self> {
        let failed = |error: std::io::Error| format!("could not read {}: {error}", path.display());
        let text = if path.exists() { std::fs::read_to_string(path).map_err(failed)? } else { String::new() };
        let mut lines = Vec::new();
        for (at, line) in text.split_inclusive('\n').enumerate().filter(|(_, line)| line.ends_with('\n')) {
            let read =
                serde_json::from_str(line).map_err(|error| format!("{} line {}: {error}", path.display(), at + 1));
            lines.push(read?);
        }
        Ok(Self { path: path.into(), lines })
    }

    /// A run that was measured; failed ones are tried again.
    pub fn of(&self, run: &Run) -> Option<&Measured> {
        let id = run.id();
        self.lines.iter().rev().find(|line| line.id == id && line.report.is_some())
    }

    pub fn add(&mut self, line: Measured) -> Result {
        let failed = |error: std::io::Error| format!("could not write {}: {error}", self.path.display());
        let mut file = OpenOptions::new().create(true).append(true).open(&self.path).map_err(failed)?;
        let text = serde_json::to_string(&line)? + "\n";
        file.write_all(text.as_bytes()).map_err(failed)?;
        self.lines.push(line);
        Ok(())
    }
}

impl Measured {
    /// A number of the report, by its name there.
    pub fn number(&self, key: &str) -> Option<f64> {
        self.report.as_ref()?.get(key)?.as_f64()
    }

    /// The share of the prunable weights, or of the parameters where the model became smaller, that is left.
    pub fn left(&self) -> Option<f64> {
        let (left, total) = (self.number("params_left")?, self.number("params_total")?);
        let zeros = self.number("sparsity_prunable").unwrap_or(0.0);
        Some(if left < total { left / total } else { 1.0 - zeros })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sweep_that_was_stopped_goes_on_where_it_was() {
        let folder = std::env::temp_dir().join(format!("secateur-sweep-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let path = folder.join("results.jsonl");
        let recipe = secateur_protocol::Recipe { method: "magnitude".into(), values: Default::default(), seed: 3 };
        let run = Run { name: "a".into(), model: "m".into(), recipe, eval_text: None };
        let line = |report| Measured {
            id: run.id(),
            name: "a".into(),
            model: "m".into(),
            settings: BTreeMap::new(),
            seed: 3,
            report,
            error: None,
        };
        let mut results = Results::open(&path).unwrap();
        results.add(line(None)).unwrap();
        assert!(results.of(&run).is_none(), "a failed run is tried again");
        results.add(line(Some(serde_json::json!({ "metric_pruned": 0.5 })))).unwrap();
        let mut text = std::fs::read_to_string(&path).unwrap();
        text.push_str("{\"id\": \"half a li");
        std::fs::write(&path, text).unwrap();
        let again = Results::open(&path).unwrap();
        assert_eq!(again.of(&run).and_then(|line| line.number("metric_pruned")), Some(0.5));
        std::fs::remove_dir_all(folder).unwrap();
    }
}
