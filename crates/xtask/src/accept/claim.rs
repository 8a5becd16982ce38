use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

/// What is hoped of the runs of one name, by themselves or beside others of the same seed.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Claim {
    /// In words.
    pub says: String,
    /// The runs' name.
    run: String,
    /// Settings that they have.
    #[serde(default)]
    at: BTreeMap<String, Value>,
    /// A number of their report.
    #[serde(default = "quality")]
    metric: String,
    /// Runs that they are held against; `dense` is the model before.
    than: Option<String>,
    #[serde(default)]
    than_at: BTreeMap<String, Value>,
    /// How they are held against them.
    #[serde(default)]
    by: By,
    at_most: Option<f64>,
    at_least: Option<f64>,
    /// In so many seeds at least; else the mean over seeds counts.
    in_seeds: Option<usize>,
    /// What is to be said about it, below the table.
    pub note: Option<String>,
}

#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq)]
#[serde(rename_all = "lowercase")]
enum By {
    #[default]
    Ratio,
    Difference,
}

/// One run's line in a sweep's results.
#[derive(Clone, Debug, Deserialize)]
pub struct Line {
    name: String,
    settings: BTreeMap<String, Value>,
    seed: u64,
    report: Option<Value>,
}

fn quality() -> String {
    "metric_pruned".into()
}

impl Line {
    pub fn device(&self) -> Option<&str> {
        self.report.as_ref()?.get("device")?.as_str()
    }

    fn number(&self, key: &str) -> Option<f64> {
        self.report.as_ref()?.get(key)?.as_f64()
    }

    fn is(&self, name: &str, at: &BTreeMap<String, Value>) -> bool {
        let same = |(key, want): (&String, &Value)| self.settings.get(key).is_some_and(|got| equal(got, want));
        self.name == name && at.iter().all(same)
    }
}

/// Numbers are equal however they are written.
fn equal(a: &Value, b: &Value) -> bool {
    match (a.as_f64(), b.as_f64()) {
        (Some(a), Some(b)) => a == b,
        _ => a == b,
    }
}

impl Claim {
    /// One row of the table.
    pub fn row(&self, lines: &[Line]) -> String {
        let measured = self.measured(lines);
        let wanted = match (self.at_least, self.at_most) {
            (Some(least), Some(most)) => format!("{least} to {most}"),
            (Some(least), None) => format!("at least {least}"),
            (None, Some(most)) => format!("at most {most}"),
            (None, None) => "-".into(),
        };
        let each = self.in_seeds.map_or(String::new(), |seeds| format!(" in {seeds} seeds"));
        if measured.is_empty() {
            return format!("| {} | {wanted}{each} | not measured | 0 | - |\n", self.says);
        }
        let mean = mean(&measured);
        let least = measured.iter().copied().fold(f64::INFINITY, f64::min);
        let most = measured.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let holds = if self.holds(&measured) { "yes" } else { "**no**" };
        format!(
            "| {} | {wanted}{each} | {mean:.3} ({least:.3} to {most:.3}) | {} | {holds} |\n",
            self.says,
            measured.len()
        )
    }

    /// For each seed the number that is hoped to be small or large.
    fn measured(&self, lines: &[Line]) -> Vec<f64> {
        let own = lines.iter().filter(|line| line.is(&self.run, &self.at));
        own.filter_map(|line| {
            let value = line.number(&self.metric)?;
            let Some(than) = &self.than else { return Some(value) };
            let other = match than.as_str() {
                "dense" => line.number(&self.of_dense())?,
                than => lines
                    .iter()
                    .find(|other| other.seed == line.seed && other.is(than, &self.than_at))?
                    .number(&self.metric)?,
            };
            Some(match self.by {
                By::Ratio => value / other,
                By::Difference => value - other,
            })
        })
        .collect()
    }

    /// What the report calls the number of the model before: `macs_left` has `macs_dense`.
    fn of_dense(&self) -> String {
        let what = self.metric.split('_').next().unwrap_or_default();
        format!("{what}_dense")
    }

    fn holds(&self, measured: &[f64]) -> bool {
        let good = |value: f64| {
            self.at_most.is_none_or(|most| value <= most) && self.at_least.is_none_or(|least| value >= least)
        };
        match self.in_seeds {
            Some(seeds) => measured.iter().filter(|value| good(**value)).count() >= seeds,
            None => good(mean(measured)),
        }
    }

    /// Whether it speaks of runs that the file makes, and hopes for something.
    #[cfg(test)]
    pub fn check(&self, names: &[String]) -> Result<(), String> {
        let known = |name: &String| names.contains(name) || name == "dense";
        if !known(&self.run) || !self.than.as_ref().is_none_or(known) {
            return Err(format!("{:?} speaks of runs that are not made; there are {}", self.says, names.join(", ")));
        }
        match (self.at_most, self.at_least) {
            (None, None) => Err(format!("{:?} hopes for nothing", self.says)),
            _ => Ok(()),
        }
    }
}

/// What the runs of a file are called.
#[cfg(test)]
pub fn names(text: &str) -> Vec<String> {
    let file: toml::Table = toml::from_str(text).unwrap_or_default();
    let methods = file.get("method").and_then(toml::Value::as_array).cloned().unwrap_or_default();
    let word = |method: &toml::Value, key: &str| Some(method.get(key)?.as_str()?.to_string());
    methods.iter().filter_map(|method| word(method, "name").or_else(|| word(method, "method"))).collect()
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn lines() -> Vec<Line> {
        let line = |name: &str, seed: u64, sparsity: f64, metric: f64| {
            serde_json::from_value(json!({
                "name": name, "seed": seed, "settings": { "sparsity": sparsity },
                "report": { "metric_pruned": metric, "metric_dense": 10.0, "macs_left": 30, "macs_dense": 60, "device": "a device" },
            }))
        };
        let all = [
            line("a", 0, 0.5, 20.0),
            line("a", 1, 0.5, 30.0),
            line("a", 0, 0.9, 90.0),
            line("b", 0, 0.5, 40.0),
            line("b", 1, 0.5, 40.0),
        ];
        all.map(Result::unwrap).into()
    }

    fn claim(text: &str) -> Claim {
        toml::from_str(&format!("says = 'a claim'\nrun = 'a'\nat = {{ sparsity = 0.5 }}\n{text}")).unwrap()
    }

    #[test]
    fn runs_are_held_against_others_of_their_seed() {
        let ratio = claim("than = 'b'\nat_most = 0.7");
        assert_eq!(ratio.measured(&lines()), [0.5, 0.75]);
        assert_eq!(ratio.row(&lines()), "| a claim | at most 0.7 | 0.625 (0.500 to 0.750) | 2 | yes |\n");
        let strict = claim("than = 'b'\nat_most = 0.7\nin_seeds = 2");
        assert!(strict.row(&lines()).contains("| **no** |"));
        assert_eq!(claim("than = 'dense'\nby = 'difference'\nat_least = 0").measured(&lines()), [10.0, 20.0]);
        assert_eq!(claim("than = 'dense'\nmetric = 'macs_left'\nat_most = 1").measured(&lines()), [0.5, 0.5]);
        assert_eq!(claim("at_most = 1").measured(&lines()), [20.0, 30.0]);
        assert!(claim("than = 'c'\nat_most = 1").row(&lines()).contains("not measured"));
    }

    #[test]
    fn a_claim_about_nothing_is_found_out() {
        let names = ["a".to_string()];
        assert!(claim("than = 'c'\nat_most = 1").check(&names).unwrap_err().contains("not made"));
        assert!(claim("than = 'dense'").check(&names).unwrap_err().contains("hopes for nothing"));
        assert_eq!(claim("at_most = 1").check(&names), Ok(()));
    }
}
