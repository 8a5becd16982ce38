//! What a sweep runs: a grid, written in TOML.

use std::collections::BTreeMap;
use std::path::Path;

use secateur_protocol::{Recipe, Value, fnv1a};
use serde::Deserialize;

use crate::Result;

/// A sweep as its file has it. Tables that it does not know are somebody else's: acceptance tests keep their claims beside it.
#[derive(Debug, Deserialize)]
pub struct Plan {
    /// As on the command line: `builtin:ID`, a file or a folder.
    pub models: Vec<String>,
    #[serde(default = "one_seed")]
    pub seeds: Vec<u64>,
    /// Quality is the perplexity on this text; else what the model is usually measured by.
    pub eval_text: Option<String>,
    /// Settings that every method gets, one run for each combination.
    #[serde(default)]
    pub grid: BTreeMap<String, Vec<toml::Value>>,
    #[serde(rename = "method")]
    pub methods: Vec<Entry>,
}

/// One line in the curves.
#[derive(Debug, Deserialize)]
pub struct Entry {
    /// What it is called; else the method's id.
    name: Option<String>,
    method: String,
    #[serde(default)]
    set: BTreeMap<String, toml::Value>,
    /// The grid says nothing about these settings of it.
    #[serde(default)]
    without: Vec<String>,
}

/// One run.
#[derive(Clone, Debug, PartialEq)]
pub struct Run {
    pub name: String,
    pub model: String,
    pub recipe: Recipe,
    pub eval_text: Option<String>,
}

fn one_seed() -> Vec<u64> {
    vec![0]
}

impl Plan {
    pub fn read(path: &Path) -> Result<Self> {
        let failed = |error: &dyn std::fmt::Display| format!("{}: {error}", path.display());
        let text = std::fs::read_to_string(path).map_err(|error| failed(&error))?;
        let plan: Self = toml::from_str(&text).map_err(|error| failed(&error.to_string().trim_end()))?;
        if plan.models.is_empty() || plan.methods.is_empty() || plan.seeds.is_empty() {
            return Err(failed(&"wanted at least one model, one [[method]] and one seed").into());
        }
        Ok(plan)
    }

    /// All runs: for each model each method, each point of the grid, each seed.
    pub fn runs(&self) -> Result<Vec<Run>> {
        let mut runs = Vec::new();
        for model in &self.models {
            for entry in &self.methods {
                for point in self.points(entry) {
                    let set: Result<BTreeMap<String, Value>> = entry
                        .set
                        .iter()
                        .chain(&point)
                        .map(|(key, value)| Ok((key.clone(), setting(key, value)?)))
                        .collect();
                    let set = set?;
                    runs.extend(self.seeds.iter().map(|seed| Run {
                        name: entry.name.clone().unwrap_or_else(|| entry.method.clone()),
                        model: model.clone(),
                        recipe: Recipe { method: entry.method.clone(), values: set.clone(), seed: *seed },
                        eval_text: self.eval_text.clone(),
                    }));
                }
            }
        }
        Ok(runs)
    }

    /// Every combination of the grid's values.
    fn points(&self, entry: &Entry) -> Vec<BTreeMap<String, toml::Value>> {
        let axes = self.grid.iter().filter(|(key, _)| !entry.without.contains(key));
        axes.fold(vec![BTreeMap::new()], |points, (key, values)| {
            let with = |point: BTreeMap<String, toml::Value>| {
                values.iter().map(move |value| {
                    let mut point = point.clone();
                    point.insert(key.clone(), value.clone());
                    point
                })
            };
            points.into_iter().flat_map(with).collect()
        })
    }
}

impl Run {
    /// Names the run: the same model, recipe and text have the same id.
    pub fn id(&self) -> String {
        let of = format!("{}\n{}\n{}", self.model, self.recipe.canonical(), self.eval_text.as_deref().unwrap_or(""));
        format!("{:016x}", fnv1a(of.as_bytes()))
    }

    /// What `secateur` is called with.
    pub fn arguments(&self) -> Vec<String> {
        let Recipe { method, values, seed } = &self.recipe;
        let mut arguments: Vec<String> =
            ["--json", "prune", &self.model, "--method", method, "--seed"].map(String::from).into();
        arguments.push(seed.to_string());
        for (key, value) in values {
            arguments.extend(["--set".to_string(), format!("{key}={value}")]);
        }
        if let Some(text) = &self.eval_text {
            arguments.extend(["--eval-text".to_string(), text.clone()]);
        }
        arguments
    }
}

fn setting(key: &str, value: &toml::Value) -> Result<Value> {
    Ok(match value {
        toml::Value::Integer(number) => Value::Number(*number as f64),
        toml::Value::Float(number) => Value::Number(*number),
        toml::Value::String(text) => Value::Text(text.clone()),
        other => return Err(format!("{key} = {other}: wanted a number or a word").into()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(text: &str) -> Plan {
        toml::from_str(text).unwrap()
    }

    const TWO: &str = r#"
        models = ["builtin:digits-cnn"]
        seeds = [1, 2]
        [grid]
        sparsity = [0.5, 0.9]
        pattern = ["unstructured", "n:m"]
        [[method]]
        method = "magnitude"
        [[method]]
        name = "wanda, 8 samples"
        method = "wanda"
        set = { samples = 8 }
        without = ["pattern"]
        [[claim]]
        says = "not ours"
    "#;

    #[test]
    fn a_grid_is_walked_whole() {
        let runs = plan(TWO).runs().unwrap();
        assert_eq!(runs.len(), 2 * 2 * 2 + 2 * 2);
        let told: Vec<String> = runs.iter().map(|run| format!("{} {}", run.name, run.recipe.canonical())).collect();
        assert_eq!(told[0], "magnitude method=magnitude&seed=1&pattern=unstructured&sparsity=0.5");
        assert_eq!(told[11], "wanda, 8 samples method=wanda&seed=2&samples=8&sparsity=0.9");
        let ids: std::collections::BTreeSet<String> = runs.iter().map(Run::id).collect();
        assert_eq!(ids.len(), runs.len(), "each run has an id of its own");
        assert_eq!(
            runs[11].arguments().join(" "),
            "--json prune builtin:digits-cnn --method wanda --seed 2 --set samples=8 --set sparsity=0.9"
        );
    }

    #[test]
    fn a_setting_that_is_neither_number_nor_word_is_named() {
        let wrong = plan("models = ['m']\n[[method]]\nmethod = 'x'\nset = { on = true }");
        assert_eq!(wrong.runs().unwrap_err().to_string(), "on = true: wanted a number or a word");
    }
}
